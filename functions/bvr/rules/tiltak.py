"""Rules on measures (Tiltak)."""

from __future__ import annotations

from bisect import bisect_right, insort
from datetime import date

from bvr.model.concepts import Sak, Tiltak
from bvr.rules.case import Case
from bvr.rules.examples import document, lov, personalia, relasjon, sak, tiltak, uid, vedtak
from bvr.rules.families import duplicate_content, end_after_case, start_after_end, start_before_case
from bvr.rules.lovhjemmel import er_null, er_omsorgsovertakelse, er_plassering, sitat
from bvr.rules.options import Channel, RuleOptions
from bvr.rules.rule import ERROR, WARNING, Example, Fired, Result, fired, fires, rule, silent

KOSTRA = Channel.KOSTRA
_STORE = "ABCDEF02-0000-4000-8000-00000000ABCD"  # an Id in capitals
_OMSORG = lov("BVL2021", "5", "1")
_PLASSERING = ["1.1", "1.2", "1.99", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.99", "8.2"]
_I_DAG = RuleOptions(tiltak_age_at="today")
_MED_8_4_OG_8_5 = RuleOptions(placement_codes=(*RuleOptions().placement_codes, "8.4", "8.5"))

start_after_end("tiltak-2a", Tiltak, tiltak, official="Tiltak Kontroll 2a", since="2013-01-01", ssb="MEASURE_02A")
end_after_case(
    "tiltak-2c",
    Tiltak,
    tiltak,
    official="Tiltak Kontroll 2c",
    since="2013-01-01",
    ssb="MEASURE_02C",
    if_migrated=WARNING,
)
start_before_case(
    "tiltak-2e",
    Tiltak,
    tiltak,
    official="Tiltak Kontroll 2e",
    since="2013-01-01",
    ssb="MEASURE_02E",
    if_migrated=WARNING,
)
duplicate_content(
    "tiltak-19",
    Tiltak,
    "tiltak",
    tiltak,
    official="Tiltak Kontroll 19",
    severity=WARNING,
    since="2022-01-01",
    ssb="MEASURE_19",
    extra=(
        Example(
            "text is trimmed",
            document(
                sak(tiltak(kategori="3.7", presisering="Forklart"), tiltak(kategori="3.7", presisering=" Forklart "))
            ),
            2,
        ),
        Example(
            "related provisions in another order",
            document(sak(tiltak(jmfr=(lov("BVL"), lov("BL1981"))), tiltak(jmfr=(lov("BL1981"), lov("BVL"))))),
            2,
        ),
        Example("another category", document(sak(tiltak(kategori="3.1"), tiltak(kategori="3.2"))), 0),
        Example("another end", document(sak(tiltak(slutt="2024-05-01"), tiltak(slutt="2024-05-02"))), 0),
        Example("ErSlettet false is as good as absent", document(sak(tiltak(er_slettet=False), tiltak())), 2),
    ),
)


def _alder(tiltak: Tiltak, case: Case) -> int:
    """The child's age when the measure ended, else today (A42); always today with that option."""
    if tiltak.konklusjon is None or case.options.tiltak_age_at == "today":
        return case.age(case.today)
    return case.age(tiltak.konklusjon.slutt_dato)


@rule(
    "tiltak-5",
    official="Tiltak Kontroll 5",
    severity=WARNING,
    since="2013-01-01",
    needs=("born",),
    title_nb="Barnehage for barn over 7 år",
    title_en="Kindergarten for a child over 7",
    nb="Tiltaket er barnehage (4.1), men barnet er {alder} år.",
    en="The measure is kindergarten (4.1), but the child is {alder} years old.",
    remedy_nb="Avslutt tiltaket, rett kategorien, eller kontroller barnets fødselsdato.",
    remedy_en="End the measure, correct the category, or check the child's date of birth.",
    ssb="MEASURE_05",
)
@silent(
    "the day before the 8th birthday",
    document(sak(personalia(fodt="2012-03-14"), tiltak(kategori="4.1")), today="2020-03-13"),
)
@silent("another category", document(sak(personalia(fodt="2012-03-14"), tiltak(kategori="4.2")), today="2020-03-14"))
@silent(
    "ended the day before the 8th birthday, however long ago (A42)",
    document(sak(personalia(fodt="2012-03-14"), tiltak(kategori="4.1", slutt="2020-03-13"))),
)
@silent(
    "born 29 February: still 7 on 28 February (A3)",
    document(sak(personalia(fodt="2012-02-29"), tiltak(kategori="4.1", slutt="2020-02-28"))),
)
@silent(
    "ended on the 8th birthday, but the child is measured today, at 7",
    document(sak(personalia(fodt="2012-03-14"), tiltak(kategori="4.1", slutt="2020-03-14")), today="2020-03-13"),
    options=_I_DAG,
)
@silent("the birth date is unknown", document(sak(tiltak(kategori="4.1"))))
@silent(
    "deleted",
    document(sak(personalia(fodt="2012-03-14"), tiltak(kategori="4.1", er_slettet=True)), today="2020-03-14"),
)
@fires(
    "the 8th birthday",
    document(sak(personalia(fodt="2012-03-14"), tiltak(kategori="4.1")), today="2020-03-14"),
    parameters={"alder": 8},
)
@fires(
    "ended on the 8th birthday (A42)",
    document(sak(personalia(fodt="2012-03-14"), tiltak(kategori="4.1", slutt="2020-03-14"))),
    parameters={"alder": 8},
)
@fires(
    "ended at 7, but measured today (option)",
    document(sak(personalia(fodt="2012-03-14"), tiltak(kategori="4.1", slutt="2020-03-13"))),
    options=_I_DAG,
    parameters={"alder": 13},
)
@fires(
    "migrated, through KOSTRA: a warning as it was",
    document(sak(personalia(fodt="2012-03-14"), tiltak(kategori="4.1", migrert_id="17"))),
    channel=KOSTRA,
    severity=WARNING,
)
def barnehage_for_barn_over_7(tiltak: Tiltak, case: Case) -> Result:
    """Rule 5 (A42): from the 8th birthday."""
    if tiltak.kategori.kode == "4.1" and (alder := _alder(tiltak, case)) > 7:
        return fired(alder=alder)
    return None


@rule(
    "tiltak-6",
    official="Tiltak Kontroll 6",
    severity=WARNING,
    since="2013-01-01",
    needs=("born",),
    title_nb="SFO for barn over 11 år",
    title_en="After-school care for a child over 11",
    nb="Tiltaket er SFO/aktivitetsskole (4.2), men barnet er {alder} år.",
    en="The measure is after-school care (4.2), but the child is {alder} years old.",
    remedy_nb="Avslutt tiltaket, rett kategorien, eller kontroller barnets fødselsdato.",
    remedy_en="End the measure, correct the category, or check the child's date of birth.",
    ssb="MEASURE_06",
)
@silent(
    "the day before the 12th birthday",
    document(sak(personalia(fodt="2012-03-14"), tiltak(kategori="4.2")), today="2024-03-13"),
)
@silent("another category", document(sak(personalia(fodt="2012-03-14"), tiltak(kategori="4.1")), today="2024-03-14"))
@silent(
    "ended the day before the 12th birthday (A42)",
    document(sak(personalia(fodt="2012-03-14"), tiltak(kategori="4.2", slutt="2024-03-13"))),
)
@fires(
    "the 12th birthday",
    document(sak(personalia(fodt="2012-03-14"), tiltak(kategori="4.2")), today="2024-03-14"),
    parameters={"alder": 12},
)
@fires(
    "ended on the 12th birthday (A42)",
    document(sak(personalia(fodt="2012-03-14"), tiltak(kategori="4.2", slutt="2024-03-14"))),
    parameters={"alder": 12},
)
@fires(
    "ended at 11, but measured today (option)",
    document(sak(personalia(fodt="2012-03-14"), tiltak(kategori="4.2", slutt="2024-03-13"))),
    options=_I_DAG,
    parameters={"alder": 13},
)
def sfo_for_barn_over_11(tiltak: Tiltak, case: Case) -> Result:
    """Rule 6 (A42): from the 12th birthday."""
    if tiltak.kategori.kode == "4.2" and (alder := _alder(tiltak, case)) > 11:
        return fired(alder=alder)
    return None


_KREVER_PRESISERING = frozenset(("1.99", "2.99", "3.7", "3.99", "4.99", "5.99", "6.99", "7.99", "8.99"))


@rule(
    "tiltak-7",
    official="Tiltak Kontroll 7",
    severity=ERROR,
    since="2013-01-01",
    title_nb="Tiltakskategorien mangler presisering",
    title_en="The category lacks its clarification",
    nb="Tiltakets kategori {kode} krever presisering, men presiseringen mangler.",
    en="The measure's category {kode} demands a clarification, and there is none.",
    remedy_nb="Skriv presiseringen, eller velg en kategori som ikke krever det.",
    remedy_en="Write the clarification, or choose a category that does not demand one.",
    ssb="MEASURE_07",
)
@silent("a category that demands none", document(sak(tiltak(kategori="3.1"))))
@silent("3.70 is not 3.7", document(sak(tiltak(kategori="3.70"))))
@silent(
    "every category that demands one has it",
    document(sak(*(tiltak(kategori=k, presisering="Forklart") for k in sorted(_KREVER_PRESISERING)))),
)
@silent("deleted", document(sak(tiltak(kategori="3.99", er_slettet=True))))
@fires(
    "each of the nine categories without one",
    document(sak(*(tiltak(kategori=k) for k in sorted(_KREVER_PRESISERING)))),
    times=9,
)
@fires("only a space (A23)", document(sak(tiltak(kategori="3.7", presisering=" "))), parameters={"kode": "3.7"})
@fires("migrated, from the case system", document(sak(tiltak(kategori="1.99", migrert_id="17"))), severity=ERROR)
@fires(
    "migrated, through KOSTRA",
    document(sak(tiltak(kategori="1.99", migrert_id="17"))),
    channel=KOSTRA,
    severity=WARNING,
)
@fires("not migrated, through KOSTRA", document(sak(tiltak(kategori="1.99"))), channel=KOSTRA, severity=ERROR)
def tiltakskategori_uten_presisering(tiltak: Tiltak, case: Case) -> Result:
    """Rule 7 (A23, A26)."""
    kategori = tiltak.kategori
    if kategori.kode in _KREVER_PRESISERING and not (kategori.presisering and kategori.presisering.strip()):
        return fired(kode=kategori.kode)
    return None


@rule(
    "tiltak-8",
    official="Tiltak Kontroll 8",
    severity=ERROR,
    since="2013-01-01",
    title_nb="Opphevelsen mangler presisering",
    title_en="The reason for revoking lacks its clarification",
    nb="Opphevelsens kode {kode} krever presisering, men presiseringen mangler.",
    en="Code {kode} of the reason for revoking demands a clarification, and there is none.",
    remedy_nb="Skriv presiseringen, eller velg en annen grunn til opphevelsen.",
    remedy_en="Write the clarification, or choose another reason for revoking.",
    ssb="MEASURE_08",
)
@silent("no reason for revoking", document(sak(tiltak())))
@silent("a code that demands none", document(sak(tiltak(slutt="2024-05-01", opphevelse="1"))))
@silent("with its clarification", document(sak(tiltak(slutt="2024-05-01", opphevelse=("4", "Forklart")))))
@fires("without", document(sak(tiltak(slutt="2024-05-01", opphevelse="4"))), parameters={"kode": "4"})
@fires("only a space (A23)", document(sak(tiltak(slutt="2024-05-01", opphevelse=("4", " ")))))
@fires("the measure has not ended", document(sak(tiltak(opphevelse="4"))))
@fires("migrated, from the case system", document(sak(tiltak(opphevelse="4", migrert_id="17"))), severity=ERROR)
@fires(
    "migrated, through KOSTRA",
    document(sak(tiltak(opphevelse="4", migrert_id="17"))),
    channel=KOSTRA,
    severity=WARNING,
)
def opphevelse_uten_presisering(tiltak: Tiltak, case: Case) -> Result:
    """Rule 8 (A23)."""
    opphevelse = tiltak.opphevelse
    if opphevelse is None or opphevelse.kode != "4" or (opphevelse.presisering and opphevelse.presisering.strip()):
        return None
    return fired(kode=opphevelse.kode)


_INSTITUSJON = tiltak(start="2024-06-01", kategori="1.1", slutt="2025-04-01")
_FOSTERHJEM_90 = tiltak(start="2025-01-01", kategori="2.1", slutt="2025-12-31")


@rule(
    "tiltak-9",
    official="Tiltak Kontroll 9",
    severity=WARNING,
    since="2013-01-01",
    title_nb="To plasseringer samtidig i mer enn 90 dager",
    title_en="Two placements at once for more than 90 days",
    nb="Plasseringen overlapper plasseringen {annet_tiltak} i {dager} dager, "
    "fra {overlapp_start} til {overlapp_slutt}. Mer enn 90 dager er ikke ventet.",
    en="The placement overlaps the placement {annet_tiltak} by {dager} days, "
    "from {overlapp_start} to {overlapp_slutt}. More than 90 days is not expected.",
    remedy_nb="Avslutt plasseringen barnet har flyttet fra, eller rett datoene.",
    remedy_en="End the placement the child has moved from, or correct the dates.",
    ssb="MEASURE_09",
)
@silent("exactly 90 days", document(sak(_INSTITUSJON, _FOSTERHJEM_90)))
@fires(
    "91 days, told on the one that starts last",
    document(
        sak(
            tiltak(start="2024-06-01", kategori="1.1", slutt="2025-04-02"),
            tiltak(start="2025-01-01", kategori="2.1", slutt="2025-12-31"),
        )
    ),
    parameters={
        "overlapp_start": date(2025, 1, 1),
        "overlapp_slutt": date(2025, 4, 2),
        "dager": 91,
        "annet_tiltak": uid("Tiltak", 1),
    },
)
@fires(
    "the same when the one that starts last stands first",
    document(
        sak(
            tiltak(start="2025-01-01", kategori="2.1", slutt="2025-12-31"),
            tiltak(start="2024-06-01", kategori="1.1", slutt="2025-04-02"),
        )
    ),
    parameters={
        "overlapp_start": date(2025, 1, 1),
        "overlapp_slutt": date(2025, 4, 2),
        "dager": 91,
        "annet_tiltak": uid("Tiltak", 2),
    },
)
@fires(
    "both start on one day: told on the last in the document",
    document(
        sak(
            tiltak(start="2024-06-01", kategori="1.1", slutt="2024-12-01"),
            tiltak(start="2024-06-01", kategori="2.1", slutt="2025-12-31"),
        )
    ),
    parameters={
        "overlapp_start": date(2024, 6, 1),
        "overlapp_slutt": date(2024, 12, 1),
        "dager": 183,
        "annet_tiltak": uid("Tiltak", 1),
    },
)
@fires(
    "one within the other",
    document(
        sak(
            tiltak(start="2020-06-01", kategori="1.1", slutt="2025-04-02"),
            tiltak(start="2022-01-01", kategori="8.2", slutt="2022-12-31"),
        )
    ),
)
@silent(
    "open ones count to today: 90 days",
    document(
        sak(tiltak(start="2024-06-01", kategori="1.1"), tiltak(start="2025-01-01", kategori="2.1")), today="2025-04-01"
    ),
)
@fires(
    "open ones count to today: 91 days",
    document(
        sak(tiltak(start="2024-06-01", kategori="1.1"), tiltak(start="2025-01-01", kategori="2.1")), today="2025-04-02"
    ),
)
@silent("one placement", document(sak(tiltak(start="2020-06-01", kategori="1.1"))))
@silent(
    "one is not a placement",
    document(sak(tiltak(start="2020-06-01", kategori="1.1"), tiltak(start="2020-06-01", kategori="3.1"))),
)
@silent(
    "one is deleted",
    document(
        sak(tiltak(start="2020-06-01", kategori="1.1"), tiltak(start="2020-06-01", kategori="2.1", er_slettet=True))
    ),
)
@silent(
    "one ends before it starts: left to tiltak-2a",
    document(
        sak(
            tiltak(start="2020-06-01", kategori="1.1"),
            tiltak(start="2024-06-01", slutt="2021-01-01", kategori="2.1"),
        )
    ),
)
@silent(
    "one starts after today and is open",
    document(sak(tiltak(start="2020-06-01", kategori="1.1"), tiltak(start="2026-06-01", kategori="2.1"))),
)
@fires(
    "three at once are three pairs",
    document(sak(*(tiltak(start="2024-06-01", kategori=k) for k in ("1.1", "2.1", "2.6")))),
    times=3,
)
@silent(
    "8.4 and 8.5 are no placements (A41)",
    document(sak(tiltak(start="2020-06-01", kategori="8.4"), tiltak(start="2020-06-01", kategori="8.5"))),
)
@fires(
    "8.4 and 8.5 are placements (option)",
    document(sak(tiltak(start="2020-06-01", kategori="8.4"), tiltak(start="2020-06-01", kategori="8.5"))),
    options=_MED_8_4_OG_8_5,
)
@fires(
    "migrated, through KOSTRA: a warning as it was",
    document(
        sak(
            tiltak(start="2024-06-01", kategori="1.1", migrert_id="17"),
            tiltak(start="2024-06-01", kategori="2.1", migrert_id="18"),
        )
    ),
    channel=KOSTRA,
    severity=WARNING,
)
def plasseringer_overlapper(sak: Sak, case: Case) -> Result:
    """Rule 9 (A43): each unordered pair once, on the one that starts last (ties: last in the document).

    A sweep by start date keeps the ends of the earlier placements sorted; those beyond start + 90 days overlap too
    long. Pairs beyond `max_findings` are counted and not listed.
    """
    if len(sak.tiltak) < 2:
        return None
    options = case.options
    today = case.today.toordinal()
    periods = []
    for place, t in enumerate(sak.tiltak):
        if er_plassering(t, options):
            start = t.start_dato.toordinal()
            end = t.konklusjon.slutt_dato.toordinal() if t.konklusjon is not None else today
            if end - start > 90:  # a shorter one overlaps nothing for longer
                periods.append((start, place, end))
    if len(periods) < 2:
        return None
    periods.sort()
    limit = max(1, options.max_findings)
    found: list[Fired] = []
    more = 0
    ends: list[tuple[int, int]] = []  # (end, place) of the earlier ones, sorted
    for start, place, end in periods:
        first = bisect_right(ends, (start + 90, len(sak.tiltak)))
        listed = min(len(ends) - first, limit - len(found))
        more += len(ends) - first - listed
        for other_end, other in ends[first : first + listed]:
            found.append(_overlapp(sak.tiltak[place], sak.tiltak[other], start, min(end, other_end)))
        insort(ends, (end, place))
    if more:
        last = found[-1]
        found[-1] = fired(at=last.at, owner=last.owner, more=more, **last.parameters)
    return found


def _overlapp(tiltak: Tiltak, annet: Tiltak, start: int, end: int) -> Fired:
    return fired(
        at=tiltak,
        owner=tiltak,
        overlapp_start=date.fromordinal(start),
        overlapp_slutt=date.fromordinal(end),
        dager=end - start,
        annet_tiltak=annet.id,
    )


@rule(
    "tiltak-12",
    official="Tiltak Kontroll 12",
    severity=ERROR,
    since="2013-01-01",
    title_nb="Avsluttet omsorgstiltak uten opphevelse",
    title_en="Ended care order without a reason for revoking",
    nb="Omsorgstiltaket er avsluttet {slutt}, men grunnen til opphevelsen mangler.",
    en="The care order ended on {slutt}, but the reason for revoking it is missing.",
    remedy_nb="Registrer hvorfor omsorgstiltaket ble opphevet, eller rett lovhjemmelen.",
    remedy_en="Register why the care order was revoked, or correct the legal basis.",
    ssb="MEASURE_12",
)
@silent("open", document(sak(tiltak(kategori="2.1", lovhjemmel=_OMSORG))))
@silent(
    "ended, with the reason",
    document(sak(tiltak(kategori="2.1", lovhjemmel=_OMSORG, slutt="2024-05-01", opphevelse="1"))),
)
@silent("no placement", document(sak(tiltak(kategori="3.1", lovhjemmel=_OMSORG, slutt="2024-05-01"))))
@silent("no care order", document(sak(tiltak(kategori="2.1", lovhjemmel=lov("BVL2021", "3", "2"), slutt="2024-05-01"))))
@silent(
    "other provisions: BVL2021 § 5-2, § 5-1a, § 1-1 and § 4-12, BL1981 § 5-1 and § 4-12, BVL § 5-1, § 5-12 and § 4-12a",
    document(
        sak(
            *(
                tiltak(kategori="2.1", lovhjemmel=lov(*h), slutt="2024-05-01")
                for h in (
                    ("BVL2021", "5", "2"),
                    ("BVL2021", "5", "1a"),
                    ("BL1981", "5", "1"),
                    ("BL1981", "4", "12"),
                    ("BVL", "5", "1"),
                    ("BVL", "5", "12"),
                    ("BVL2021", "1", "1"),
                    ("BVL", "4", "12a"),
                    ("BVL2021", "4", "12"),
                )
            )
        )
    ),
)
@silent(
    "BVL § 4-8 first subsection",
    document(sak(tiltak(kategori="2.1", lovhjemmel=lov("BVL", "4", "8", ledd=("1",)), slutt="2024-05-01"))),
)
@silent(
    "BVL § 4-8 read with § 4-12a and § 3-12, and BVL § 4-9 read with § 4-12",
    document(
        sak(
            tiltak(kategori="2.1", lovhjemmel=lov("BVL", "4", "8"), jmfr=(lov("BVL", "3", "12"),), slutt="2024-05-01"),
            tiltak(kategori="2.1", lovhjemmel=lov("BVL", "4", "8"), jmfr=(lov("BVL", "4", "12a"),), slutt="2024-05-01"),
            tiltak(kategori="2.1", lovhjemmel=lov("BVL", "4", "9"), jmfr=(lov("BVL", "4", "12"),), slutt="2024-05-01"),
        )
    ),
)
@silent("8.4 is no placement (A41)", document(sak(tiltak(kategori="8.4", lovhjemmel=_OMSORG, slutt="2026-05-01"))))
@silent(
    "deleted",
    document(sak(tiltak(kategori="2.1", lovhjemmel=_OMSORG, slutt="2024-05-01", er_slettet=True))),
)
@fires(
    "BVL2021 § 5-1",
    document(sak(tiltak(kategori="2.1", lovhjemmel=_OMSORG, slutt="2024-05-01"))),
    parameters={"slutt": date(2024, 5, 1)},
)
@fires("BVL § 4-12", document(sak(tiltak(kategori="1.1", lovhjemmel=lov("BVL", "4", "12"), slutt="2024-05-01"))))
@fires(
    "BVL § 4-8 second, third, and first and third subsection",
    document(
        sak(
            *(
                tiltak(kategori="8.2", lovhjemmel=lov("BVL", "4", "8", ledd=ledd), slutt="2024-05-01")
                for ledd in (("2",), ("3",), ("1", "3"))
            )
        )
    ),
    times=3,
)
@fires(
    "BVL § 4-8 read with § 4-12, of any act (A40)",
    document(
        sak(
            tiltak(
                kategori="2.1",
                lovhjemmel=lov("BVL", "4", "8"),
                jmfr=(lov("BVL", "1", "1"), lov("BVL2021", "4", "12")),
                slutt="2024-05-01",
            )
        )
    ),
)
@fires(
    "each of the eleven categories that are placements",
    document(sak(*(tiltak(kategori=k, lovhjemmel=_OMSORG, slutt="2024-05-01") for k in _PLASSERING))),
    times=11,
)
@fires(
    "8.5 is a placement (option)",
    document(sak(tiltak(kategori="8.5", lovhjemmel=_OMSORG, slutt="2026-05-01"))),
    options=_MED_8_4_OG_8_5,
)
@fires(
    "migrated, from the case system",
    document(sak(tiltak(kategori="2.1", lovhjemmel=_OMSORG, slutt="2024-05-01", migrert_id="17"))),
    severity=ERROR,
)
@fires(
    "migrated, through KOSTRA",
    document(sak(tiltak(kategori="2.1", lovhjemmel=_OMSORG, slutt="2024-05-01", migrert_id="17"))),
    channel=KOSTRA,
    severity=WARNING,
)
def omsorgstiltak_uten_opphevelse(tiltak: Tiltak, case: Case) -> Result:
    """Rule 12 (A39, A44)."""
    if (
        tiltak.konklusjon is not None
        and tiltak.opphevelse is None
        and er_plassering(tiltak, case.options)
        and er_omsorgsovertakelse(tiltak)
    ):
        return fired(slutt=tiltak.konklusjon.slutt_dato)
    return None


@rule(
    "tiltak-13",
    official="Tiltak Kontroll 13",
    severity=ERROR,
    since="2013-01-01",
    needs=("born",),
    title_nb="Omsorgstiltak som løper etter fylte 18 år",
    title_en="Care order that runs after the 18th birthday",
    nb="Omsorgstiltaket er ikke avsluttet, men barnet er {alder} år.",
    en="The care order has not ended, but the child is {alder} years old.",
    remedy_nb="Avslutt omsorgstiltaket senest den dagen barnet fyller 18 år, eller rett lovhjemmelen.",
    remedy_en="End the care order no later than the child's 18th birthday, or correct the legal basis.",
    ssb="MEASURE_13",
)
@silent(
    "the day before the 18th birthday",
    document(sak(personalia(fodt="2012-03-14"), tiltak(lovhjemmel=_OMSORG)), today="2030-03-13"),
)
@silent(
    "18, and the measure has ended",
    document(sak(personalia(fodt="2012-03-14"), tiltak(lovhjemmel=_OMSORG, slutt="2030-03-14")), today="2030-03-14"),
)
@silent(
    "18, and no care order",
    document(sak(personalia(fodt="2012-03-14"), tiltak(lovhjemmel=lov("BVL2021", "3", "6"))), today="2030-03-14"),
)
@silent("the birth date is unknown", document(sak(tiltak(lovhjemmel=_OMSORG)), today="2030-03-14"))
@silent(
    "deleted",
    document(sak(personalia(fodt="2012-03-14"), tiltak(lovhjemmel=_OMSORG, er_slettet=True)), today="2030-03-14"),
)
@fires(
    "the 18th birthday (A45), placement or not",
    document(sak(personalia(fodt="2012-03-14"), tiltak(lovhjemmel=_OMSORG)), today="2030-03-14"),
    parameters={"alder": 18},
)
@fires(
    "migrated, from the case system",
    document(sak(personalia(fodt="2012-03-14"), tiltak(lovhjemmel=_OMSORG, migrert_id="17")), today="2030-03-14"),
    severity=ERROR,
)
@fires(
    "migrated, through KOSTRA",
    document(sak(personalia(fodt="2012-03-14"), tiltak(lovhjemmel=_OMSORG, migrert_id="17")), today="2030-03-14"),
    channel=KOSTRA,
    severity=WARNING,
)
def omsorgstiltak_etter_fylte_18(tiltak: Tiltak, case: Case) -> Result:
    """Rule 13 (A39, A45)."""
    if tiltak.konklusjon is None and er_omsorgsovertakelse(tiltak) and (alder := case.age(case.today)) >= 18:
        return fired(alder=alder)
    return None


@rule(
    "tiltak-14",
    official="Tiltak Kontroll 14",
    severity=ERROR,
    since="2013-01-01",
    title_nb="Null i tiltakets lovhjemmel",
    title_en="Zero in the measure's legal basis",
    nb="{felt} i tiltakets lovhjemmel er null.",
    en="{felt} of the measure's legal basis is zero.",
    remedy_nb="Rett lovhjemmelen. La ledd og punktum stå tomt når de ikke gjelder.",
    remedy_en="Correct the legal basis. Leave Ledd and Punktum out where they do not apply.",
    ssb="MEASURE_14",
)
@silent("no zero", document(sak(tiltak(lovhjemmel=lov("BVL2021", "3", "1", ("1",), ("a",), ("1",))))))
@silent("zeros among other digits", document(sak(tiltak(lovhjemmel=lov("BVL2021", "10", "01", ("10",), (), ("20",))))))
@silent("0a is not digits only (A46)", document(sak(tiltak(lovhjemmel=lov("BVL2021", "0a", "0b")))))
@silent("related provisions are not looked at (A46)", document(sak(tiltak(jmfr=(lov("BVL2021", "0", "0"),)))))
@silent("deleted", document(sak(tiltak(lovhjemmel=lov("BVL2021", "0", "1"), er_slettet=True))))
@fires("chapter 0", document(sak(tiltak(lovhjemmel=lov("BVL2021", "0", "1")))), parameters={"felt": "Kapittel"})
@fires("section 00", document(sak(tiltak(lovhjemmel=lov("BVL2021", "3", "00")))), parameters={"felt": "Paragraf"})
@fires(
    "some subsection 0",
    document(sak(tiltak(lovhjemmel=lov("BVL2021", "3", "1", ledd=("1", "0"))))),
    parameters={"felt": "Ledd"},
)
@fires(
    "some sentence 000",
    document(sak(tiltak(lovhjemmel=lov("BVL2021", "3", "1", punktum=("2", "000"))))),
    parameters={"felt": "Punktum"},
)
@fires("four zeros are one finding", document(sak(tiltak(lovhjemmel=lov("BVL2021", "0", "0", ("0",), (), ("0",))))))
@fires("another script's zero", document(sak(tiltak(lovhjemmel=lov("BVL2021", "٠", "1")))))
@silent("another script's three", document(sak(tiltak(lovhjemmel=lov("BVL2021", "٣", "१", ("２",), (), ("৩",))))))
@fires(
    "migrated, from the case system",
    document(sak(tiltak(lovhjemmel=lov("BVL2021", "0", "1"), migrert_id="17"))),
    severity=ERROR,
)
@fires(
    "migrated, through KOSTRA",
    document(sak(tiltak(lovhjemmel=lov("BVL2021", "0", "1"), migrert_id="17"))),
    channel=KOSTRA,
    severity=WARNING,
)
def null_i_lovhjemmel(tiltak: Tiltak, case: Case) -> Result:
    """Rule 14 (A46)."""
    hjemmel = tiltak.lovhjemmel
    if er_null(hjemmel.kapittel):
        return fired(felt="Kapittel")
    if er_null(hjemmel.paragraf):
        return fired(felt="Paragraf")
    for ledd in hjemmel.ledd:
        if er_null(ledd):
            return fired(felt="Ledd")
    for punktum in hjemmel.punktum:
        if er_null(punktum):
            return fired(felt="Punktum")
    return None


@rule(
    "tiltak-20",
    official="Tiltak Kontroll 20",
    severity=ERROR,
    since="2022-01-01",
    title_nb="Tiltak uten relasjon fra et vedtak",
    title_en="Measure without a relation from a decision",
    nb="Tiltaket mangler relasjon fra et vedtak i saken.",
    en="No decision of the case has a relation to the measure.",
    remedy_nb="Koble vedtaket som ligger til grunn, til tiltaket.",
    remedy_en="Link the decision behind the measure to the measure.",
    ssb="MEASURE_20",
)
@silent("linked from a decision", document(sak(vedtak(), tiltak(), relasjon("Vedtak", "Tiltak"))))
@silent(
    "Ids in another letter case (A34)",
    document(sak(vedtak(id=_STORE), tiltak(id=_STORE), relasjon("Vedtak", "Tiltak", _STORE.lower(), _STORE.lower()))),
)
@silent(
    "the decision by its MigrertId (A34)",
    document(sak(vedtak(migrert_id="V-17"), tiltak(), relasjon("Vedtak", "Tiltak", fra="V-17"))),
)
@silent("no measure", document(sak(vedtak())))
@silent("deleted", document(sak(tiltak(er_slettet=True))))
@fires("no relation", document(sak(vedtak(), tiltak())))
@fires("neither decision nor relation (A32)", document(sak(tiltak())))
@fires("the wrong direction (A34)", document(sak(vedtak(), tiltak(), relasjon("Tiltak", "Vedtak"))))
@fires("from another type", document(sak(vedtak(), tiltak(), relasjon("Plan", "Tiltak"))))
@fires("the relation is deleted", document(sak(vedtak(), tiltak(), relasjon("Vedtak", "Tiltak", er_slettet=True))))
@fires("the decision is deleted (A50)", document(sak(vedtak(er_slettet=True), tiltak(), relasjon("Vedtak", "Tiltak"))))
@fires("the decision is not in the case", document(sak(tiltak(), relasjon("Vedtak", "Tiltak"))))
@fires(
    "a target is never named by its MigrertId (A34)",
    document(sak(vedtak(), tiltak(migrert_id="T-17"), relasjon("Vedtak", "Tiltak", til="T-17"))),
    severity=ERROR,
)
@fires(
    "one of two measures",
    document(sak(vedtak(), tiltak(), tiltak(), relasjon("Vedtak", "Tiltak", til=2))),
)
@fires("migrated, through KOSTRA", document(sak(tiltak(migrert_id="17"))), channel=KOSTRA, severity=WARNING)
def tiltak_uten_vedtak(tiltak: Tiltak, case: Case) -> Result:
    """Rule 20 (A32, A34)."""
    return None if case.sources("Vedtak", tiltak) else fired()


_VEDTAK_TIL_TILTAK = relasjon("Vedtak", "Tiltak")


@rule(
    "tiltak-21",
    official="Tiltak Kontroll 21",
    severity=ERROR,
    since="2022-01-01",
    title_nb="Tiltakets lovhjemmel er en annen enn vedtakets",
    title_en="The measure's legal basis differs from the decision's",
    nb="Tiltakets lovhjemmel {tiltak_hjemmel} er en annen enn lovhjemmelen {vedtak_hjemmel} i vedtaket {vedtak}.",
    en="The measure's legal basis {tiltak_hjemmel} differs from {vedtak_hjemmel}, that of the decision {vedtak}.",
    remedy_nb="Rett lovhjemmelen i tiltaket eller vedtaket, eller koble tiltaket til riktig vedtak.",
    remedy_en="Correct the legal basis of the measure or of the decision, or link the measure to the right decision.",
    ssb="MEASURE_21",
)
@silent("the same basis", document(sak(vedtak(), tiltak(), _VEDTAK_TIL_TILTAK)))
@silent(
    "subsection, letter, sentence and related provisions may differ (A47)",
    document(
        sak(
            vedtak(lovhjemmel=lov(ledd=("1",)), jmfr=(lov("BVL"),)),
            tiltak(lovhjemmel=lov(ledd=("2",), bokstav=("a",), punktum=("1",))),
            _VEDTAK_TIL_TILTAK,
        )
    ),
)
@silent("no relation: rule 20", document(sak(vedtak(lovhjemmel=lov("BVL")), tiltak())))
@silent("the wrong direction", document(sak(vedtak(lovhjemmel=lov("BVL")), tiltak(), relasjon("Tiltak", "Vedtak"))))
@silent(
    "the decision is deleted",
    document(sak(vedtak(lovhjemmel=lov("BVL"), er_slettet=True), tiltak(), _VEDTAK_TIL_TILTAK)),
)
@fires(
    "another act: moved to the act of 2021 (A47)",
    document(
        sak(vedtak(lovhjemmel=lov("BVL", "4", "12")), tiltak(lovhjemmel=lov("BVL2021", "5", "1")), _VEDTAK_TIL_TILTAK)
    ),
    parameters={"tiltak_hjemmel": "BVL2021 § 5-1", "vedtak_hjemmel": "BVL § 4-12", "vedtak": uid("Vedtak", 1)},
)
@fires("the act alone", document(sak(vedtak(lovhjemmel=lov("BL1981")), tiltak(), _VEDTAK_TIL_TILTAK)))
@fires("another chapter", document(sak(vedtak(lovhjemmel=lov(kapittel="4")), tiltak(), _VEDTAK_TIL_TILTAK)))
@fires("another section", document(sak(vedtak(lovhjemmel=lov(paragraf="1a")), tiltak(), _VEDTAK_TIL_TILTAK)))
@fires(
    "two of three decisions differ, each is a finding (A47)",
    document(
        sak(
            vedtak(lovhjemmel=lov(paragraf="2")),
            vedtak(),
            vedtak(lovhjemmel=lov(paragraf="3")),
            tiltak(),
            relasjon("Vedtak", "Tiltak", 1),
            relasjon("Vedtak", "Tiltak", 2),
            relasjon("Vedtak", "Tiltak", 3),
        )
    ),
    times=2,
)
@fires(
    "the same relation twice is one finding",
    document(sak(vedtak(lovhjemmel=lov("BVL")), tiltak(), _VEDTAK_TIL_TILTAK, _VEDTAK_TIL_TILTAK)),
)
@fires(
    "the decision by its MigrertId; the decision is migrated, the measure is not",
    document(sak(vedtak(lovhjemmel=lov("BVL"), migrert_id="V-17"), tiltak(), relasjon("Vedtak", "Tiltak", fra="V-17"))),
    channel=KOSTRA,
    severity=ERROR,
)
@fires(
    "migrated, from the case system",
    document(sak(vedtak(lovhjemmel=lov("BVL")), tiltak(migrert_id="17"), _VEDTAK_TIL_TILTAK)),
    severity=ERROR,
)
@fires(
    "migrated, through KOSTRA",
    document(sak(vedtak(lovhjemmel=lov("BVL")), tiltak(migrert_id="17"), _VEDTAK_TIL_TILTAK)),
    channel=KOSTRA,
    severity=WARNING,
)
def tiltak_og_vedtak_har_ulik_lovhjemmel(tiltak: Tiltak, case: Case) -> Result:
    """Rule 21 (A47): one finding per related decision that differs in Lov, Kapittel or Paragraf."""
    found: list[Fired] = []
    hjemmel = tiltak.lovhjemmel
    for v in case.sources("Vedtak", tiltak):
        annen = v.lovhjemmel  # type: ignore[attr-defined]
        if annen.lov != hjemmel.lov or annen.paragraf != hjemmel.paragraf or annen.kapittel != hjemmel.kapittel:
            found.append(fired(tiltak_hjemmel=sitat(hjemmel), vedtak_hjemmel=sitat(annen), vedtak=v.id))  # type: ignore[attr-defined]
    return found


@rule(
    "tiltak-22",
    official="Tiltak Kontroll 22",
    severity=WARNING,
    since="2023-01-01",
    title_nb="Kategori 1.99 gjelder bare plassering i institusjon",
    title_en="Category 1.99 is for placements in institutions only",
    nb="Tiltaket har kategori 1.99, som bare skal brukes når barnet er plassert i institusjon.",
    en="The measure has category 1.99, which is only for children placed in an institution.",
    remedy_nb="Behold kategorien hvis barnet er plassert i institusjon. Ellers: velg en annen kategori, "
    "eller slett tiltaket hvis det er et administrativt vedtak.",
    remedy_en="Keep the category if the child is placed in an institution. Otherwise choose another category, "
    "or delete the measure if it is an administrative decision.",
    ssb="MEASURE_22",
)
@silent("another category", document(sak(tiltak(kategori="1.1"), tiltak(kategori="2.99"))))
@silent("deleted", document(sak(tiltak(kategori="1.99", er_slettet=True))))
@silent("before the rule was in force", document(sak(tiltak(kategori="1.99")), today="2022-12-31"))
@fires("the first day in force", document(sak(tiltak(kategori="1.99")), today="2023-01-01"))
@fires("1.99, also with its clarification", document(sak(tiltak(kategori="1.99", presisering="Forklart"))))
@fires(
    "migrated, through KOSTRA: a warning as it was",
    document(sak(tiltak(kategori="1.99", migrert_id="17"))),
    channel=KOSTRA,
    severity=WARNING,
)
def annet_institusjonstiltak(tiltak: Tiltak, case: Case) -> Result:
    """Rule 22: a reminder."""
    return fired() if tiltak.kategori.kode == "1.99" else None


@rule(
    "tiltak-23",
    official="Tiltak Kontroll 23",
    severity=WARNING,
    since="2023-01-01",
    title_nb="Kategori 2.99 gjelder bare plassering i fosterhjem",
    title_en="Category 2.99 is for placements in foster homes only",
    nb="Tiltaket har kategori 2.99, som bare skal brukes når barnet er plassert i fosterhjem.",
    en="The measure has category 2.99, which is only for children placed in a foster home.",
    remedy_nb="Behold kategorien hvis barnet er plassert i fosterhjem. Ellers: velg en annen kategori, "
    "eller slett tiltaket hvis det er et administrativt vedtak.",
    remedy_en="Keep the category if the child is placed in a foster home. Otherwise choose another category, "
    "or delete the measure if it is an administrative decision.",
    ssb="MEASURE_23",
)
@silent("another category", document(sak(tiltak(kategori="2.1"), tiltak(kategori="1.99"))))
@silent("deleted", document(sak(tiltak(kategori="2.99", er_slettet=True))))
@fires("2.99, also with its clarification", document(sak(tiltak(kategori="2.99", presisering="Forklart"))))
@fires(
    "migrated, through KOSTRA: a warning as it was",
    document(sak(tiltak(kategori="2.99", migrert_id="17"))),
    channel=KOSTRA,
    severity=WARNING,
)
def annet_fosterhjemstiltak(tiltak: Tiltak, case: Case) -> Result:
    """Rule 23: a reminder."""
    return fired() if tiltak.kategori.kode == "2.99" else None
