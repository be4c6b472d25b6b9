"""Registers drawn at random near every boundary of the key figures, and cases in a few words."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from tests.sql.notation import _secret

Row = dict[str, Any]
RUN_TIME = datetime(2026, 2, 10, 3, 7, tzinfo=UTC)
EXTRACT = datetime.combine(date(2026, 2, 1), time(), UTC)
ENDS = [date(year, month, day) for year in (2024, 2025) for month, day in ((1, 1), (6, 30), (12, 31))]
DAYS = [
    *(end + timedelta(days=shift) for end in ENDS for shift in (-1, 0, 1)),
    *(end + timedelta(days=shift) for end in ENDS for shift in (-365, -182, -97, -98, -92, -91, -8, -7)),
    *(date(2025, 11, 30), date(2025, 3, 31), date(2025, 8, 31), date(2026, 2, 10), date(2026, 2, 11), date(2022, 5, 5)),
]
BIRTHS = [date(2025 - age, 6, 30) + timedelta(days=s) for age in (0, 3, 6, 13, 18, 25) for s in (-1, 0, 1, 184, 185)]
CATEGORIES = ("1.1", "2.1", "2.2", "2.4", "2.5", "2.6", "2.99", "3.1", "8.1", "8.2", "8.4")
LAWS = (
    "BVL2021 3-1",
    "BVL2021 5-1",
    "BVL2021 4-1",
    "BVL 4-12",
    "BVL 4-8",
    "BVL 4-8 2",
    "BVL 4-6",
    "BVL 4-25 2",
    "BVL 4-25",
)


class _Drawn:
    """One register."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.names = 0

    def maybe(self, value: Any, share: float = 0.5) -> Any:
        return value if self.rng.random() < share else None

    def day(self) -> date:
        return self.rng.choice(DAYS)

    def one(self, *values: Any) -> Any:
        return self.rng.choice(values)

    def id(self) -> str:
        self.names += 1
        return f"{self.one('e', 'E')}{self.names}"

    def many(self, make: Any, most: int) -> list[Any]:
        return [make() for _ in range(self.rng.randrange(most + 1))]

    def law(self) -> Row:
        lov, place, *ledd = self.rng.choice(LAWS).split()
        kapittel, _, paragraf = place.partition("-")
        return {"lov": lov, "kapittel": kapittel, "paragraf": paragraf, "ledd": ledd, "bokstav": [], "punktum": []}

    def lasting(self, days: int = 400) -> tuple[date, date | None]:
        """A start and an end: none, or on or after the start."""
        start = self.day()
        later = [d for d in DAYS if start <= d <= start + timedelta(days=days)]
        end = self.maybe(self.rng.choice([*later, start + timedelta(days=self.one(7, 8, 90, 92, 180, 184))]), 0.7)
        return start, end

    def ended(self, end: date | None, **rest: Any) -> Row | None:
        return {"slutt_dato": end, **rest} if end else None

    def melding(self) -> Row:
        start, end = self.lasting(20)
        return {
            **{"id": self.id(), "start_dato": start, "er_slettet": self.maybe(True, 0.05)},
            **{"migrert_id": self.maybe(self.id(), 0.3)},
            "melder": [{"kode": k} for k in self.rng.sample(["1", "2", "3"], self.rng.randrange(3))],
            "saksinnhold": [{"kode": k} for k in self.rng.sample(["7", "20", "2.2.01"], self.rng.randrange(3))],
            "konklusjon": self.ended(end, kode=self.one("1", "2", "2", "2", "3", "4", "5", "10")),
        }

    def undersokelse(self) -> Row:
        start, end = self.lasting()
        return {
            **{"id": self.id(), "start_dato": start, "er_slettet": self.maybe(True, 0.05)},
            "vedtaksgrunnlag": [{"kode": k} for k in self.rng.sample(["7", "20"], self.rng.randrange(3))],
            "barnets_medvirkning": self.maybe({"start_dato": start, "medvirkning_type": self.one("1.1", "1.4", "2.1")}),
            "utvidet_frist": self.maybe({"start_dato": start, "innvilget": self.one("1", "2", None)}),
            "konklusjon": self.ended(end, kode=str(self.rng.randrange(1, 10))),
        }

    def plan(self) -> Row:
        start, end = self.lasting()
        return {
            **{"id": self.id(), "start_dato": start, "er_slettet": self.maybe(True, 0.05)},
            **{"plantype": self.one("1", "1", "1", "2", "3", "4", "5", "7", "8"), "konklusjon": self.ended(end)},
            "evaluering": self.many(lambda: {"utfort_dato": self.day()}, 2),
        }

    def rate(self) -> Row:
        return {"id": self.id(), "start_dato": self.day(), "kode": self.one("2", "2", "4")}

    def visit(self) -> Row:
        return {"id": self.id(), "utfort_dato": self.day()}

    def tiltak(self) -> Row:
        start, end = self.lasting()
        return {
            **{"id": self.id(), "start_dato": start, "er_slettet": self.maybe(True, 0.05), "lovhjemmel": self.law()},
            **{"jmfr_lovhjemmel": self.many(self.law, 1), "kategori": {"kode": self.rng.choice(CATEGORIES)}},
            "tilsyn": self.maybe(
                {
                    "ansvarlig": self.many(
                        lambda: {"id": self.id(), "start_dato": self.day(), "kommunenummer": self.one("0301", "1103")},
                        2,
                    ),
                    "hyppighet": self.many(self.rate, 2),
                    "utfort": self.many(self.visit, 9),
                }
            ),
            "oppfolging": self.maybe({"hyppighet": self.many(self.rate, 2), "utfort": self.many(self.visit, 9)}),
            "opphevelse": self.maybe({"kode": self.one("1", "4")}),
            "konklusjon": self.ended(end),
        }

    def vedtak(self) -> Row:
        return {
            **{"id": self.id(), "start_dato": self.day(), "migrert_id": self.maybe(self.id(), 0.3)},
            **{"er_slettet": self.maybe(True, 0.05), "lovhjemmel": self.law(), "jmfr_lovhjemmel": []},
            "krav": self.many(
                lambda: {
                    **{"id": self.id(), "start_dato": self.day()},
                    "konklusjon": self.maybe({"slutt_dato": self.day(), "kode": self.one("1", "2", "9")}),
                },
                1,
            ),
            "status": self.many(
                lambda: {"id": self.id(), "endret_dato": self.day(), "kode": self.one("1", "2", "3", "4")}, 3
            ),
            "konklusjon": self.maybe({"slutt_dato": self.day()}),
        }

    def personalia(self) -> Row:
        number, sex = self.one("A", "B", "C", "D", "E", "F"), self.one("1", "2", "1", "2", "0")
        return {
            **{"id": self.id(), "start_dato": self.day(), "fodselsnummer": _secret(number), "kjonn": sex},
            **{"fodseldato": self.rng.choice(BIRTHS), "er_slettet": self.maybe(True, 0.05)},
            "duf_nummer": self.maybe(_secret(f"D{number}"), 0.2),
            "nummertype": self.one("FNR", "FNR", "FNR", "DNR", "PLASSHOLDER", "UGYLDIG"),
        }

    def sak(self, number: int) -> Row:
        kommune, bydel = self.one(
            ("0301", "01"), ("0301", "02"), ("0301", "16"), ("0301", None), ("1103", None), ("4601", "01")
        )
        parts = {
            "personalia": self.many(self.personalia, 2),
            "melding": self.many(self.melding, 3),
            "undersokelse": self.many(self.undersokelse, 2),
            "plan": self.many(self.plan, 3),
            "tiltak": self.many(self.tiltak, 3),
            "vedtak": self.many(self.vedtak, 2),
            "ettervern": self.many(
                lambda: {
                    **{"id": self.id(), "tilbud_sendt_dato": self.day(), "er_slettet": self.maybe(True, 0.05)},
                    "konklusjon": self.maybe({"slutt_dato": self.day(), "kode": self.one("1", "2", "3")}),
                },
                1,
            ),
            "oversendelse_fylkesnemnd": self.many(
                lambda: {"id": self.id(), "start_dato": self.day(), "lovhjemmel": self.law(), "jmfr_lovhjemmel": []}, 1
            ),
            "flytting": self.many(
                lambda: {
                    **{"id": self.id(), "slutt_dato": self.day()},
                    "arsak_fra": {"kode": self.one("1.1.3", "1.2.3", "1.3", "1.1.1", "2.1")},
                    "flytting_til": {"kode": self.one("1", "9")},
                },
                2,
            ),
        }
        sources = [name for m in parts["melding"] for name in (m["id"], m["migrert_id"]) if name]
        decisions = [name for v in parts["vedtak"] for name in (v["id"], v["migrert_id"]) if name]
        links = [("Melding", s, "Undersokelse", u["id"]) for s in sources for u in parts["undersokelse"]]
        links += [("Vedtak", s, "Tiltak", t["id"]) for s in decisions for t in parts["tiltak"]]
        elements = [one["id"] for kind in ("melding", "tiltak", "plan", "undersokelse") for one in parts[kind]]
        gone = self.maybe(self.rng.choice(elements), 0.2) if elements else None
        extract = EXTRACT - timedelta(days=self.rng.randrange(3))
        ended = self.maybe(self.day(), 0.3)
        return {
            **{"melding_id": f"m{number}", "avsender_id": "a", "meldingstype": "t", "kanal": "fagsystem"},
            **{"mottatt": extract, "behandlet": extract, "innhold_sha256": f"i{number}", "regelsett": "1"},
            **{"utfall": self.one(*["REGISTERED"] * 9, "EXCLUDED"), "hoyeste_alvorlighet": "OK"},
            **{"kvitterings_id": f"k{number}", "innsending_id": f"i{number}", "orgnr": f"9{kommune}0000"},
            **{
                "kommunenummer": kommune,
                "bydelsnummer": bydel,
                "sak_id": f"s{self.rng.randrange(number // 2, number + 1)}",
            },
            **{"dato_uttrekk": extract, "antall_error": 0, "antall_warning": 0, "antall_info": 0},
            "sak": {
                **{"id": f"S{number}", "start_dato": self.day(), "slutt_dato": ended, "journalnummer": "1"},
                **{"migrert_id": self.maybe("M", 0.3), **parts},
                "relasjon": [
                    {
                        **{"id": self.id(), "fra_id": fra.swapcase(), "fra_type": a, "til_id": til, "til_type": b},
                        "er_slettet": self.maybe(True, 0.1),
                    }
                    for a, fra, b, til in links
                    if self.rng.random() < 0.6
                ],
                "slettet": [
                    {
                        "id": gone.swapcase(),
                        "type": self.one("Melding", "Tiltak", "Plan"),
                        "slutt_dato": date(2025, 1, 1),
                    }
                ]
                if gone
                else [],
            },
        }


