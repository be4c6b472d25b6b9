"""Releases: what is published of a freeze, with its pattern, its parameters, its audit and the attack it has withstood.

A release is made once for a product and a freeze, protected together with all of the product that is out already, and
stored only when its audit has passed and the attack on it is green. Nothing else is ever served to the public.
"""

# mypy: disable-error-code="misc"
# (see model/concepts.py)

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any

import msgspec
import numpy as np

from bvr.errors import BvrError
from bvr.model.types import STAMP, TEXT, WHOLE, Concept, Doc
from bvr.statistics import calendar, freezes
from bvr.statistics.freezes import Freeze
from bvr.statistics.ports import Tables
from bvr.statistics.publication import attack
from bvr.statistics.publication.declared import Product
from bvr.statistics.publication.linked import FEW, TOTAL, Cell, Earlier, Key, cells, denominator, link
from bvr.statistics.sdc.problem import REACH, SMALL, WIDTH
from bvr.statistics.sdc.protect import Pattern, protect

HIDDEN, PROVISIONAL, IMPOSSIBLE = ":", "*", "."
"""Symbols (statistics 4.1): hidden; shown, but not approved by the municipality; not possible."""
SEED = 20240101
TRIES = 400
"""For how many cells it is asked whether they need be hidden."""


class NotPublishable(BvrError):
    """The audit did not pass, or the attack learned something: nothing is published."""


class Utgivelse(Concept):
    """A release of a product. | En utgivelse av et produkt."""

    utgivelse_id: Annotated[str, TEXT, Doc("Utgivelsens id.", "Id of the release.")]
    produkt: Annotated[str, TEXT, Doc("Produktet, se publisering.yaml.", "The product.")]
    periode: Annotated[str, TEXT, Doc("Perioden.", "The period.")]
    frysing_id: Annotated[str, TEXT, Doc("Frysingen den er laget av.", "The freeze it is made of.")]
    nummer: Annotated[int, WHOLE, Doc("Nummer i perioden, fra 1.", "Number in the period, from 1.")]
    status: Annotated[str, TEXT, Doc("forelopig, endelig eller revidert.", "Provisional, final or revised.")]
    kunnskapstidspunkt: Annotated[datetime, STAMP, Doc("Hva som var kjent.", "What was known.")]
    publisert: Annotated[datetime, STAMP, Doc("Når den ble publisert.", "When it was published.")]
    regelsett: Annotated[str, TEXT, Doc("Regelsettets versjon.", "Version of the rules.")]
    kodelister_sha256: Annotated[str, TEXT, Doc("Kodelistenes versjon.", "Version of the code lists.")]
    parametre: Annotated[str, TEXT, Doc("Parametrene for vernet, JSON.", "Parameters of the protection, JSON.")]
    revisjon: Annotated[
        str, TEXT, Doc("Revisjonen av hver skjult celle, JSON.", "The audit of every hidden cell, JSON.")
    ]
    angrep: Annotated[str, TEXT, Doc("Angrepet den har stått imot, JSON.", "The attack it has withstood, JSON.")]
    monster_sha256: Annotated[str, TEXT, Doc("SHA-256 av hva som er skjult.", "SHA-256 of what is hidden.")]
    sha256: Annotated[str, TEXT, Doc("SHA-256 av det som er vist.", "SHA-256 of what is shown.")]
    rader: Annotated[int, WHOLE, Doc("Antall celler.", "Number of cells.")]
    skjult: Annotated[int, WHOLE, Doc("Av dem skjult.", "Of them hidden.")]
    forrige_id: Annotated[
        str | None, TEXT, Doc("Utgivelsen før i perioden.", "The release before it in the period.")
    ] = None
    grunn: Annotated[str | None, TEXT, Doc("Hvorfor den er revidert.", "Why it was revised.")] = None


