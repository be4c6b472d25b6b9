"""Faults that senders make: each plants one finding in a document that is otherwise right.

A plant takes a document and gives it back with the fault, or None when the case has nothing to make it with. It always
takes the first element that fits, so that an uncorrected fault stays where it is as the case grows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import msgspec
from msgspec.structs import replace

from bvr.model import concepts as m
from bvr.model.identifiers import UNBORN, placeholder
from bvr.simulate.codes import NEW_ACT

Plant = Callable[[m.Barnevern, date], m.Barnevern | None]
DAY = timedelta(days=1)
WRONG_YEAR = date(1926, 1, 4)


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A way to go wrong: the rule that finds it, how often it is tried, and other ERROR rules it may set off.

    Faults that few cases can have weigh more, so that all of them are seen.
    """

    rule: str
    severity: str
    weight: float
    plant: Plant
    also: frozenset[str] = frozenset()


FAULTS: dict[str, Fault] = {}


def _fault(rule: str, severity: str, weight: float = 1.0, also: Iterable[str] = ()) -> Callable[[Plant], Plant]:
    def declare(plant: Plant) -> Plant:
        FAULTS[rule] = Fault(rule=rule, severity=severity, weight=weight, plant=plant, also=frozenset(also))
        return plant

    return declare


# --- tools -----------------------------------------------------------------------------------------------------------


def _sak(document: m.Barnevern, **changes: Any) -> m.Barnevern:
    return replace(document, sak=replace(document.sak, **changes))


def _first(
    document: m.Barnevern, field: str, fits: Callable[[Any], Any], change: Callable[[Any], Any]
) -> m.Barnevern | None:
    """Change the first live element of a list that fits."""
    elements = getattr(document.sak, field)
    for i, e in enumerate(elements):
        if not e.er_slettet and fits(e):
            return _sak(document, **{field: (*elements[:i], change(e), *elements[i + 1 :])})
    return None


def _copy_id(key: str) -> str:
    return str(uuid5(NAMESPACE_OID, f"copy of {key}"))


def _twice(document: m.Barnevern, field: str, fits: Callable[[Any], Any]) -> m.Barnevern | None:
    """Report the first element that fits a second time under a new key, with the same relations."""
    sak = document.sak
    for e in getattr(sak, field):
        if e.er_slettet or not fits(e):
            continue
        key, keys = _copy_id(e.id), {e.id, e.migrert_id}
        relations = list(sak.relasjon)
        for r in sak.relasjon:
            if r.til_id == e.id:
                relations.append(replace(r, id=_copy_id(r.id), til_id=key))
            elif r.fra_id in keys:
                relations.append(replace(r, id=_copy_id(r.id), fra_id=key))
        return _sak(document, **{field: (*getattr(sak, field), replace(e, id=key))}, relasjon=tuple(relations))
    return None


def _unrelated(document: m.Barnevern, gone: Callable[[m.Relasjon], bool]) -> m.Barnevern | None:
    """Leave out the relations that fit."""
    left = tuple(r for r in document.sak.relasjon if not gone(r))
    return _sak(document, relasjon=left) if len(left) < len(document.sak.relasjon) else None


def _ended(e: Any) -> bool:
    return e.konklusjon is not None


def _end(e: Any, day: date) -> Any:
    return replace(e, konklusjon=replace(e.konklusjon, slutt_dato=day))


def _real(p: m.Personalia) -> bool:
    return placeholder(p.fodselsnummer) is None


def _status(v: m.Vedtak) -> str:
    """The current status: the latest, ties by last in the document."""
    return max(enumerate(v.status), key=lambda pair: (pair[1].endret_dato, pair[0]))[1].kode


# --- the repeated shapes ---------------------------------------------------------------------------------------------


def _families() -> None:
    """Ends before it starts (2a), ends after the case (2c), starts before the case (2e)."""
    for name, more in (
        ("melding", ()),
        ("undersokelse", ()),
        ("plan", ()),
        ("vedtak", ("vedtak-2g",)),
        ("tiltak", ()),
    ):
        _family(name, more)