def register(seed: int, cases: int) -> list[Row]:
    """Rows of register.innsending."""
    drawn = _Drawn(seed)
    return [drawn.sak(number) for number in range(cases)]


# --- the notation of the hand-made cases ----------------------------------------------------------------------------


def written(given: Row, number: int) -> Row:
    """A row of register.innsending from a case in a few words.

    An element is `start..end key=value ...`: `2025-01-01..2025-01-08 kode=2 melder=1,2`; the end may be left out. Its
    id is the first letter of its kind and its place: m0, u0, t0, v0, p0. A law is `BVL_4-8_2`: chapter, section,
    subsection.
    """
    given = dict(given)
    kommune, bydel = str(given.pop("kommune", "0301")), given.pop("bydel", None)
    child = {"nummer": f"eget {number}", "fodt": date(2015, 1, 1), "kjonn": "1", **given.pop("barn", {})}
    parts = {
        kind: [make(one, f"{kind[0]}{n}") for n, one in enumerate(given.pop(kind, []))] for kind, make in _KINDS.items()
    }
    start, end = given.pop("start", date(2012, 1, 1)), given.pop("slutt", None)
    row = {
        **{"melding_id": f"m{number}", "avsender_id": "a", "meldingstype": "t", "kanal": "fagsystem"},
        **{"mottatt": EXTRACT, "behandlet": EXTRACT, "innhold_sha256": f"i{number}", "regelsett": "1"},
        **{"utfall": given.pop("utfall", "REGISTERED"), "hoyeste_alvorlighet": "OK", "kvitterings_id": f"k{number}"},
        **{"innsending_id": f"i{number}", "orgnr": f"9{kommune}0000", "kommunenummer": kommune, "bydelsnummer": bydel},
        **{"sak_id": f"s{number}", "dato_uttrekk": EXTRACT, "antall_error": 0, "antall_warning": 0, "antall_info": 0},
        **{"er_slettet": given.pop("er_slettet", None)},
    }
    row["sak"] = {
        **{"id": f"S{number}", "start_dato": start, "slutt_dato": end, "journalnummer": "1"},
        **{"migrert_id": given.pop("migrert", None), "er_slettet": row["er_slettet"], **parts},
        "personalia": [
            {
                **{"id": "p", "start_dato": date(2010, 1, 1), "fodselsnummer": _secret(str(child["nummer"]))},
                **{"fodseldato": child["fodt"], "kjonn": child["kjonn"], "nummertype": child.get("type", "FNR")},
            }
        ],
        "slettet": [{"slutt_dato": date(2025, 1, 1), **one} for one in given.pop("slettet", [])],
    }
    if given:
        raise ValueError(f"not in the notation: {', '.join(given)}")
    return row


