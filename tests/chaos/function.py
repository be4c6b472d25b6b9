"""The functions as they are deployed, with the campaign's hand in their process: functions-framework is given this file
in place of functions/main.py.

What the campaign can do here it cannot do from outside: end the process before or after one named call to the platform,
move its clock, say that it is another version, and plant a bug. functions/ itself knows nothing of it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any

import functions_framework

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ["CHAOS_FOLDER"])
INSTANCE = f"{os.environ['K_SERVICE']}-{os.environ['CHAOS_VERSION']}"
ORDER = FOLDER / f"die-{INSTANCE}"
"""Where the campaign writes at which call the process is to end."""


def _load() -> Any:
    """functions/main.py, as functions-framework loads it."""
    path = ROOT / "functions" / "main.py"
    os.sys.path.insert(0, str(path.parent))  # type: ignore[attr-defined]
    spec = importlib.util.spec_from_file_location("main", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def another_version() -> None:
    """The ruleset of another version: before anything else has read it."""
    import bvr.rules

    bvr.rules.RULESET = os.environ.get("CHAOS_RULESET") or bvr.rules.RULESET


def moved_clock() -> None:
    """The clock is as far off as a file says, in seconds."""
    import bvr.wiring

    def now() -> datetime:
        try:
            off = float((FOLDER / "clock").read_text() or 0)
        except OSError:
            off = 0.0
        return datetime.now(UTC) + timedelta(seconds=off)

    bvr.wiring.now = now


def end_at_calls() -> None:
    """Before and after each call to the platform, see whether this is where the process is to end."""
    from bvr import gcp

    for method in ("create", "read", "exists", "delete"):
        _watch(gcp.Bucket, method, lambda name, *_, m=method, **__: (f"{m} {name.split('/')[0]}", name))
    _watch(gcp.RegisterTable, "append", lambda row, *_, **__: ("append", _melding_id(row)))
    _watch(gcp.Publisher, "publish", lambda topic, _, attributes, *__, **___: (f"publish {topic}", str(attributes)))


def _melding_id(row: bytes) -> str:
    """Of a serialized row: it is the one text of that form which its writer puts first."""
    import re

    found = re.search(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", row)
    return found[0].decode() if found else ""


def _watch(owner: type, method: str, say: Callable[..., tuple[str, str]]) -> None:
    original = getattr(owner, method)

    @wraps(original)
    def call(self: Any, *given: Any, **named: Any) -> Any:
        step, about = say(*given, **named)
        _end_if(f"before {step}", about)
        found = original(self, *given, **named)
        _end_if(f"after {step}", about)
        return found

    setattr(owner, method, call)


def _end_if(step: str, about: str) -> None:
    """End the process here, if that is what the campaign has ordered; it is told what was in hand."""
    try:
        ordered = ORDER.read_text()
    except OSError:
        return
    if ordered != step:
        return
    told = FOLDER / f"dead-{INSTANCE}-{os.getpid()}-{threading.get_ident()}"
    try:
        ORDER.rename(told)  # one thread alone gets it
    except OSError:
        return
    told.write_text(json.dumps({"step": step, "about": about}))
    os.kill(os.getpid(), signal.SIGKILL)


def acknowledge_before_archive(main: Any) -> None:
    """A bug: the message is acknowledged, and then taken in."""

    def receive(request: Any) -> tuple[str, int]:
        delivery = main._delivery(request)
        if delivery is not None:
            # Later, so that it has been acknowledged for certain when the process ends.
            threading.Timer(0.3, lambda: main._flow(delivery).receive(delivery)).start()
        return "", 204

    main.receive = functions_framework.http(receive)


def receipt_before_row(_main: Any) -> None:
    """A bug: the receipt is kept and sent before its row is stored."""
    import msgspec

    from bvr.service import Service

    original = Service._finish

    class Later:
        def __init__(self, rows: list[bytes]) -> None:
            self.append = rows.append

    def finish(self: Any, *given: Any, **named: Any) -> Any:
        rows: list[bytes] = []
        receipt = original(msgspec.structs.replace(self, register=Later(rows)), *given, **named)
        for row in rows:
            self.register.append(row)
        return receipt

    Service._finish = finish  # type: ignore[method-assign]


BUGS: dict[str, Callable[[Any], None]] = {
    "acknowledge-before-archive": acknowledge_before_archive,
    "receipt-before-row": receipt_before_row,
}

another_version()
moved_clock()
end_at_calls()
_main = _load()
if _bug := os.environ.get("CHAOS_BUG"):
    BUGS[_bug](_main)
receive, deliver, sweep = _main.receive, _main.deliver, _main.sweep
