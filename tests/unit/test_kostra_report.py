"""The control report: what it says happens, that its counts are true, and that nothing in it can do harm."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bvr.findings import Severity
from bvr.kostra.concepts import Individ
from bvr.kostra.report import (
    PER_CLIENT,
    About,
    Collector,
    ControlReport,
    Outcome,
    render_page,
    render_receipt,
    render_table,
    what_happens,
)
from bvr.kostra.rules import FileCheck, KostraOptions, check_avgiver, check_individ, structure
from bvr.kostra.rules.examples import BOY, DUF, avgiver, form, individ, melding, nummer, plan, tiltak

ERROR, WARNING = Severity.ERROR, Severity.WARNING
ABOUT = About(
    form=form(),
    kvitterings_id="0b0e7c3e-0000-5000-8000-000000000001",
    svar_til="0b0e7c3e-0000-4000-8000-000000000002",
    mottatt=datetime(2025, 2, 1, 8, 0, tzinfo=UTC),
    behandlet=datetime(2025, 2, 1, 8, 0, 3, tzinfo=UTC),
    digest="ab" * 32,
)
GOOD = individ(tiltak(), nr=nummer("2012-03-14"), journalnummer="god")


def gather(clients: Iterable[Individ], limit: int = 1000, **sender: Any) -> Collector:
    collector = Collector(limit)
    over_file = FileCheck(form(), KostraOptions())
    collector.add(check_avgiver(avgiver(**sender), form(), KostraOptions()))
    for number, client in enumerate(clients, 1):
        collector.client(check_individ(client, form(), KostraOptions(), number))
        over_file.add(client)
    collector.add(over_file.finish())
    return collector


def named(client: Individ, journal: str) -> Individ:
    """The client under another journal number and a person number that no rule compares."""
    return replace(client, journalnummer=journal, fodselsnummer=None, duf_nummer=DUF)


def thousand(*bad: Individ) -> list[Individ]:
    """A thousand clients under journal numbers of their own, some of them bad."""
    good = [named(GOOD, f"2020/{n}") for n in range(1000 - len(bad))]
    return [*good[:500], *bad, *good[500:]]


def receipt(report: ControlReport) -> Any:
    return json.loads(render_receipt(report, ABOUT))


# --- what happens to the rest ----------------------------------------------------------------------------------------

BAD = named(individ(tiltak(start="2024-06-02", slutt="2024-06-01"), start="2021-01-01"), "2021/99")


def test_one_bad_client_of_a_thousand() -> None:
    report = gather(thousand(BAD)).report()
    assert report.outcome is Outcome.IKKE_GODKJENT
    assert (report.clients_read, report.clients_with[ERROR], report.counts[ERROR]) == (1000, 1, 1)
    nb, en = what_happens(report)
    assert nb == (
        "Filen er ikke godkjent: 1 av 1000 klienter har feil. Ingen av klientene er tatt inn, heller ikke de 999 uten "
        "feil, før feilene er rettet. Rett feilene i fagsystemet, og send hele filen på nytt."
    )
    assert en.startswith("The file is not approved: 1 of 1000 clients has errors. None of the clients is taken in, not")
    body = receipt(report)
    assert (body["resultat"], body["beskjed"], body["beskjedEn"]) == ("IKKE_GODKJENT", nb, en)
    (wrong,) = [c for c in body["klienter"] if c["antall"]["error"]]
    assert (wrong["journalnummer"], wrong["nummerIFilen"]) == ("2021/99", [501])
    (finding,) = [f for f in wrong["funn"] if f["alvorlighet"] == "ERROR"]
    assert (finding["regelId"], finding["kontekstType"], finding["kontekstId"]) == (
        "kostra-tiltak-02a",
        "Tiltak",
        "Tiltak-1",
    )
    for page in (render_page(report, ABOUT).decode(), render_table(report).decode("utf-8-sig")):
        assert "2021/99" in page
    assert nb in render_page(report, ABOUT).decode()


def test_a_file_without_findings() -> None:
    report = gather([GOOD]).report()
    assert (report.outcome, report.worst, report.counts) == (Outcome.GODKJENT, Severity.OK, {})
    body = receipt(report)
    assert (body["resultat"], body["klienter"], body["fil"], body["avkortet"]) == ("GODKJENT", [], [], False)
    assert body["beskjed"].startswith("Filen er godkjent. Den ene klienten er tatt inn.")


def test_a_file_with_warnings_only_is_taken_in() -> None:
    report = gather([GOOD, named(GOOD, "B")]).report()
    assert report.outcome is Outcome.GODKJENT_MED_ADVARSLER
    assert (report.clients_with, report.worst) == ({ERROR: 0, WARNING: 1}, WARNING)
    assert "Alle 2 klienter er tatt inn" in receipt(report)["beskjed"]


def test_a_wrong_sender_stops_every_client() -> None:
    report = gather([GOOD], versjon="2019").report()
    assert report.outcome is Outcome.IKKE_GODKJENT
    assert [f.rule for f in report.on_file] == ["kostra-avgiver-02"]
    nb, en = what_happens(report)
    assert "feilen gjelder filen som helhet" in nb
    assert "Ingen av klientene (1 lest) er tatt inn" in nb
    assert "(1 read) is taken" in en


def test_a_file_that_cannot_be_read() -> None:
    collector = Collector()
    collector.add(
        [structure("kostra-fil-00", reason_nb="filen slutter midt i", reason_en="the file ends early", line=9)]
    )
    report = collector.report()
    assert report.outcome is Outcome.IKKE_GODKJENT
    assert receipt(report)["fil"][0]["linje"] == 9
    assert "(linje 9)" in render_page(report, ABOUT).decode()


def test_clients_that_break_the_schema_are_named_by_their_place() -> None:
    collector = Collector()
    collector.client([])
    for number in (2, 3):
        collector.client([structure("kostra-individ-01", reason_nb="noe", reason_en="something", number=number)])
    report = collector.report()
    assert (report.clients_read, report.clients_with[ERROR]) == (3, 2)
    assert [c.numbers for c in report.clients] == [(2,), (3,)]
    assert "Uten lesbart journalnummer" in render_page(report, ABOUT).decode()
    assert "heller ikke den ene uten feil" in what_happens(report)[0]


def test_a_wrong_sender_and_a_wrong_client() -> None:
    nb, en = what_happens(gather([BAD, GOOD], versjon="2019").report())
    assert nb.startswith("Filen er ikke godkjent: 1 av 2 klienter har feil, og det har filen selv. Ingen av klientene")
    assert "and so has the file itself" in en


def test_moments_are_norwegian() -> None:
    """An hour ahead in winter; the answer itself says UTC."""
    report = gather([GOOD]).report()
    assert "01.02.2025 09:00:03" in render_page(report, ABOUT).decode()
    assert receipt(report)["behandletTidspunkt"] == "2025-02-01T08:00:03Z"


def test_every_client_is_bad() -> None:
    nb, en = what_happens(gather([BAD]).report())
    assert nb.startswith("Filen er ikke godkjent: 1 av 1 klienter har feil. Ingen av klientene er tatt inn før")
    assert "not even" not in en


# --- counts and order ------------------------------------------------------------------------------------------------


def test_one_client_is_one_group_whatever_found_it() -> None:
    twins = [named(BAD, "B"), named(BAD, "A"), named(GOOD, "A")]
    report = gather(twins).report()
    assert [(c.journalnummer, c.numbers) for c in report.clients] == [("A", (2, 3)), ("B", (1,))]
    assert report.clients_with == {ERROR: 2, WARNING: 2}
    assert {f.rule for f in report.clients[0].findings} >= {"kostra-individ-05", "kostra-tiltak-02a"}


def test_counts_are_true_when_the_list_is_cut() -> None:
    clients = thousand(*(named(BAD, f"X{n}") for n in range(50)))
    whole, cut = gather(clients, 100_000).report(), gather(clients, 60).report()
    assert not whole.truncated
    assert cut.truncated
    assert (cut.counts, cut.rules, cut.clients_with) == (whole.counts, whole.rules, whole.clients_with)
    listed = [f for c in cut.clients for f in c.findings]
    assert len(listed) == 60
    assert sum(f.severity is ERROR for f in listed) == 50  # errors never give way to warnings
    by_journal = {c.journalnummer: c for c in whole.clients}
    for c in cut.clients:
        assert c.counts == by_journal[c.journalnummer].counts
    assert receipt(cut)["avkortet"] is True
    assert "Listen er kortet ned" in render_page(cut, ABOUT).decode()


def test_one_client_does_not_hide_the_others() -> None:
    flood = named(individ(*(tiltak(kategori="1.99") for _ in range(PER_CLIENT * 3)), tiltak()), "A")
    report = gather([flood, BAD], 500).report()
    second, first = report.clients
    assert (first.journalnummer, sum(f.severity is ERROR for f in first.findings), first.counts[ERROR]) == (
        "A",
        PER_CLIENT,
        PER_CLIENT * 3,
    )
    assert [f.rule for f in second.findings if f.severity is ERROR] == ["kostra-tiltak-02a"]
    assert receipt(report)["klienter"][1]["avkortet"] is True


def test_a_receipt_lists_less_than_the_report_and_counts_the_same() -> None:
    collector = gather(thousand(BAD))
    short, long = collector.report(10), collector.report()
    assert short.counts == long.counts
    assert len([f for c in short.clients for f in c.findings]) == 10
    assert short.clients_with == long.clients_with


def test_the_same_file_gives_the_same_bytes() -> None:
    clients = thousand(BAD, named(BAD, "Å"), named(BAD, "a"))
    first, again = gather(clients).report(), gather(clients).report()
    for render in (render_receipt, render_page):
        assert render(first, ABOUT) == render(again, ABOUT)
    assert render_table(first) == render_table(again)


# --- the answer ------------------------------------------------------------------------------------------------------


def test_snapshot_of_a_receipt() -> None:
    body = receipt(gather([replace(BAD, fodselsnummer=nummer("2012-03-14"), duf_nummer=None)]).report())
    assert body == {
        "kvitteringsId": ABOUT.kvitterings_id,
        "svarTilMeldingId": ABOUT.svar_til,
        "mottattTidspunkt": "2025-02-01T08:00:00Z",
        "behandletTidspunkt": "2025-02-01T08:00:03Z",
        "rapporteringsaar": 2024,
        "kommunenummer": "3301",
        "resultat": "IKKE_GODKJENT",
        "beskjed": "Filen er ikke godkjent: 1 av 1 klienter har feil. Ingen av klientene er tatt inn før feilene er "
        "rettet. Rett feilene i fagsystemet, og send hele filen på nytt.",
        "beskjedEn": "The file is not approved: 1 of 1 clients has errors. None of the clients is taken in until the "
        "errors are corrected. Correct them in the case system, and send the whole file again.",
        "hoyesteAlvorlighet": "ERROR",
        "antall": {"klienter": 1, "klienterMedFeil": 1, "klienterMedAdvarsel": 0, "error": 1, "warning": 0},
        "antallPerRegel": [
            {
                "regelId": "kostra-tiltak-02a",
                "regelNavn": "Tiltak Kontroll 2a: Startdato etter sluttdato",
                "alvorlighet": "ERROR",
                "antall": 1,
            }
        ],
        "regelsettVersjon": "kostra-15f.1",
        "innholdSha256": ABOUT.digest,
        "duplikat": False,
        "avkortet": False,
        "fil": [],
        "klienter": [
            {
                "journalnummer": "2021/99",
                "nummerIFilen": [1],
                "antall": {"error": 1, "warning": 0},
                "avkortet": False,
                "funn": [
                    {
                        "regelId": "kostra-tiltak-02a",
                        "regelNavn": "Tiltak Kontroll 2a: Startdato etter sluttdato",
                        "alvorlighet": "ERROR",
                        "kontekstType": "Tiltak",
                        "kontekstId": "Tiltak-1",
                        "individId": "1",
                        "sti": "/Barnevern/Individ[1]/Tiltak[1]",
                        "tekst": "Tiltaket starter 02.06.2024, etter sluttdatoen 01.06.2024.",
                        "tekstEn": "The measure starts on 02.06.2024, after its end date 01.06.2024.",
                        "tiltak": "Rett startdatoen eller sluttdatoen.",
                        "tiltakEn": "Correct the start date or the end date.",
                        "parametre": {"start": "2024-06-02", "slutt": "2024-06-01"},
                    }
                ],
            }
        ],
    }


# --- the page --------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a browser makes of the page: the elements it may hold, and the text of each."""

    VOID = frozenset({"meta"})

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text.append(data)