def _words(text: Any) -> tuple[date | None, date | None, dict[str, str]]:
    first, *rest = str(text).split()
    begin, _, end = first.partition("..")
    about = dict(one.split("=", 1) for one in rest)
    return (date.fromisoformat(begin) if begin else None), (date.fromisoformat(end) if end else None), about


def _law_of(text: str) -> Row:
    lov, place, *ledd = text.split("_")
    kapittel, _, paragraf = place.partition("-")
    return {"lov": lov, "kapittel": kapittel, "paragraf": paragraf, "ledd": ledd, "bokstav": [], "punktum": []}


def _coded(text: str | None) -> list[Row]:
    return [{"kode": code} for code in text.split(",")] if text else []


def _dated(text: str | None, name: str) -> list[Row]:
    days = text.split(",") if text else []
    return [{"id": f"{name}{n}", "utfort_dato": date.fromisoformat(day)} for n, day in enumerate(days)]


def _from(text: str | None, field: str) -> list[Row]:
    """`2025-01-01:2,2025-06-01:4`: what holds from each day."""
    found = []
    for n, one in enumerate(text.split(",") if text else []):
        day, _, value = one.partition(":")
        found.append({"id": f"h{n}", "start_dato": date.fromisoformat(day), field: value})
    return found


def _melding(text: Any, name: str) -> Row:
    start, end, about = _words(text)
    return {
        **{"id": about.get("id", name), "start_dato": start, "er_slettet": about.get("slettet") == "ja" or None},
        **{"migrert_id": about.get("migrert"), "melder": _coded(about.get("melder"))},
        "saksinnhold": _coded(about.get("innhold")),
        "konklusjon": {"slutt_dato": end, "kode": about.get("kode", "2")} if end else None,
    }


