"""The filter language of subscriptions: https://cloud.google.com/pubsub/docs/subscription-message-filter.

    filter     = term ( ("AND" term)* | ("OR" term)* )       mixing the two needs parentheses
    term       = ["NOT" | "-"] ( "(" filter ")" | condition )
    condition  = "attributes" ":" key
               | "attributes" "." key ("=" | "!=") string
               | "hasPrefix" "(" "attributes" "." key "," string ")"
    key        = letters, digits, "-" and "_", or a string
    string     = in double quotes, with the escapes of C

A filter matches attributes only. A missing attribute equals nothing and has no prefix, so `!=` matches it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

LONGEST = 256  # bytes
DEEPEST = 100  # levels of parentheses and NOT; more would not fit in 256 bytes anyway


class FilterError(ValueError):
    """The text is not a filter; the message says where."""


@dataclass(frozen=True)
class Has:
    """The attribute exists."""

    key: str

    def matches(self, attributes: Mapping[str, str]) -> bool:
        """Whether a message with these attributes passes."""
        return self.key in attributes

    def __str__(self) -> str:
        return f"attributes:{_key(self.key)}"


@dataclass(frozen=True)
class Equals:
    """The attribute has this value, or (`negated`) has not."""

    key: str
    value: str
    negated: bool = False

    def matches(self, attributes: Mapping[str, str]) -> bool:
        """Whether a message with these attributes passes."""
        return (attributes.get(self.key) == self.value) != self.negated

    def __str__(self) -> str:
        return f"attributes.{_key(self.key)} {'!=' if self.negated else '='} {_quote(self.value)}"


@dataclass(frozen=True)
class HasPrefix:
    """The attribute's value starts with this."""

    key: str
    prefix: str

    def matches(self, attributes: Mapping[str, str]) -> bool:
        """Whether a message with these attributes passes."""
        return self.key in attributes and attributes[self.key].startswith(self.prefix)

    def __str__(self) -> str:
        return f"hasPrefix(attributes.{_key(self.key)}, {_quote(self.prefix)})"


@dataclass(frozen=True)
class Not:
    """The inner filter does not match."""

    inner: Filter

    def matches(self, attributes: Mapping[str, str]) -> bool:
        """Whether a message with these attributes passes."""
        return not self.inner.matches(attributes)

    def __str__(self) -> str:
        # NOT binds closer than AND and OR, and takes no second NOT without parentheses.
        simple = isinstance(self.inner, (Has, Equals, HasPrefix))
        return f"NOT {self.inner}" if simple else f"NOT ({self.inner})"


@dataclass(frozen=True)
class All:
    """Every part matches."""

    parts: tuple[Filter, ...]

    def matches(self, attributes: Mapping[str, str]) -> bool:
        """Whether a message with these attributes passes."""
        return all(part.matches(attributes) for part in self.parts)

    def __str__(self) -> str:
        return " AND ".join(_grouped(part) for part in self.parts)


@dataclass(frozen=True)
class Any:
    """Some part matches."""

    parts: tuple[Filter, ...]

    def matches(self, attributes: Mapping[str, str]) -> bool:
        """Whether a message with these attributes passes."""
        return any(part.matches(attributes) for part in self.parts)

    def __str__(self) -> str:
        return " OR ".join(_grouped(part) for part in self.parts)


Filter = Has | Equals | HasPrefix | Not | All | Any


def parse(text: str) -> Filter:
    """Read a filter; `str()` of the result reads back as the same filter."""
    if len(text.encode()) > LONGEST:
        raise FilterError(f"a filter has at most {LONGEST} bytes")
    return _Parser(text).parse()


# Writing ------------------------------------------------------------------------------------------------------------

_BARE_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_KEYWORDS = {"AND", "OR", "NOT"}


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) and key not in _KEYWORDS else _quote(key)


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda found: f"\\x{ord(found[0]):02x}", escaped) + '"'


def _grouped(part: Filter) -> str:
    return f"({part})" if isinstance(part, (All, Any)) else str(part)