TAGS = {"html", "head", "meta", "title", "style", "body", "main", "section", "h1", "h2", "h3", "p", "span", "bdi"}
TAGS |= {"table", "caption", "thead", "tbody", "tr", "th", "td"}
HOSTILE = [
    "<script>alert(1)",
    "</title><b>",
    '"><img src=x>',
    "&lt;b&gt;&amp;",
    "]]><!--",
    "'onload='x",
    "\u202eabc",
    "a\nb;c",
    "{beskjed}",
    "%s",
]


@pytest.mark.parametrize("journal", HOSTILE)
def test_nothing_of_a_file_becomes_markup(journal: str) -> None:
    client = replace(named(BAD, journal), id=journal)
    page = Page(render_page(gather([client]).report(), ABOUT).decode())
    assert {tag for tag, _ in page.seen} <= TAGS
    assert journal in page.text
    for _, attributes in page.seen:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "href", "style")]


def test_the_page_can_be_used_without_eyes() -> None:
    report = gather([BAD, named(GOOD, "B")], versjon="2019").report()
    page = Page(render_page(report, ABOUT).decode())
    tags = [tag for tag, _ in page.seen]
    assert page.seen[0] == ("html", {"lang": "nb"})
    assert (tags.count("h1"), tags.count("main"), tags.count("title")) == (1, 1, 1)
    assert tags.count("caption") == tags.count("table")
    assert all(attributes.get("scope") in ("row", "col") for tag, attributes in page.seen if tag == "th")
    levels = [int(tag[1]) for tag in tags if tag in ("h1", "h2", "h3")]
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert {a.get("lang") for _, a in page.seen if "lang" in a} == {"nb", "en"}
    # Severity is a word and not only a colour.
    errors = sum(r.severity is ERROR for r in report.rules) + report.counts[ERROR]
    assert page.text.count("FEIL") == errors > 3
    assert any("default-src 'none'" in (a.get("content") or "") for t, a in page.seen if t == "meta")