def _undersokelse(text: Any, name: str) -> Row:
    start, end, about = _words(text)
    medvirkning = about.get("medvirkning")
    return {
        **{"id": name, "start_dato": start, "vedtaksgrunnlag": _coded(about.get("grunnlag"))},
        "migrert_id": about.get("migrert"),
        "barnets_medvirkning": {"start_dato": start, "medvirkning_type": medvirkning} if medvirkning else None,
        "utvidet_frist": {"start_dato": start, "innvilget": about["frist"]} if "frist" in about else None,
        "konklusjon": {"slutt_dato": end, "kode": about.get("kode", "1")} if end else None,
    }


def _plan(text: Any, name: str) -> Row:
    start, end, about = _words(text)
    return {
        **{"id": name, "start_dato": start, "plantype": about.get("type", "1"), "migrert_id": about.get("migrert")},
        "evaluering": [{"utfort_dato": one["utfort_dato"]} for one in _dated(about.get("evaluert"), "")],
        "konklusjon": {"slutt_dato": end} if end else None,
    }


def _tiltak(text: Any, name: str) -> Row:
    start, end, about = _words(text)
    return {
        **{"id": name, "start_dato": start, "kategori": {"kode": about.get("kode", "3.1")}},
        "migrert_id": about.get("migrert"),
        **{"lovhjemmel": _law_of(about.get("lov", "BVL2021_3-1"))},
        "jmfr_lovhjemmel": [_law_of(about["jmfr"])] if "jmfr" in about else [],
        "tilsyn": {
            "ansvarlig": _from(about.get("ansvarlig"), "kommunenummer"),
            "hyppighet": _from(about.get("tilsyn_hyppighet"), "kode"),
            "utfort": _dated(about.get("tilsyn"), "b"),
        },
        "oppfolging": {
            "hyppighet": _from(about.get("hyppighet"), "kode"),
            "utfort": _dated(about.get("besok"), "b"),
        },
        "opphevelse": {"kode": about["opphevelse"]} if "opphevelse" in about else None,
        "konklusjon": {"slutt_dato": end} if end else None,
    }


