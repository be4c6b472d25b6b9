"""A report as a page and as a table: what every report shares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import msgspec

from bvr import spreadsheet
from bvr.pipeline import NORWAY

LISTED = 1_000
"""The most rows of a list on a page; the table has all."""

Row = dict[str, Any]
Words = tuple[str, str]
"""In Bokmål and in English."""


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A heading, a text and a list of rows."""

    nb: str
    en: str
    text_nb: str = ""
    text_en: str = ""
    heads: tuple[Words, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    left_out: int = 0

    @property
    def caption(self) -> str:
        return f"{self.nb} | {self.en}"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A report: whether the requirements are met and why not, lists to read, and the whole as a table.

    `passed` is None where nothing is required.
    """

    name: str
    title: str
    known: datetime
    passed: bool | None
    reasons: tuple[Words, ...]
    sections: tuple[Section, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def page(self, made: datetime) -> bytes:
        """The page: one file that fetches nothing and runs nothing."""
        text = _template().render(
            title=self.title,
            known=self.known.astimezone(NORWAY),
            made=made.astimezone(NORWAY),
            passed=self.passed,
            reasons=self.reasons,
            sections=self.sections,
        )
        return text.encode()

    def table(self) -> bytes:
        """The table, for a spreadsheet."""
        return spreadsheet.render(self.columns, self.rows)


def section(words: Words, heads: Sequence[Words], rows: Iterable[Sequence[Any]], text: Words = ("", "")) -> Section:
    """A list, cut to what can be read."""
    made = [tuple(cell(one) for one in row) for row in rows]
    return Section(
        nb=words[0],
        en=words[1],
        text_nb=text[0],
        text_en=text[1],
        heads=tuple(heads),
        rows=tuple(made[:LISTED]),
        left_out=max(0, len(made) - LISTED),
    )


def cell(value: Any) -> str:
    """A value as Norwegians read it: dd.mm.yyyy, decimal comma, ja and nei."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "ja" if value else "nei"
    if isinstance(value, datetime):
        return value.astimezone(NORWAY).strftime("%d.%m.%Y %H:%M")
    if isinstance(value, date):
        return value.strftime("%d.%m.%Y")
    if isinstance(value, Decimal | float):
        return f"{value:.2f}".rstrip("0").rstrip(".").replace(".", ",")
    return str(value)


@cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(Path(__file__).with_name("templates"))
    return jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined).get_template(
        "page.html.j2"
    )