def test_the_page_loads_nothing() -> None:
    page = render_page(gather([BAD]).report(), ABOUT).decode()
    for word in ("http:", "https:", "url(", "@import", "<link", "<script", "<img"):
        assert word not in page


# --- the table -------------------------------------------------------------------------------------------------------


def rows(report: ControlReport) -> list[list[str]]:
    raw = render_table(report)
    assert raw.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""), delimiter=";"))


@pytest.mark.parametrize(
    "journal", ["=cmd()", "+1", "-1", "@x", "\t=1", "\r=1", " =1", "\u00a0=1", "\u2003@x", "＝1", "\n=1"]
)
def test_no_cell_is_a_formula(journal: str) -> None:
    header, *found = rows(gather([replace(named(BAD, journal), id="=1+1")]).report())
    assert header[0] == "Journalnummer"
    assert found
    for row in found:
        assert row[0] == f"'{journal}"
        for cell in row:
            assert not cell.lstrip().startswith(tuple("=+-@＝＋－＠"))


@pytest.mark.parametrize("journal", ["2020/17", 'a";b', "a\nb", "a;=1", "Å", "'x"])
def test_other_cells_stand_as_they_are(journal: str) -> None:
    _, *found = rows(gather([named(BAD, journal)]).report())
    assert {row[0] for row in found} == {journal}
    assert {len(row) for row in found} == {10}