def _vedtak(text: Any, name: str) -> Row:
    start, end, about = _words(text)
    claims = _from(about.get("krav"), "kode")
    return {
        **{"id": name, "start_dato": start, "migrert_id": about.get("migrert"), "jmfr_lovhjemmel": []},
        **{"lovhjemmel": _law_of(about.get("lov", "BVL2021_3-1"))},
        "krav": [
            {
                **{"id": f"k{n}", "start_dato": one["start_dato"]},
                "konklusjon": {"slutt_dato": one["start_dato"], "kode": one["kode"]} if one["kode"] else None,
            }
            for n, one in enumerate(claims)
        ],
        "status": [
            {"id": f"s{n}", "endret_dato": start, "kode": code}
            for n, code in enumerate(filter(None, about.get("status", "1").split(",")))
        ],
        "konklusjon": {"slutt_dato": end} if end else None,
    }


def _ettervern(text: Any, name: str) -> Row:
    start, end, about = _words(text)
    answer = {"slutt_dato": end, "kode": about.get("kode", "1")} if end else None
    return {"id": name, "tilbud_sendt_dato": start, "konklusjon": answer}


def _oversendelse(text: Any, name: str) -> Row:
    start, _, about = _words(text)
    return {"id": name, "start_dato": start, "lovhjemmel": _law_of(about["lov"]), "jmfr_lovhjemmel": []}


def _flytting(text: Any, name: str) -> Row:
    day, _, about = _words(text)
    return {
        **{"id": name, "slutt_dato": day, "arsak_fra": {"kode": about["fra"]}},
        "flytting_til": {"kode": about.get("til", "1")},
    }


def _relasjon(text: Any, name: str) -> Row:
    fra_type, fra_id, til_type, til_id = str(text).split()
    return {"id": name, "fra_type": fra_type, "fra_id": fra_id, "til_type": til_type, "til_id": til_id}


_KINDS = {
    **{"melding": _melding, "undersokelse": _undersokelse, "plan": _plan, "tiltak": _tiltak, "vedtak": _vedtak},
    **{"ettervern": _ettervern, "oversendelse_fylkesnemnd": _oversendelse, "flytting": _flytting},
    "relasjon": _relasjon,
}
