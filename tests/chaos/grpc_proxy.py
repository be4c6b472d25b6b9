"""A proxy in front of a gRPC service: passes bytes on, until something is to go wrong with a publish or an append."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import grpc

from emulator.processes import HOST
from tests.chaos.faults import Faults

_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.http2.min_ping_interval_without_data_ms", 1_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.so_reuseport", 0),
)
_UPSTREAM = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
)
_CODES = {
    "429": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "500": grpc.StatusCode.INTERNAL,
    "503": grpc.StatusCode.UNAVAILABLE,
}


class GrpcProxy(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Serves on a port of its own. `faulty` is the method that goes wrong; every other is passed on."""

    def __init__(self, place: str, faults: Faults, upstream: str, faulty: str) -> None:
        self._place = place
        self._faults = faults
        self._upstream = upstream
        self._faulty = faulty
        self.port = 0

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    async def start(self) -> None:
        self._channel = grpc.aio.insecure_channel(self._upstream, options=_UPSTREAM)
        self._server = grpc.aio.server(options=_OPTIONS)
        self._server.add_generic_rpc_handlers((self,))
        self.port = self._server.add_insecure_port(f"{HOST}:0")
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(grace=None)
        await self._channel.close()

    def service(self, details: Any) -> Any:
        # On the wire a unary call is a stream of one: every method is passed on in the same way.
        return grpc.stream_stream_rpc_method_handler(partial(self._pass_on, details.method))

    async def _pass_on(self, method: str, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        given = [(k, v) for k, v in context.invocation_metadata() or () if not k.startswith(("grpc-", "user-agent"))]
        faulty = method.endswith(f"/{self._faulty}")
        call = None
        try:
            async for request in requests:
                kind = (self._faults.draw(self._place) if faulty else None) or ""
                if kind.endswith("before"):
                    await context.abort(_CODES[kind[:3]], "campaign")
                if kind == "slow":
                    await asyncio.sleep(self._faults.chance(self._place, 0.05, 0.8))
                if kind == "twice" and method.endswith("/Publish"):
                    await self._alone(method, given, request)
                if call is None:
                    call = self._channel.stream_stream(method)(metadata=given, timeout=context.time_remaining())
                answer = await self._ask(call, request)
                if kind == "twice" and not method.endswith("/Publish"):
                    await self._ask(call, request)
                if kind.endswith("the answer lost"):
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "campaign")
                yield answer
            if call is not None:
                await call.done_writing()
        except grpc.aio.AioRpcError as error:
            await context.abort(error.code(), error.details() or "")
        finally:
            if call is not None:
                call.cancel()

    async def _alone(self, method: str, metadata: list[tuple[str, Any]], request: bytes) -> None:
        """The same call once more, by itself."""
        await self._ask(self._channel.stream_stream(method)(metadata=metadata, timeout=10), request)

    @staticmethod
    async def _ask(call: Any, request: bytes) -> bytes:
        await call.write(request)
        answer: Any = await call.read()
        if answer is grpc.aio.EOF:
            code, details = await call.code(), await call.details()
            raise grpc.aio.AioRpcError(code, await call.initial_metadata(), await call.trailing_metadata(), details)
        return bytes(answer)