def test_the_table_lists_what_the_page_lists() -> None:
    report = gather(thousand(BAD), versjon="2019").report()
    _, *found = rows(report)
    assert len(found) == len(report.on_file) + sum(len(c.findings) for c in report.clients)
    assert [row[2] for row in found].count("FEIL") == report.counts[ERROR]


# --- nobody is told of -----------------------------------------------------------------------------------------------


@given(st.text(min_size=1, max_size=20, alphabet=st.characters(exclude_categories=["Cs", "Cc"])))
@settings(max_examples=60, deadline=None)
def test_any_journal_number_is_reported(journal: str) -> None:
    report = gather([replace(BAD, journalnummer=journal)]).report()
    page = Page(render_page(report, ABOUT).decode())
    (client,) = receipt(report)["klienter"]
    assert client["journalnummer"] in page.text
    assert rows(report)[1][0].removeprefix("'") in (client["journalnummer"], client["journalnummer"].removeprefix("'"))


def test_no_rendering_tells_who_somebody_is() -> None:
    client = individ(
        melding(melder=("22", ("22", "Naboen Ola"))),
        plan(start="1990-01-01"),
        nr=BOY,
        duf=DUF,
        journalnummer=f"J {BOY}",
        id=BOY,
        saksbehandler="Kari Nordmann",
    )
    report = gather([client, replace(client, journalnummer="B")]).report()
    assert report.counts[ERROR] > 3
    everything = (render_receipt(report, ABOUT) + render_page(report, ABOUT) + render_table(report)).decode()
    for secret in (BOY, BOY[:6], DUF, "Naboen", "Nordmann", "2012-03-14", "14.03.2012"):
        assert secret not in everything
    assert "(skjult: ligner et personnummer)" in everything