def _family(name: str, more: tuple[str, ...]) -> None:
    @_fault(f"{name}-2a", "ERROR", 3.0, also=more)
    def ends_before_it_starts(document: m.Barnevern, today: date) -> m.Barnevern | None:
        return _first(document, name, _ended, lambda e: _end(e, e.start_dato - DAY))

    @_fault(f"{name}-2c", "ERROR", 12.0)
    def ends_after_the_case(document: m.Barnevern, today: date) -> m.Barnevern | None:
        closed = document.sak.slutt_dato
        return closed and _first(document, name, _ended, lambda e: _end(e, closed + DAY))  # type: ignore[return-value]

    @_fault(f"{name}-2e", "ERROR", 3.0)
    def starts_before_the_case(document: m.Barnevern, today: date) -> m.Barnevern | None:
        before = document.sak.start_dato - DAY
        if before < NEW_ACT <= document.sak.start_dato:
            return None
        return _first(
            document,
            name,
            lambda e: e.start_dato < NEW_ACT or before >= NEW_ACT,
            lambda e: replace(e, start_dato=before),
        )


_families()


# --- reporter and case -----------------------------------------------------------------------------------------------


@_fault("avgiver-1", "ERROR", 24.0)
def _no_district(document: m.Barnevern, today: date) -> m.Barnevern | None:
    if document.avgiver.bydelsnummer is None:
        return None
    return replace(document, avgiver=replace(document.avgiver, bydelsnummer=None))