# Reading ------------------------------------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>"(?:[^"\\]|\\.)*")
    | (?P<word>[A-Za-z0-9_][A-Za-z0-9_-]*)
    | (?P<sign>!=|[=:.,()-])
    | (?P<end>$)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(
    r"""\\(?: x([0-9A-Fa-f]{2}) | u([0-9A-Fa-f]{4}) | U([0-9A-Fa-f]{8}) | ([0-7]{3}) | (.) )""", re.VERBOSE | re.DOTALL
)
_SIMPLE_ESCAPES = dict(zip("abfnrtv\\\"'?`", "\a\b\f\n\r\t\v\\\"'?`", strict=True))


def _unquote(literal: str) -> str:
    def replace(found: re.Match[str]) -> str:
        two, four, eight, octal, one = found.groups()
        if one is not None:
            if one not in _SIMPLE_ESCAPES:
                raise FilterError(f"unknown escape \\{one}")
            return _SIMPLE_ESCAPES[one]
        code = int(octal, 8) if octal is not None else int(two or four or eight, 16)
        try:
            character = chr(code)
            character.encode()
        except (ValueError, OverflowError):
            raise FilterError(f"{found[0]} is not a character") from None
        return character

    return _ESCAPE.sub(replace, literal[1:-1])


class _Parser:
    """Recursive descent over the tokens of one filter."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str, int]] = []
        position, kind = 0, ""
        while kind != "end":
            found = _TOKEN.match(text, position)
            if found is None or found.lastgroup is None:
                raise FilterError(f"unexpected character at position {position}")
            kind = found.lastgroup
            self._tokens.append((kind, found[kind], found.start(kind)))
            position = found.end()
        self._next = 0
        self._depth = 0

    def parse(self) -> Filter:
        found = self._filter()
        kind, text, position = self._tokens[self._next]
        if kind != "end":
            hint = "; AND and OR together need parentheses" if text in ("AND", "OR") else ""
            raise FilterError(f"unexpected {text!r} at position {position}{hint}")
        return found

    def _filter(self) -> Filter:
        parts = [self._term()]
        for word, combine in (("AND", All), ("OR", Any)):
            while self._accept(word):
                parts.append(self._term())
            if len(parts) > 1:
                return combine(tuple(parts))
        return parts[0]

    def _term(self) -> Filter:
        if self._accept("NOT") or self._accept("-"):
            return Not(self._operand())
        return self._operand()

    def _operand(self) -> Filter:
        if not self._accept("("):
            return self._condition()
        self._depth += 1
        if self._depth > DEEPEST:
            raise FilterError("too many parentheses")
        inner = self._filter()
        self._expect(")")
        self._depth -= 1
        return inner

    def _condition(self) -> Filter:
        if self._accept("hasPrefix"):
            self._expect("(")
            self._expect("attributes")
            self._expect(".")
            key = self._key()
            self._expect(",")
            prefix = self._string()
            self._expect(")")
            return HasPrefix(key, prefix)
        self._expect("attributes")
        if self._accept(":"):
            return Has(self._key())
        self._expect(".")
        key = self._key()
        negated = self._accept("!=")
        if not negated:
            self._expect("=")
        return Equals(key, self._string(), negated)

    def _accept(self, text: str) -> bool:
        kind, found, _ = self._tokens[self._next]
        if kind not in ("string", "end") and found == text:
            self._next += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            self._fail(repr(text))

    def _key(self) -> str:
        return self._literal("an attribute's key", ("word", "string"))

    def _string(self) -> str:
        return self._literal("a string in double quotes", ("string",))

    def _literal(self, what: str, kinds: tuple[str, ...]) -> str:
        kind, text, _ = self._tokens[self._next]
        if kind not in kinds:
            self._fail(what)
        self._next += 1
        return _unquote(text) if kind == "string" else text

    def _fail(self, wanted: str) -> None:
        kind, text, position = self._tokens[self._next]
        found = "the end" if kind == "end" else repr(text)
        raise FilterError(f"expected {wanted} at position {position}, found {found}")


def compile_filter(text: str) -> Callable[[Mapping[str, str]], bool] | None:
    """What decides whether a message passes; None when all do."""
    return parse(text).matches if text.strip() else None