class UtgivelseTall(Concept):
    """A cell of a release, as it is shown. | En celle i en utgivelse, slik den vises."""

    utgivelse_id: Annotated[str, TEXT, Doc("Utgivelsen.", "The release.")]
    indikator: Annotated[str, TEXT, Doc("Nøkkeltallet.", "The key figure.")]
    art: Annotated[str, TEXT, Doc("VERDI, NEVNER eller ANDEL.", "Value, denominator or share.")]
    maal: Annotated[str, TEXT, Doc("SUM eller UNIK.", "Sum of municipalities, or each child once.")]
    region: Annotated[str, TEXT, Doc("Regionen.", "The region.")]
    niva: Annotated[str, TEXT, Doc("Regionens nivå.", "Its level.")]
    periode: Annotated[str, TEXT, Doc("Perioden.", "The period.")]
    periodetype: Annotated[str, TEXT, Doc("H, Y, R eller D.", "Half-year, year, twelve months, stock.")]
    kjonn: Annotated[str, TEXT, Doc("Kjønn, eller T.", "Sex, or T.")]
    aldersgruppe: Annotated[str, TEXT, Doc("Aldersgruppe, eller T.", "Age group, or T.")]
    kode: Annotated[str, TEXT, Doc("Kode, eller T.", "Code, or T.")]
    tall: Annotated[str | None, TEXT, Doc("Tallet; tomt når det er skjult.", "The figure; empty when hidden.")] = None
    symbol: Annotated[str | None, TEXT, Doc("Tomt, :, * eller .", "Empty, :, * or .")] = None


class UtgivelseMonster(Concept):
    """Why a cell is hidden; for the register alone. | Hvorfor en celle er skjult; bare for registeret."""

    utgivelse_id: Annotated[str, TEXT, Doc("Utgivelsen.", "The release.")]
    indikator: Annotated[str, TEXT, Doc("Nøkkeltallet.", "The key figure.")]
    art: Annotated[str, TEXT, Doc("VERDI eller NEVNER.", "Value or denominator.")]
    maal: Annotated[str, TEXT, Doc("SUM eller UNIK.", "Sum, or each child once.")]
    region: Annotated[str, TEXT, Doc("Regionen.", "The region.")]
    periode: Annotated[str, TEXT, Doc("Perioden.", "The period.")]
    periodetype: Annotated[str, TEXT, Doc("H, Y, R eller D.", "Half-year, year, twelve months, stock.")]
    kjonn: Annotated[str, TEXT, Doc("Kjønn, eller T.", "Sex, or T.")]
    aldersgruppe: Annotated[str, TEXT, Doc("Aldersgruppe, eller T.", "Age group, or T.")]
    kode: Annotated[str, TEXT, Doc("Kode, eller T.", "Code, or T.")]
    grunn: Annotated[str, TEXT, Doc("PRIMAER, HOLDT, PARTNER eller REPARERT.", "Few children, held, partner, repair.")]


