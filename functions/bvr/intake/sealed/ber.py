"""Reading BER (X.690) once, from the first byte to the last, in time that follows its length.

asn1crypto reads everything again at each level of an indefinite length, and a list before anybody can say that it is
too long: ten megabytes of one-byte pieces kept it busy for two minutes. So the envelope is walked here, and asn1crypto
is asked what its small parts mean.
"""

from __future__ import annotations

INTEGER, OCTETS, OID, SEQUENCE, SET = 0x02, 0x04, 0x06, 0x30, 0x31
TAG_0, TAG_1, OCTETS_0 = 0xA0, 0xA1, 0x80
_CONSTRUCTED, _LONG_TAG, _INDEFINITE = 0x20, 0x1F, 0x80
_LENGTH_BYTES = 4


class Malformed(Exception):
    """Not BER, or not what the caller expects there."""


class Reader:
    """Goes through elements in their order. Every method raises Malformed where the bytes say something else."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._open = [(len(data), True)]
        """Where each element we are inside of ends; for one of indefinite length, where it must have ended."""

    def next(self) -> int:
        """The tag of the next element."""
        if self._at >= self._open[-1][0]:
            raise Malformed
        return self._data[self._at]

    def more(self) -> bool:
        """Whether the element we are inside of has more in it."""
        end, definite = self._open[-1]
        return self._at < end if definite else self._data[self._at : self._at + 2] != b"\x00\x00"

    def enter(self, tag: int) -> None:
        start, length = self._header(tag)
        end, _ = self._open[-1]
        self._open.append((end, False) if length is None else (start + length, True))
        self._at = start

    def leave(self) -> None:
        """Out of the element we are inside of, which must be at its end."""
        if self.more():
            raise Malformed
        end, definite = self._open.pop()
        if not definite:
            self._at += 2
        if self._at > end:
            raise Malformed

    def element(self, tag: int) -> bytes:
        """A whole element of definite length, with its tag."""
        at = self._at
        start, length = self._header(tag)
        if length is None:
            raise Malformed
        self._at = start + length
        return self._data[at : self._at]

    def content(self, tag: int) -> bytes:
        """What an element of definite length holds."""
        start, length = self._header(tag)
        if length is None:
            raise Malformed
        self._at = start + length
        return self._data[start : self._at]

    def end(self) -> None:
        """Nothing may follow."""
        if len(self._open) != 1 or self.more():
            raise Malformed

    def _header(self, tag: int) -> tuple[int, int | None]:
        """(where the content starts, its length; None when indefinite)."""
        data, at = self._data, self._at
        end, _ = self._open[-1]
        if at + 2 > end or data[at] != tag or tag & _LONG_TAG == _LONG_TAG:
            raise Malformed
        length, at = data[at + 1], at + 2
        if length == _INDEFINITE:
            if not tag & _CONSTRUCTED:
                raise Malformed
            return at, None
        if length > _INDEFINITE:
            count = length - _INDEFINITE
            if count > _LENGTH_BYTES or at + count > end:
                raise Malformed
            length, at = int.from_bytes(data[at : at + count]), at + count
        if at + length > end:
            raise Malformed
        return at, length