@_fault("sak-1", "ERROR", 16.0)
def _wrong_century(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _first(
        document,
        "undersokelse",
        lambda e: e.utvidet_frist,
        lambda e: replace(e, utvidet_frist=replace(e.utvidet_frist, start_dato=WRONG_YEAR)),
    ) or _first(
        document,
        "tiltak",
        lambda e: e.oppfolging and e.oppfolging.utfort,
        lambda e: replace(
            e,
            oppfolging=replace(
                e.oppfolging, utfort=(replace(e.oppfolging.utfort[0], utfort_dato=WRONG_YEAR), *e.oppfolging.utfort[1:])
            ),
        ),
    )


@_fault("sak-2a", "ERROR", 1.0, also=("personalia-2f", "melding-2c"))
def _closed_before_opened(document: m.Barnevern, today: date) -> m.Barnevern | None:
    sak = document.sak
    if sak.undersokelse or sak.plan or sak.tiltak or sak.vedtak or sak.flytting or sak.ettervern:
        return None
    return _sak(document, slutt_dato=sak.start_dato - DAY)


@_fault("sak-21", "ERROR", 2.0)
def _empty(document: m.Barnevern, today: date) -> m.Barnevern | None:
    sak = document.sak
    if sak.slutt_dato or sak.undersokelse or sak.tiltak or sak.vedtak or len(sak.melding) != 1 or sak.slettet:
        return None
    return _sak(document, melding=(), plan=(), relasjon=())


@_fault("sak-22", "WARNING", 2.0)
def _deleted_unknown(document: m.Barnevern, today: date) -> m.Barnevern | None:
    sak = document.sak
    gone = m.Slettet(id=_copy_id(sak.id), type="Plan", slutt_dato=sak.start_dato)
    return _sak(document, slettet=(*sak.slettet, gone))


@_fault("sak-23", "INFO", 16.0)
def _closed_with_open_parts(document: m.Barnevern, today: date) -> m.Barnevern | None:
    if document.sak.slutt_dato is None:
        return None
    return _first(document, "plan", _ended, lambda e: replace(e, konklusjon=None))


# --- who -------------------------------------------------------------------------------------------------------------


@_fault("personalia-2f", "ERROR", 8.0)
def _known_after_the_case(document: m.Barnevern, today: date) -> m.Barnevern | None:
    closed = document.sak.slutt_dato
    if closed is None:
        return None
    return _first(document, "personalia", _real, lambda e: replace(e, start_dato=closed + DAY))


@_fault("personalia-11", "ERROR", 2.0)
def _nobody(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _sak(document, personalia=())


@_fault("personalia-12", "ERROR", 3.0)
def _wrong_check_digit(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _first(
        document,
        "personalia",
        _real,
        lambda e: replace(e, fodselsnummer=f"{e.fodselsnummer[:10]}{(int(e.fodselsnummer[10]) + 1) % 10}"),
    )


@_fault("personalia-13", "WARNING", 3.0)
def _another_birth_date(document: m.Barnevern, today: date) -> m.Barnevern | None:
    def fits(e: m.Personalia) -> bool:
        # not where an age limit would be crossed by the way
        return _real(e) and all(abs((today - e.fodseldato).days - limit * 365.25) > 5 for limit in (8, 12, 18, 25))

    return _first(document, "personalia", fits, lambda e: replace(e, fodseldato=e.fodseldato + DAY))


@_fault("personalia-14", "ERROR", 3.0)
def _another_sex(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _first(document, "personalia", _real, lambda e: replace(e, kjonn="2" if e.kjonn == "1" else "1"))


@_fault("personalia-15", "ERROR", 32.0)
def _unborn_after_birth(document: m.Barnevern, today: date) -> m.Barnevern | None:
    if document.sak.slutt_dato is not None:
        return None
    return _first(
        document,
        "personalia",
        lambda e: e.fodselsnummer.endswith(UNBORN),
        lambda e: replace(e, start_dato=e.fodseldato + DAY),
    )


@_fault("personalia-16", "ERROR", 1.0)
def _known_long_before_birth(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _first(document, "personalia", _real, lambda e: replace(e, start_dato=e.fodseldato - timedelta(days=290)))


@_fault("personalia-17", "ERROR", 2.0)
def _wrong_duf(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _first(document, "personalia", _real, lambda e: replace(e, duf_nummer="299900000103"))


# --- reports ---------------------------------------------------------------------------------------------------------


@_fault("melding-4", "ERROR", 6.0)
def _nobody_reported(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _first(document, "melding", _ended, lambda e: replace(e, melder=()))


@_fault("melding-5", "ERROR", 5.0)
def _about_nothing(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _first(document, "melding", _ended, lambda e: replace(e, saksinnhold=()))


@_fault("melding-19", "INFO", 2.0)
def _reported_twice(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _twice(document, "melding", _ended)


@_fault("melder-2", "ERROR", 3.0)
def _other_body(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _first(
        document, "melding", lambda e: e.melder, lambda e: replace(e, melder=(m.Melder(kode="22"), *e.melder[1:]))
    )


@_fault("saksinnhold-2", "ERROR", 3.0)
def _other_content(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _first(
        document, "melding", lambda e: e.saksinnhold, lambda e: replace(e, saksinnhold=(m.Saksinnhold(kode="19"),))
    )


# --- investigations --------------------------------------------------------------------------------------------------


@_fault("undersokelse-3", "ERROR", 2.0)
def _other_ground(document: m.Barnevern, today: date) -> m.Barnevern | None:
    grounds = (m.Saksinnhold(kode="18", presisering=" "),)
    return _first(document, "undersokelse", lambda e: e.vedtaksgrunnlag, lambda e: replace(e, vedtaksgrunnlag=grounds))


@_fault("undersokelse-7", "ERROR", 3.0)
def _no_grounds(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _first(
        document,
        "undersokelse",
        lambda e: e.konklusjon and e.konklusjon.kode in ("1", "2") and e.vedtaksgrunnlag,
        lambda e: replace(e, vedtaksgrunnlag=()),
    )


@_fault("undersokelse-19", "ERROR", 1.5)
def _investigated_twice(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _twice(document, "undersokelse", lambda e: True)


@_fault("undersokelse-20", "ERROR", 5.0)
def _from_no_report(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _unrelated(document, lambda r: r.til_type == "Undersokelse")


def _no_decision(document: m.Barnevern, kode: str) -> m.Barnevern | None:
    for e in document.sak.undersokelse:
        if e.konklusjon and e.konklusjon.kode == kode:
            break
    else:
        return None
    keys = {e.id, e.migrert_id}
    return _unrelated(document, lambda r: r.til_type == "Vedtak" and r.fra_id in keys)


@_fault("undersokelse-21-k1", "ERROR", 4.0)
def _no_decision_by_the_service(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _no_decision(document, "1")


@_fault("undersokelse-21-k2", "WARNING", 32.0)
def _no_decision_by_the_board(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _no_decision(document, "2")


# --- decisions -------------------------------------------------------------------------------------------------------


def _demand(
    document: m.Barnevern, fits: Callable[[m.Vedtak], Any], start: Callable[[Any], date], end: Callable[[Any], date]
) -> m.Barnevern | None:
    def change(e: m.Vedtak) -> m.Vedtak:
        konklusjon = m.KravKonklusjon(slutt_dato=end(e), kode="1")
        return replace(e, krav=(*e.krav, m.Krav(id=_copy_id(e.id), start_dato=start(e), konklusjon=konklusjon)))

    return _first(document, "vedtak", fits, change)


@_fault("vedtak-2f", "ERROR", 1.0)
def _demand_ends_first(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _demand(document, lambda e: True, lambda e: e.start_dato + DAY, lambda e: e.start_dato)


@_fault("vedtak-2g", "ERROR", 8.0)
def _demand_outlives(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _demand(document, _ended, lambda e: e.start_dato, lambda e: e.konklusjon.slutt_dato + DAY)


@_fault("vedtak-2h", "ERROR", 1.0)
def _demand_comes_first(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _demand(document, lambda e: True, lambda e: e.start_dato - DAY, lambda e: e.start_dato)


@_fault("vedtak-2i", "INFO", 16.0)
def _status_after_the_end(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _first(
        document,
        "vedtak",
        lambda e: e.konklusjon and _status(e) == "1",
        lambda e: replace(
            e, status=(*e.status, m.Status(id=_copy_id(e.id), endret_dato=e.konklusjon.slutt_dato + DAY, kode="3"))
        ),
    )


@_fault("vedtak-2j", "INFO", 2.0)
def _status_before_the_start(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _first(
        document,
        "vedtak",
        lambda e: True,
        lambda e: replace(e, status=(replace(e.status[0], endret_dato=e.start_dato - DAY), *e.status[1:])),
    )


def _lapsed(document: m.Barnevern, kode: str) -> m.Barnevern | None:
    return _first(
        document,
        "vedtak",
        lambda e: not e.konklusjon,
        lambda e: replace(
            e, status=(*e.status, m.Status(id=_copy_id(e.id), endret_dato=e.status[-1].endret_dato, kode=kode))
        ),
    )


@_fault("vedtak-3-s3", "ERROR", 3.0)
def _lapsed_without_end(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _lapsed(document, "3")


@_fault("vedtak-3-s4", "ERROR", 2.0)
def _refused_without_end(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _lapsed(document, "4")


def _another_act(document: m.Barnevern, lov: str, fits: Callable[[date], bool]) -> m.Barnevern | None:
    """A decision under the wrong act, and its measures with it."""
    sak = document.sak
    for i, e in enumerate(sak.vedtak):
        if not fits(e.start_dato) or e.lovhjemmel.lov == lov:
            continue
        keys = {e.id, e.migrert_id}
        mine = {r.til_id for r in sak.relasjon if r.til_type == "Tiltak" and r.fra_id in keys}
        wrong = replace(e.lovhjemmel, lov=lov)
        return _sak(
            document,
            vedtak=(*sak.vedtak[:i], replace(e, lovhjemmel=wrong), *sak.vedtak[i + 1 :]),
            tiltak=tuple(replace(t, lovhjemmel=wrong) if t.id in mine else t for t in sak.tiltak),
        )
    return None


@_fault("vedtak-5-2021", "ERROR", 24.0, also=("tiltak-12", "tiltak-13"))
def _act_of_2021_too_early(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _another_act(document, "BVL2021", lambda day: day < NEW_ACT)


@_fault("vedtak-5-1992", "ERROR", 4.0, also=("tiltak-12", "tiltak-13"))
def _act_of_1992_too_late(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _another_act(document, "BVL", lambda day: day >= NEW_ACT)


@_fault("vedtak-19", "INFO", 1.5)
def _decided_twice(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _twice(document, "vedtak", lambda e: True)


@_fault("vedtak-20-relasjon", "WARNING", 40.0)
def _sent_without_relation(document: m.Barnevern, today: date) -> m.Barnevern | None:
    if not any(_status(e) == "2" for e in document.sak.vedtak):
        return None
    return _unrelated(document, lambda r: r.til_type == "OversendelseFylkesnemnd")


@_fault("vedtak-20-oversendelse", "WARNING", 40.0)
def _sent_nothing(document: m.Barnevern, today: date) -> m.Barnevern | None:
    if not any(_status(e) == "2" for e in document.sak.vedtak):
        return None
    return _sak(document, oversendelse_fylkesnemnd=())


def _request_act(document: m.Barnevern, lov: str, fits: Callable[[date], bool]) -> m.Barnevern | None:
    return _first(
        document,
        "oversendelse_fylkesnemnd",
        lambda e: fits(e.start_dato) and e.lovhjemmel.lov != lov,
        lambda e: replace(e, lovhjemmel=replace(e.lovhjemmel, lov=lov)),
    )


@_fault("oversendelse-5-2021", "ERROR", 24.0)
def _request_too_early(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _request_act(document, "BVL2021", lambda day: day < NEW_ACT)


@_fault("oversendelse-5-1992", "ERROR", 24.0)
def _request_too_late(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _request_act(document, "BVL", lambda day: day >= NEW_ACT)


@_fault("oversendelse-2e", "ERROR", 16.0)
def _request_before_the_case(document: m.Barnevern, today: date) -> m.Barnevern | None:
    before = document.sak.start_dato - DAY
    if before < NEW_ACT <= document.sak.start_dato:
        return None
    return _first(
        document,
        "oversendelse_fylkesnemnd",
        lambda e: e.start_dato < NEW_ACT or before >= NEW_ACT,
        lambda e: replace(e, start_dato=before),
    )


@_fault("oversendelse-2f", "ERROR", 16.0)
def _request_after_the_case(document: m.Barnevern, today: date) -> m.Barnevern | None:
    closed = document.sak.slutt_dato
    if closed is None or closed + DAY >= NEW_ACT > document.sak.start_dato:
        return None
    return _first(document, "oversendelse_fylkesnemnd", lambda e: True, lambda e: replace(e, start_dato=closed + DAY))


# --- measures --------------------------------------------------------------------------------------------------------


def _category(
    document: m.Barnevern, kode: str, fits: Callable[[m.Tiltak], Any], text: str | None
) -> m.Barnevern | None:
    return _first(document, "tiltak", fits, lambda e: replace(e, kategori=m.Kategori(kode=kode, presisering=text)))


def _older(document: m.Barnevern, today: date, kode: str, years: int) -> m.Barnevern | None:
    if not document.sak.personalia:
        return None
    born = document.sak.personalia[-1].fodseldato
    limit = born + timedelta(days=int(years * 365.25) + 2)

    def fits(e: m.Tiltak) -> bool:
        return (e.konklusjon.slutt_dato if e.konklusjon else today) >= limit and e.kategori.kode[0] in "3456"

    return _category(document, kode, fits, None)


@_fault("tiltak-5", "WARNING", 24.0)
def _kindergarten(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _older(document, today, "4.1", 8)


@_fault("tiltak-6", "WARNING", 24.0)
def _after_school(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _older(document, today, "4.2", 12)


@_fault("tiltak-7", "ERROR", 4.0)
def _other_measure(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _category(document, "3.99", lambda e: e.kategori.kode[0] in "34567", " ")


@_fault("tiltak-22", "WARNING", 16.0)
def _other_institution(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _category(document, "1.99", lambda e: e.kategori.kode[0] == "1", "Syntetisk presisering: institusjon.")


@_fault("tiltak-23", "WARNING", 16.0)
def _other_foster_home(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _category(document, "2.99", lambda e: e.kategori.kode[0] == "2", "Syntetisk presisering: fosterhjem.")


@_fault("tiltak-8", "ERROR", 32.0)
def _other_reason(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _first(document, "tiltak", lambda e: e.opphevelse, lambda e: replace(e, opphevelse=m.Opphevelse(kode="4")))


@_fault("tiltak-9", "WARNING", 24.0)
def _two_homes(document: m.Barnevern, today: date) -> m.Barnevern | None:
    """The previous placement was never ended."""
    placed = [e for e in document.sak.tiltak if e.kategori.kode[0] in "12"]
    if len(placed) < 2 or (today - placed[-1].start_dato).days <= 91:
        return None
    if placed[-1].konklusjon and (placed[-1].konklusjon.slutt_dato - placed[-1].start_dato).days <= 91:
        return None
    first = placed[-2].id
    return _first(
        document,
        "tiltak",
        lambda e: e.id == first and e.konklusjon and not _care(e),
        lambda e: replace(e, konklusjon=None),
    )


def _care(e: m.Tiltak) -> bool:
    """A care order, as the simulator writes them."""
    return (e.lovhjemmel.kapittel, e.lovhjemmel.paragraf) in (("4", "12"), ("5", "1"))


@_fault("tiltak-12", "ERROR", 40.0)
def _no_reason(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _first(
        document,
        "tiltak",
        lambda e: _ended(e) and e.opphevelse and _care(e) and (e.kategori.kode[0] in "12" or e.kategori.kode == "8.2"),
        lambda e: replace(e, opphevelse=None),
    )


@_fault("tiltak-13", "ERROR", 48.0)
def _care_of_an_adult(document: m.Barnevern, today: date) -> m.Barnevern | None:
    if not document.sak.personalia or (today - document.sak.personalia[-1].fodseldato).days < 18 * 365.25 + 2:
        return None
    return _first(
        document, "tiltak", lambda e: _ended(e) and _care(e), lambda e: replace(e, konklusjon=None, opphevelse=None)
    )


@_fault("tiltak-14", "ERROR", 3.0)
def _zero(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _first(
        document, "tiltak", lambda e: True, lambda e: replace(e, lovhjemmel=replace(e.lovhjemmel, ledd=("0",)))
    )


@_fault("tiltak-19", "WARNING", 3.0)
def _measured_twice(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _twice(document, "tiltak", lambda e: e.kategori.kode[0] in "34567")


@_fault("tiltak-20", "ERROR", 6.0)
def _from_no_decision(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _unrelated(document, lambda r: r.til_type == "Tiltak")


@_fault("tiltak-21", "ERROR", 5.0)
def _another_section(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _first(
        document,
        "tiltak",
        lambda e: not _care(e),
        lambda e: replace(e, lovhjemmel=replace(e.lovhjemmel, paragraf="9")),
    )


# --- plans, aftercare, moves -----------------------------------------------------------------------------------------


@_fault("plan-2f", "ERROR", 16.0)
def _evaluated_after_the_case(document: m.Barnevern, today: date) -> m.Barnevern | None:
    closed = document.sak.slutt_dato
    if closed is None:
        return None
    late = m.Evaluering(utfort_dato=closed + DAY)
    return _first(document, "plan", lambda e: True, lambda e: replace(e, evaluering=(*e.evaluering, late)))


@_fault("plan-2g", "ERROR", 2.0)
def _evaluated_before_the_case(document: m.Barnevern, today: date) -> m.Barnevern | None:
    early = m.Evaluering(utfort_dato=document.sak.start_dato - DAY)
    return _first(document, "plan", lambda e: True, lambda e: replace(e, evaluering=(early, *e.evaluering)))


@_fault("plan-19", "INFO", 2.0)
def _planned_twice(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _twice(document, "plan", lambda e: True)


@_fault("ettervern-2a", "ERROR", 24.0)
def _answered_before_offered(document: m.Barnevern, today: date) -> m.Barnevern | None:
    return _first(document, "ettervern", _ended, lambda e: _end(e, e.tilbud_sendt_dato - DAY))


@_fault("ettervern-2c", "ERROR", 24.0)
def _answered_after_the_case(document: m.Barnevern, today: date) -> m.Barnevern | None:
    closed = document.sak.slutt_dato
    return closed and _first(document, "ettervern", _ended, lambda e: _end(e, closed + DAY))  # type: ignore[return-value]


@_fault("ettervern-2e", "ERROR", 24.0)
def _offered_before_the_case(document: m.Barnevern, today: date) -> m.Barnevern | None:
    before = document.sak.start_dato - DAY
    return _first(document, "ettervern", lambda e: True, lambda e: replace(e, tilbud_sendt_dato=before))


@_fault("flytting-2c", "ERROR", 16.0)
def _moved_after_the_case(document: m.Barnevern, today: date) -> m.Barnevern | None:
    closed = document.sak.slutt_dato
    if closed is None:
        return None
    return _first(document, "flytting", lambda e: True, lambda e: replace(e, slutt_dato=closed + DAY))


@_fault("flytting-2f", "ERROR", 16.0)
def _moved_before_the_case(document: m.Barnevern, today: date) -> m.Barnevern | None:
    before = document.sak.start_dato - DAY
    return _first(document, "flytting", lambda e: True, lambda e: replace(e, slutt_dato=before))
