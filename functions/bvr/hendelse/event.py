"""`hendelse.json`: that a case has changed, and where it can be fetched. Metadata only (reference section 3.1).

What is not known is refused, not ignored: an unknown field could hold what must not be here.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator

from bvr.faults import Fault
from bvr.intake.protocol import EVENT_CHANGED, EVENT_DELETED

_NUMBER = re.compile("[0-9]{11}")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


class Reporter(_Strict):
    """Whose case it is."""

    organisasjonsnummer: Annotated[str, Field(pattern=r"^[0-9]{9}$")]
    kommunenummer: Annotated[str, Field(pattern=r"^[0-9]{4}$")]
    bydelsnummer: Annotated[str, Field(pattern=r"^[0-9]{2}$")] | None = None


class Event(_Strict):
    """A notification. `referanse` is opaque and random: useless to whoever may not fetch."""

    hendelse_id: UUID = Field(alias="hendelseId", description="Hendelsens id | Id of the event")
    type: Annotated[str, Field(pattern=f"^({re.escape(EVENT_CHANGED)}|{re.escape(EVENT_DELETED)})$")]
    tidspunkt: AwareDatetime = Field(description="Da det skjedde | When it happened")
    avgiver: Reporter
    referanse: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{20,100}$")] = Field(
        description="Tilfeldig og uten mening; ikke sakens egen id | Random, without meaning; not the case's own id"
    )
    dato_uttrekk: AwareDatetime = Field(alias="datoUttrekk", description="Sakens uttrekk | Extract of the case")

    @field_validator("referanse")
    @classmethod
    def _no_number(cls, value: str) -> str:
        if _NUMBER.search(value):
            raise ValueError("looks like a person number")
        return value

    @field_validator("tidspunkt", "dato_uttrekk")
    @classmethod
    def _in_range(cls, value: datetime) -> datetime:
        if not 2000 <= value.year <= 2100:  # beyond, a moment need not exist in UTC, nor sort as its name does
            raise ValueError("not a moment of this register")
        return value

    @property
    def id(self) -> str:
        return str(self.hendelse_id)

    @property
    def extract(self) -> datetime:
        return self.dato_uttrekk.astimezone(UTC)


def schema() -> dict[str, Any]:
    """The JSON Schema of a notification."""
    return Event.model_json_schema(by_alias=True)


def read(body: bytes, message_type: str) -> Event | tuple[Fault, ...]:
    """The notification of a message, or a fault for each field that is missing, unknown or wrong, without its value."""
    try:
        event = Event.model_validate_json(body)
    except ValidationError as error:
        return tuple(_fault(e["loc"], e["type"]) for e in error.errors(include_input=False, include_url=False))
    if event.type != message_type:
        return (_fault(("type",), "other"),)
    return event


_KNOWN = {"hendelseId", "type", "tidspunkt", "avgiver", "referanse", "datoUttrekk"} | set(Reporter.model_fields)


def _fault(location: tuple[int | str, ...], kind: str) -> Fault:
    names = [str(step) if str(step) in _KNOWN else "?" for step in location]
    path = "/" + "/".join(names) if names else ""
    field = path or "/"
    if kind == "missing":
        nb, en = f"Feltet {field} mangler.", f"The field {field} is missing."
    elif kind == "extra_forbidden":
        nb = "Hendelsen har et felt som ikke hører hjemme i den. En hendelse skal ikke si noe om saken."
        en = "The event has a field that does not belong in it. An event says nothing of the case."
        path = "/".join(["", *names[:-1]])
    elif kind == "json_invalid":
        nb, en = "Hendelsen er ikke gyldig JSON.", "The event is not valid JSON."
    else:
        nb, en = f"Feltet {field} har ikke riktig form.", f"The field {field} does not have the right form."
    return Fault(kind="hendelse", nb=nb, en=en, path=path)