class Shown(msgspec.Struct, frozen=True):
    """What a reader sees of a cell: the figure as text, and a symbol."""

    tall: str | None
    symbol: str


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A release before it is stored: its cells as they are, what is hidden and why, what is shown, and the proofs."""

    product: Product
    cells: dict[Key, Cell]
    hidden: frozenset[Key]
    reasons: dict[Key, str]
    shown: dict[tuple[Key, str], Shown]
    pattern: Pattern
    verdict: attack.Verdict
    groups: dict[str, tuple[str, ...]]

    @property
    def publishable(self) -> bool:
        return self.pattern.audit.passed and self.verdict.green

    @property
    def utility(self) -> dict[str, Any]:
        """What is left to read: share of cells hidden, of the national sum, and municipalities with a usable total."""
        return utility(self.product, self.cells, self.hidden)


def make(
    product: Product,
    rows: Sequence[Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
    earlier: Sequence[Earlier] = (),
    *,
    people: Mapping[str, int] | None = None,
    approved: Callable[[str], bool] = lambda _: True,
) -> Made:
    """Protect the figures of a freeze, and attack what would be published. Raises ValueError when they do not add up.

    `approved` says whether a municipality has approved its figures: those that are not are shown as provisional.
    """
    now = cells(product, rows, people)
    linked = link(product, now, groups, earlier)
    pattern = protect(linked.problem, seed=SEED, tries=TRIES)
    hidden = frozenset(key for key, at in linked.at.items() if pattern.hidden[at])
    reasons = {key: _reason(pattern, linked.at[key]) for key in hidden}
    shown = {(key, art): one for key in now for art, one in _shown(product, key, now, hidden, approved)}
    shares = {key: float(one.tall) for (key, art), one in shown.items() if art == "ANDEL" and one.tall is not None}
    verdict = attack.attack(product, known_to_readers(now, hidden, earlier), groups, shares)
    return Made(
        product=product,
        cells=now,
        hidden=hidden,
        reasons=reasons,
        shown=shown,
        pattern=pattern,
        verdict=verdict,
        groups={name: tuple(members) for name, members in groups.items()},
    )


def known_to_readers(
    now: Mapping[Key, Cell], hidden: frozenset[Key], earlier: Sequence[Earlier]
) -> list[attack.Public]:
    """A release and those before it as readers have them, and the worst that they can know of what has changed."""
    before = [
        attack.Public(
            name=release.name,
            cells={key: None if key in release.hidden else cell.value for key, cell in release.cells.items()},
            unchanged=frozenset(
                key for key, cell in release.cells.items() if key in now and now[key].value == cell.value
            ),
        )
        for release in earlier
    ]
    newest = {key: None if key in hidden else cell.value for key, cell in now.items()}
    return [*before, attack.Public(name="", cells=newest, added_up=_added_up(now, earlier))]


def _added_up(now: Mapping[Key, Cell], earlier: Sequence[Earlier]) -> frozenset[Key]:
    """Which cells of the year, in any release, are the sum of their half-years as they were published last."""
    latest: dict[Key, int] = {}
    for given in (now, *(release.cells for release in reversed(earlier))):
        for key, cell in given.items():
            latest.setdefault(key, cell.value)
    halves = {key: attack.halves_of(key) for key in latest}
    return frozenset(
        key
        for key, parts in halves.items()
        if parts and all(part in latest for part in parts) and latest[key] == sum(latest[part] for part in parts)
    )


def _reason(pattern: Pattern, at: int) -> str:
    for flags, reason in ((pattern.primary, "PRIMAER"), (pattern.held, "HOLDT"), (pattern.partners, "PARTNER")):
        if flags[at]:
            return reason
    return "REPARERT"


def _shown(
    product: Product, key: Key, now: Mapping[Key, Cell], hidden: frozenset[Key], approved: Callable[[str], bool]
) -> list[tuple[str, Shown]]:
    """What is shown of a cell: the count, and of a share the share."""
    local = now[key].niva in ("KOMMUNE", "BYDEL")
    symbol = "" if not local or approved(key.region[:4]) else PROVISIONAL
    found = [(key.art, Shown(None, HIDDEN) if key in hidden else Shown(str(now[key].value), symbol))]
    of = denominator(product, key) if key.art == "VERDI" else None
    if of is None or of not in now:
        return found
    base = now[of].value
    if {key, of} & hidden or 0 < base < FEW:
        return [*found, ("ANDEL", Shown(None, HIDDEN))]
    if base == 0:
        return [*found, ("ANDEL", Shown(None, IMPOSSIBLE))]
    share = (Decimal(100 * now[key].value) / base).quantize(Decimal("0.1"), ROUND_HALF_UP)
    return [*found, ("ANDEL", Shown(str(share), symbol))]


def utility(product: Product, now: Mapping[Key, Cell], hidden: frozenset[Key]) -> dict[str, Any]:
    """Share of cells hidden; share of the sum of all municipalities hidden, and municipalities whose total is shown, of
    the first figure."""
    head = [
        key
        for key, cell in now.items()
        if cell.niva == "KOMMUNE"
        and key.figur == product.figures[0]
        and key.art == "VERDI"
        and (key.kjonn, key.alder, key.kode) == (TOTAL, TOTAL, TOTAL)
    ]
    total = sum(now[key].value for key in head)
    kept_back = sum(now[key].value for key in head if key in hidden)
    return {
        "celler": len(now),
        "skjult": len(hidden),
        "andel_skjult": round(len(hidden) / max(1, len(now)), 4),
        "andel_av_landet_skjult": round(kept_back / max(1, total), 4),
        "kommuner": len(head),
        "kommuner_med_total": sum(key not in hidden for key in head),
    }


# --- storing ---------------------------------------------------------------------------------------------------------


def release(
    tables: Tables, product: Product, freeze_id: str, clock: Callable[[], datetime], *, reason: str = ""
) -> Utgivelse:
    """Publish a product of a freeze, or give the release back as it was made.

    Raises LookupError when there is no such freeze, NotPublishable when the audit or the attack says no: nothing is
    stored then.
    """
    name = f"{product.id}-{freeze_id}"
    if (before := stored(tables, name)) is not None:
        return before
    freeze = freezes.made(tables, freeze_id)
    if freeze is None:
        raise LookupError(f"there is no freeze {freeze_id}")
    known = published(tables, product.id)
    made = make(
        product,
        frozen(tables, product, freeze_id),
        groups(tables, freeze),
        [edition(tables, product, one) for one in known if one.periode in related(freeze.periode)],
        people=inhabitants(tables, freeze),
        approved=approvals(tables, freeze),
    )
    if not made.publishable:
        audit = made.pattern.audit
        raise NotPublishable(
            f"{name}: {len(audit.findings) + len(audit.whole)} cells are too narrow, the attack found "
            f"{len(made.verdict.learned)}: nothing is published"
        )
    same = [one for one in known if one.periode == freeze.periode]
    found = _record(made, name, freeze, clock(), same, reason)
    tables.query("DELETE FROM statistikk.utgivelse_tall WHERE utgivelse_id = @id", {"id": name})
    tables.query("DELETE FROM statistikk.utgivelse_monster WHERE utgivelse_id = @id", {"id": name})
    tables.insert("statistikk.utgivelse_tall", list(_cells(name, made)))
    tables.insert("statistikk.utgivelse_monster", list(_pattern(name, made)))
    # Last: a release that has its row is whole.
    tables.insert("statistikk.utgivelse", [msgspec.structs.asdict(found)], once=f"utgivelse-{name}-{found.sha256[:16]}")
    return found


def attacked(
    tables: Tables, product: Product, one: Utgivelse, freeze: Freeze, without_one: int | None = None
) -> tuple[attack.Verdict, str]:
    """Attack a release that is out, with those before it; also without one of its suppressions, drawn by a seed.

    Returns the verdict, and why the cell was hidden that was taken away.
    """
    ours = edition(tables, product, one)
    before = [
        edition(tables, product, other)
        for other in published(tables, product.id)
        if other.periode in related(one.periode) and other.publisert < one.publisert
    ]
    rows = tables.query(
        "SELECT * FROM statistikk.utgivelse_tall WHERE utgivelse_id = @id AND art = 'ANDEL' AND tall IS NOT NULL",
        {"id": one.utgivelse_id},
    )
    shares = {_key({**row, "art": "VERDI"}): float(row["tall"]) for row in rows}
    hidden, taken = ours.hidden, ""
    if without_one is not None:
        reasons = {_key(row): row["grunn"] for row in _hidden_rows(tables, one.utgivelse_id)}
        drawn = _mutated(hidden, reasons, without_one)
        if drawn is not None:
            key, hidden = drawn
            taken = reasons[key]
    readers = known_to_readers(ours.cells, hidden, before)
    return attack.attack(product, readers, groups(tables, freeze), shares), taken


def _key(row: Mapping[str, Any]) -> Key:
    return Key(
        *(row[n] for n in ("indikator", "art", "maal", "region", "periode", "periodetype")),
        *(row[n] for n in ("kjonn", "aldersgruppe", "kode")),
    )


def _hidden_rows(tables: Tables, name: str) -> list[dict[str, Any]]:
    return tables.query("SELECT * FROM statistikk.utgivelse_monster WHERE utgivelse_id = @id", {"id": name})


def notice(one: Utgivelse) -> tuple[bytes, dict[str, str]]:
    """What tells that a release is out: data and attributes of a CloudEvent (binary mode) that holds no figure."""
    data = {
        "utgivelse": one.utgivelse_id,
        "produkt": one.produkt,
        "referanseperiode": one.periode,
        "nummer": one.nummer,
        "status": one.status,
        "forrige": one.forrige_id,
        "sha256": one.sha256,
        "versjoner": f"/v1/uttrekk/bvr-{one.produkt}/versjoner",
    }
    attributes = {
        "ce-specversion": "1.0",
        "ce-id": one.utgivelse_id,
        "ce-source": "/barnevernsregisteret/utgivelser",
        "ce-type": "no.ssb.barnevern.utgivelse.v1.publisert",
        "ce-time": one.publisert.isoformat(),
        "ce-subject": one.produkt,
        "content-type": "application/json",
    }
    return msgspec.json.encode(data), attributes


def related(period: str) -> set[str]:
    """The periods whose releases say something about one: itself, its year and its half-years."""
    return {period, period[:4], f"{period[:4]}H1", f"{period[:4]}H2"}


def _record(made: Made, name: str, freeze: Freeze, now: datetime, same: Sequence[Utgivelse], reason: str) -> Utgivelse:
    final = calendar.freezes(freeze.periode)[-1].number == freeze.nummer
    audit = made.pattern.audit
    shown = msgspec.json.encode(sorted((*key, art, one.tall, one.symbol) for (key, art), one in made.shown.items()))
    return Utgivelse(
        utgivelse_id=name,
        produkt=made.product.id,
        periode=freeze.periode,
        frysing_id=freeze.frysing_id,
        nummer=1 + len(same),
        status="endelig" if final else "revidert" if same else "forelopig",
        kunnskapstidspunkt=freeze.kunnskapstidspunkt,
        publisert=now,
        regelsett=freeze.regelsett,
        kodelister_sha256=freeze.kodelister_sha256,
        parametre=msgspec.json.encode(parameters()).decode(),
        revisjon=msgspec.json.encode(
            {
                **{"celler": audit.cells, "programmer": audit.programmes, "heltall": audit.integer_programmes},
                **{"smalest": audit.narrowest, "for_smale": 0, "nytte": made.utility},
            }
        ).decode(),
        angrep=msgspec.json.encode(made.verdict.told()).decode(),
        monster_sha256=hashlib.sha256(msgspec.json.encode(sorted(made.hidden))).hexdigest(),
        sha256=hashlib.sha256(shown).hexdigest(),
        rader=len(made.shown),
        skjult=sum(one.symbol == HIDDEN for one in made.shown.values()),
        forrige_id=same[-1].utgivelse_id if same else None,
        grunn=reason or None,
    )


def parameters() -> dict[str, Any]:
    """The parameters of the protection, as they are stored and told."""
    return {
        "metode": "undertrykking",
        "terskel": SMALL + 1,
        "vernebredde": WIDTH,
        "minste_nevner": FEW,
        "rekkevidde": REACH,
        "null_vises": True,
        "symbol": HIDDEN,
        "seed": SEED,
    }


def _columns(key: Key) -> dict[str, Any]:
    return {
        **{"indikator": key.figur, "maal": key.maal, "region": key.region, "periode": key.periode},
        **{"periodetype": key.periodetype, "kjonn": key.kjonn, "aldersgruppe": key.alder, "kode": key.kode},
    }


def _cells(name: str, made: Made) -> Any:
    for (key, art), one in sorted(made.shown.items()):
        yield {
            **{"utgivelse_id": name, **_columns(key), "art": art, "niva": made.cells[key].niva},
            **{"tall": one.tall, "symbol": one.symbol or None},
        }


def _pattern(name: str, made: Made) -> Any:
    for key, reason in sorted(made.reasons.items()):
        yield {"utgivelse_id": name, **_columns(key), "art": key.art, "grunn": reason}


def stored(tables: Tables, name: str) -> Utgivelse | None:
    """A release by its id; None when there is none."""
    rows = tables.query(
        "SELECT * FROM statistikk.utgivelse WHERE utgivelse_id = @id ORDER BY publisert LIMIT 1", {"id": name}
    )
    return msgspec.convert(rows[0], Utgivelse) if rows else None


def published(tables: Tables, product: str) -> list[Utgivelse]:
    """The releases of a product, the first first. What was withdrawn has been seen, and counts as known."""
    rows = tables.query(
        "SELECT * FROM statistikk.utgivelse WHERE produkt = @produkt ORDER BY publisert, utgivelse_id",
        {"produkt": product},
    )
    return [msgspec.convert(row, Utgivelse) for row in rows]


def frozen(tables: Tables, product: Product, freeze_id: str) -> list[dict[str, Any]]:
    """The rows of a freeze that a product is made of."""
    names = ", ".join(f"'{figure}'" for figure in product.figures)  # declared, not given
    return tables.query(
        "SELECT indikator, region, niva, maal, periode, periodetype, kjonn, aldersgruppe, kode, verdi, nevner, n_barn, "  # noqa: S608
        f"n_barn_nevner FROM statistikk.frosne_tall WHERE frysing_id = @id AND indikator IN ({names})",
        {"id": freeze_id},
    )


def edition(tables: Tables, product: Product, one: Utgivelse) -> Earlier:
    """A release that is out: its figures from its freeze, and what it hid."""
    hidden = frozenset(_key(row) for row in _hidden_rows(tables, one.utgivelse_id))
    freeze = freezes.made(tables, one.frysing_id)
    if freeze is None:
        raise LookupError(f"the freeze {one.frysing_id} of a release is gone")
    given = cells(product, frozen(tables, product, one.frysing_id), inhabitants(tables, freeze))
    return Earlier(name=one.utgivelse_id, cells=given, hidden=hidden)


def inhabitants(tables: Tables, freeze: Freeze) -> dict[str, int]:
    """Inhabitants under 18 of each municipality, by the newest count up to the day after the period of a freeze."""
    year, half = int(freeze.periode[:4]), freeze.periode[4:]
    rows = tables.query(
        "SELECT region, antall FROM grunnlag.befolkning_per(@run_time) "
        "WHERE aldersgruppe = 'F000-017' AND dato <= @dato AND LENGTH(region) = 4 "
        "QUALIFY ROW_NUMBER() OVER (PARTITION BY region ORDER BY dato DESC) = 1",
        {"run_time": freeze.kunnskapstidspunkt, "dato": date(year, 7, 1) if half == "H1" else date(year + 1, 1, 1)},
    )
    return {row["region"]: row["antall"] for row in rows}


def groups(tables: Tables, freeze: Freeze) -> dict[str, list[str]]:
    """The municipalities of each KOSTRA group, as known at a freeze."""
    rows = tables.query(
        "SELECT gruppe, kommunenummer FROM grunnlag.kostragruppe_per(@run_time) "
        "WHERE gyldig_fra <= DATE(@run_time, 'Europe/Oslo') "
        "AND (gyldig_til IS NULL OR gyldig_til >= DATE(@run_time, 'Europe/Oslo')) ORDER BY gruppe, kommunenummer",
        {"run_time": freeze.kunnskapstidspunkt},
    )
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["gruppe"], []).append(row["kommunenummer"])
    return found


_APPROVED = ("GODKJENT", "FRYST", "PUBLISERT", "REVIDERT")


def approvals(tables: Tables, freeze: Freeze) -> Callable[[str], bool]:
    """Whether a municipality has approved its figures of a period."""
    rows = tables.query(
        "SELECT kommunenummer, tilstand FROM statistikk.godkjenning_gjeldende WHERE periode = @periode",
        {"periode": freeze.periode},
    )
    found = {row["kommunenummer"] for row in rows if row["tilstand"] in _APPROVED}
    return lambda kommune: kommune in found


def mutated(made: Made, seed: int) -> tuple[Key, frozenset[Key]] | None:
    """The pattern with one cell shown that is hidden for the sake of others; None where there is none (attack A10)."""
    return _mutated(made.hidden, made.reasons, seed)


def _mutated(hidden: frozenset[Key], reasons: Mapping[Key, str], seed: int) -> tuple[Key, frozenset[Key]] | None:
    partners = sorted(key for key, reason in reasons.items() if reason in ("PARTNER", "REPARERT"))
    if not partners:
        return None
    one = partners[int(np.random.default_rng(seed).integers(len(partners)))]
    return one, hidden - {one}
