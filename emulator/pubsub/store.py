"""The journal of a broker in an SQLite file, so that nothing acknowledged to a client is lost in a crash.

The broker hands over each change as it makes it and goes on. One thread writes what has gathered in one transaction
and syncs it to disk; `sync` waits for that. Many waiting publishers therefore share one sync (group commit).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from emulator.pubsub.errors import PubSubError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS resource (
    kind TEXT NOT NULL, name TEXT NOT NULL, uid INTEGER NOT NULL, topic INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (kind, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS message (id INTEGER PRIMARY KEY, published REAL NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS holding (
    uid INTEGER NOT NULL, message INTEGER NOT NULL, acked INTEGER NOT NULL, failures INTEGER NOT NULL,
    PRIMARY KEY (uid, message)
) WITHOUT ROWID;
"""
_PUT = "INSERT OR REPLACE INTO resource VALUES (?, ?, ?, ?, ?)"
_DROP = "DELETE FROM resource WHERE kind = ? AND name = ?"
_ADD = "INSERT INTO message VALUES (?, ?, ?)"
_FORGET = "DELETE FROM message WHERE id = ?"
_HOLD = "INSERT OR REPLACE INTO holding VALUES (?, ?, ?, ?)"
_RELEASE = "DELETE FROM holding WHERE uid = ? AND message = ?"
_RELEASE_ALL = "DELETE FROM holding WHERE uid = ?"


class Store:
    """One data folder. Open it, `load`, then `start`; `close` writes what is left."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(
            folder / "pubsub.sqlite", check_same_thread=False, isolation_level=None, timeout=1
        )
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        # A second server on the same folder would lose messages: better that it fails to start.
        self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._database.executescript(_SCHEMA)
        self._condition = threading.Condition()
        self._pending: list[tuple[str, tuple[Any, ...]]] = []
        self._handed_over = 0
        self._written = 0
        self._fault: Exception | None = None
        self._closing = False
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="pubsub store", daemon=True)

    def load(
        self,
    ) -> tuple[
        list[tuple[str, str, int, int, bytes]], Iterable[tuple[int, float, bytes]], Iterable[tuple[int, int, bool, int]]
    ]:
        """What `Broker.restore` takes."""
        execute = self._database.execute
        return (
            execute("SELECT * FROM resource ORDER BY uid").fetchall(),
            execute("SELECT * FROM message ORDER BY id"),
            execute("SELECT * FROM holding ORDER BY message"),
        )

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def close(self) -> None:
        """Write what is left and close the file."""
        with self._condition:
            self._closing = True
            self._condition.notify_all()
        if self._thread.ident:
            self._thread.join()
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        self._database.close()

    def sync(self) -> None:
        """Return when everything handed over so far is on disk."""
        with self._condition:
            wanted = self._handed_over
            while self._written < wanted:
                if self._fault:
                    raise PubSubError("UNAVAILABLE", f"The data folder cannot be written: {self._fault}")
                if self._closed:
                    raise PubSubError("UNAVAILABLE", "The server has been stopped.")
                self._condition.wait()

    # The journal ----------------------------------------------------------------------------------------------------

    def put(self, kind: str, name: str, uid: int, topic: int, body: bytes) -> None:
        """A resource was created or changed."""
        self._hand_over(_PUT, kind, name, uid, topic, body)

    def drop(self, kind: str, name: str) -> None:
        """A resource is no more."""
        self._hand_over(_DROP, kind, name)

    def add(self, message: int, published: float, body: bytes) -> None:
        """A message was published."""
        self._hand_over(_ADD, message, published, body)

    def forget(self, message: int) -> None:
        """Nobody holds the message any more."""
        self._hand_over(_FORGET, message)

    def hold(self, uid: int, message: int, acked: bool, failures: int) -> None:
        """The resource holds the message, in this state."""
        self._hand_over(_HOLD, uid, message, acked, failures)

    def release(self, uid: int, message: int) -> None:
        """The resource no longer holds the message."""
        self._hand_over(_RELEASE, uid, message)

    def release_all(self, uid: int) -> None:
        """The resource holds nothing any more."""
        self._hand_over(_RELEASE_ALL, uid)

    def _hand_over(self, statement: str, *values: Any) -> None:
        with self._condition:
            self._pending.append((statement, values))
            self._handed_over += 1
            if len(self._pending) == 1:
                self._condition.notify_all()

    # Writing --------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._pending and not self._closing:
                    self._condition.wait()
                work, self._pending = self._pending, []
            if not work:
                return
            try:
                self._write(work)
            except sqlite3.Error as error:
                with self._condition:
                    self._fault = error
                    self._condition.notify_all()
                return
            with self._condition:
                self._written += len(work)
                self._condition.notify_all()

    def _write(self, work: list[tuple[str, tuple[Any, ...]]]) -> None:
        """One transaction; runs of the same statement go in one call."""
        database = self._database
        database.execute("BEGIN")
        statement = work[0][0]
        values: list[tuple[Any, ...]] = []
        for next_statement, next_values in work:
            if next_statement is not statement:
                database.executemany(statement, values)
                statement, values = next_statement, []
            values.append(next_values)
        database.executemany(statement, values)
        database.execute("COMMIT")
