"""What of a change of the API's description breaks those who call it: within /v1 and PxWebApi v2 nothing may.

The description last promised is docs/openapi.promised.json. What is added is free; what is taken away, renamed,
narrowed or newly demanded is a break, and needs another version of the API, twelve months beside the old.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]


def breaks(promised: Document, now: Document) -> list[str]:
    """What a client of the promised description can no longer rely on, one line each."""
    return list(_paths(promised, now))


def _paths(promised: Document, now: Document) -> Iterator[str]:
    for path, methods in promised["paths"].items():
        for method, one in methods.items():
            other = now["paths"].get(path, {}).get(method)
            where = f"{method.upper()} {path}"
            if other is None:
                yield f"{where}: is gone"
                continue
            yield from _parameters(where, one, other, promised, now)
            yield from _body(where, one, other, promised, now)
            yield from _responses(where, one, other, promised, now)


def _named(one: Document) -> dict[tuple[str, str], Document]:
    return {(parameter["in"], parameter["name"]): parameter for parameter in one.get("parameters", ())}


def _parameters(where: str, one: Document, other: Document, promised: Document, now: Document) -> Iterator[str]:
    before, after = _named(one), _named(other)
    for key, parameter in before.items():
        name = f"{where}: parameter {key[1]}"
        if key not in after:
            yield f"{name}: is gone"
            continue
        if after[key].get("required") and not parameter.get("required"):
            yield f"{name}: is demanded"
        yield from _narrower(name, parameter.get("schema", {}), after[key].get("schema", {}), promised, now)
    for key, parameter in after.items():
        if key not in before and parameter.get("required"):
            yield f"{where}: parameter {key[1]}: is new and demanded"


def _body(where: str, one: Document, other: Document, promised: Document, now: Document) -> Iterator[str]:
    before, after = one.get("requestBody"), other.get("requestBody")
    if after and after.get("required") and not (before or {}).get("required"):
        yield f"{where}: a body is demanded"
    for media, content in (before or {}).get("content", {}).items():
        if media not in (after or {}).get("content", {}):
            yield f"{where}: takes no {media}"
        elif after is not None:
            given = after["content"][media].get("schema", {})
            yield from _narrower(f"{where}: body", content.get("schema", {}), given, promised, now)


def _responses(where: str, one: Document, other: Document, promised: Document, now: Document) -> Iterator[str]:
    for status, response in one["responses"].items():
        if not status.startswith("2"):
            continue
        answer = other["responses"].get(status)
        if answer is None:
            yield f"{where}: never answers {status}"
            continue
        for media, content in response.get("content", {}).items():
            if media not in answer.get("content", {}):
                yield f"{where}: {status} is never {media}"
                continue
            before = _resolved(content.get("schema", {}), promised)
            after = _resolved(answer["content"][media].get("schema", {}), now)
            for name in _properties(before) - _properties(after):
                yield f"{where}: {status}: {name} is gone"
            for name in set(before.get("required", ())) - set(after.get("required", ())):
                if "anyOf" not in after:
                    yield f"{where}: {status}: {name} can be missing"


def _properties(schema: Document) -> set[str]:
    found = set(schema.get("properties", {}))
    for one in schema.get("anyOf", ()):
        found |= set(one.get("properties", {}))
    return found


def _narrower(where: str, before: Document, after: Document, promised: Document, now: Document) -> Iterator[str]:
    """What was taken and no longer is."""
    before, after = _resolved(before, promised), _resolved(after, now)
    gone = [one for one in before.get("enum", ()) if one not in after.get("enum", before.get("enum", ()))]
    if gone:
        yield f"{where}: no longer takes {', '.join(map(str, gone))}"
    if "enum" in after and "enum" not in before:
        yield f"{where}: takes only some values"
    for limit, sign in (("maxLength", 1), ("maximum", 1), ("maxItems", 1), ("minLength", -1), ("minimum", -1)):
        least = after.get(limit)
        if least is not None and (before.get(limit) is None or sign * least < sign * before[limit]):
            yield f"{where}: {limit} is {least}"
    if after.get("pattern") not in (None, before.get("pattern")):
        yield f"{where}: takes another pattern"
    if before.get("type") != after.get("type") and after.get("type") is not None:
        yield f"{where}: is of another type"
    for name in set(after.get("required", ())) - set(before.get("required", ())):
        yield f"{where}: {name} is demanded"
    for name, one in before.get("properties", {}).items():
        if name not in after.get("properties", {}):
            yield f"{where}: takes no {name}"
        else:
            yield from _narrower(f"{where}: {name}", one, after["properties"][name], promised, now)


def _resolved(schema: Document, document: Document) -> Document:
    """A schema, or the one that it refers to."""
    reference = schema.get("$ref")
    if reference is None:
        if "anyOf" in schema:
            return {**schema, "anyOf": [_resolved(one, document) for one in schema["anyOf"]]}
        return schema
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return _resolved(found, document)
