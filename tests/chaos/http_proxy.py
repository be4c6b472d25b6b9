"""A proxy in front of an HTTP service, or of a function: passes on what comes, until something is to go wrong."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from contextlib import suppress
from random import Random

from emulator.processes import HOST
from tests.chaos.faults import Faults

Address = tuple[str, int]
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_LIMIT = 64 * 1024 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_BODILESS = (204, 304)
_REASONS = {401: "authError", 429: "rateLimitExceeded", 500: "internalError", 503: "backendError"}
DROPPED = "dropped"


class HttpProxy:
    """Serves on a port of its own, and passes each call to one of `upstreams`, drawn by `random`."""

    def __init__(self, place: str, faults: Faults, upstreams: Sequence[Address], random: Random) -> None:
        self._place = place
        self._faults = faults
        self._upstreams = upstreams
        self._random = random
        self._later: set[asyncio.Task[None]] = set()
        self._clients: set[asyncio.StreamWriter] = set()
        self.port = 0

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    async def start(self) -> None:
        server = await asyncio.start_server(self._serve, HOST, 0, limit=_LIMIT)
        self.port = server.sockets[0].getsockname()[1]
        self._server = server

    async def stop(self) -> None:
        self._server.close()
        for writer in list(self._clients):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kept: dict[Address, Connection] = {}
        self._clients.add(writer)
        try:
            while (request := await _message(reader)) is not None:
                if not await self._one(request, writer, kept) or _CLOSE.search(request):
                    break
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.transport.abort()
        finally:
            for _, upstream in kept.values():
                upstream.close()
            writer.close()
            self._clients.discard(writer)

    async def _one(self, request: bytes, writer: asyncio.StreamWriter, kept: dict[Address, Connection]) -> bool:
        """Answer one request; whether the connection may be used for more."""
        fault = self._faults.draw(self._place)
        kind = fault or ""
        if kind == "slow":
            await asyncio.sleep(self._faults.chance(self._place, 0.05, 0.8))
        elif kind.startswith("held back"):
            await asyncio.sleep(self._faults.chance(self._place, 1.0, 5.0))
        elif kind in ("connection cut", DROPPED):
            writer.transport.abort()
            return False
        elif kind == "lost for good":
            await _write(writer, b"HTTP/1.1 204 No Content\r\n\r\n")
            return True
        elif kind == "token expired":
            await _write(writer, _error(401))
            return True
        elif kind.endswith("before") or kind.startswith("503: "):
            await _write(writer, _error(int(kind[:3])))
            return True
        elif kind == "twice at once":
            second = asyncio.create_task(self._beside(request))
            self._later.add(second)
            second.add_done_callback(self._later.discard)
        try:
            answer = await self._forward(request, kept)
        except (OSError, asyncio.IncompleteReadError):
            # Nobody there: Cloud Run says so itself; a service is simply not reached.
            if self._place.startswith("push"):
                await _write(writer, _error(503))
                return True
            writer.transport.abort()
            return False
        if kind == "503 after: the answer lost":
            answer = _error(503)
        elif kind == "answer dropped":
            writer.transport.abort()
            return False
        elif kind == "half an answer":
            await _write(writer, answer[: len(answer) // 2])
            writer.close()
            return False
        await _write(writer, answer)
        return not _CLOSE.search(answer.partition(b"\r\n\r\n")[0] + b"\r\n")

    async def _beside(self, request: bytes) -> None:
        """The same request once more, whose answer nobody hears."""
        alone: dict[Address, Connection] = {}
        with suppress(OSError, asyncio.IncompleteReadError):
            await self._forward(request, alone)
        for _, upstream in alone.values():
            upstream.close()

    async def _connect(self, wanted: Address) -> tuple[Address, Connection]:
        """To the one that is wanted; to another while that is down, as Cloud Run does."""
        for address in (wanted, *(one for one in self._upstreams if one != wanted)):
            with suppress(OSError):
                return address, await asyncio.open_connection(*address, limit=_LIMIT)
        raise ConnectionRefusedError(wanted)

    async def _forward(self, request: bytes, kept: dict[Address, Connection]) -> bytes:
        """The answer of the service. A kept connection that was closed meanwhile counts for nothing."""
        address = self._random.choice(self._upstreams)
        connection = kept.pop(address, None)
        reused = connection is not None
        if connection is None:
            address, connection = await self._connect(address)
        reader, writer = connection
        try:
            writer.write(request)
            await writer.drain()
            answer = await _message(reader, asked=request)
            if answer is None:
                raise ConnectionResetError("closed without an answer")
        except (OSError, asyncio.IncompleteReadError):
            writer.close()
            if not reused:
                raise
            return await self._forward(request, kept)
        if _CLOSE.search(answer.partition(b"\r\n\r\n")[0] + b"\r\n"):
            writer.close()
        else:
            kept[address] = (reader, writer)
        return answer


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


async def _message(reader: asyncio.StreamReader, asked: bytes | None = None) -> bytes | None:
    """One request, or the answer to `asked`, as it was written; None at the end."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as end:
        if end.partial:
            raise
        return None
    if asked is not None:
        status = int(head[9:12])
        if 100 <= status < 200:
            return await _message(reader, asked)
        if asked.startswith(b"HEAD ") or status in _BODILESS:
            return head
    if match := _LENGTH.search(head):
        return head + await reader.readexactly(int(match[1]))
    if _CHUNKED.search(head):
        parts = [head]
        while True:
            line = await reader.readuntil(b"\r\n")
            size = int(line.split(b";")[0], 16)
            parts += [line, await reader.readexactly(size + 2)]
            if size == 0:
                return b"".join(parts)
    return head if asked is None else head + await reader.read()


def _error(status: int) -> bytes:
    """An error as Google's HTTP services word it."""
    told = {"code": status, "message": "campaign", "errors": [{"reason": _REASONS[status], "message": "campaign"}]}
    body = json.dumps({"error": told}).encode()
    head = f"HTTP/1.1 {status} Error\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
