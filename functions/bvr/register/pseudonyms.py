"""Pseudonyms for analysis: a keyed function of purpose, epoch and child or case, computed here and nowhere in SQL.

HMAC-SHA-256 as a pseudorandom function of Tink, with a keyset of its own: who has the tables and not the key can
neither make a pseudonym nor undo one. Half of its output is the pseudonym; the other half is never shown, and keys
references to the elements of a case.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Protocol

import tink
from tink import json_proto_keyset_format, prf, secret_key_access

from bvr.errors import BvrError
from bvr.register.derived import Done, Tables, record, window
from bvr.register.keys import Unwrap, keyset

STEP = "pseudonym"
_HALF = 16
_ROWS = 50_000  # pseudonyms of one load


class Prf(Protocol):
    """A keyed function: 32 bytes that nobody can guess without the key."""

    def compute(self, data: bytes) -> bytes: ...


class TinkPrf:
    """The function of a keyset's primary key."""

    def __init__(self, keys: str | tink.KeysetHandle) -> None:
        prf.register()
        handle = json_proto_keyset_format.parse(keys, secret_key_access.TOKEN) if isinstance(keys, str) else keys
        self._primary = handle.primitive(prf.PrfSet).primary()

    @classmethod
    def of(cls, path: str, unwrap: Unwrap | None = None) -> TinkPrf:
        """The function of a keyset file."""
        prf.register()
        return cls(keyset(path, unwrap))

    def compute(self, data: bytes) -> bytes:
        return bytes(self._primary.compute(data, 2 * _HALF))


def new_keyset() -> str:
    """A fresh keyset as JSON, in clear: to be stored as a secret at once."""
    prf.register()
    handle = tink.new_keyset_handle(prf.prf_key_templates.HMAC_SHA256)
    return str(json_proto_keyset_format.serialize(handle, secret_key_access.TOKEN))


def pseudonym(key: Prf, formal: str, epoke: int, kind: str, nokkel: str) -> tuple[str, bytes]:
    """(the pseudonym, 32 hex digits; its secret, 16 bytes)."""
    made = key.compute("|".join((formal, str(epoke), kind, nokkel)).encode())
    return made[:_HALF].hex(), made[_HALF:]


class UnknownPurpose(BvrError):
    """There is no such purpose, or it has ended."""


# The purposes in force on a day, each with its epoch of that day.
IN_FORCE = """
  SELECT f.*, COALESCE(e.epoke, 1) AS epoke
  FROM grunnlag.formal AS f
  LEFT JOIN (
    SELECT formal, MAX(epoke) AS epoke FROM grunnlag.formal_epoke WHERE fra_dato <= @dag GROUP BY formal
  ) AS e ON e.formal = f.formal
  WHERE f.gyldig_fra <= @dag AND (f.gyldig_til IS NULL OR f.gyldig_til >= @dag)
"""

# (purpose, case) that a purpose may see: its municipalities and its cohort. Years come later.
_SEES = f"""
formal AS ({IN_FORCE}),
ser AS (
  SELECT f.formal, f.epoke, f.dato_presisjon, f.fra_aar, f.til_aar,
    s.orgnr, s.sak_id, s.kommunenummer, s.bydelsnummer, s.barn_id, s.start_dato, s.slutt_dato
  FROM sak AS s
  CROSS JOIN formal AS f
  LEFT JOIN grunnlag.kohort AS k ON k.formal = f.formal AND k.barn_id = s.barn_id
  WHERE (COALESCE(ARRAY_LENGTH(f.kommuner), 0) = 0 OR s.kommunenummer IN UNNEST(f.kommuner))
    AND (f.kohort IS NOT TRUE OR k.barn_id IS NOT NULL)
)
"""  # noqa: S608


def _cases(everything: bool) -> str:
    """The cases of a run, current, with their child: those touched in the window, or that came to be another child."""
    only = "" if everything else "JOIN berort AS b ON b.orgnr = t.orgnr AND b.sak_id = t.sak_id"
    return f"""
berort AS (
  SELECT orgnr, sak_id
  FROM register.innsending
  WHERE behandlet > @fra AND behandlet <= @til AND sak_id IS NOT NULL
  UNION DISTINCT
  SELECT orgnr, sak_id FROM register.person_sak WHERE gjelder_fra > @fra AND gjelder_fra <= @til
),
sak AS (
  SELECT t.orgnr, t.sak_id, t.kommunenummer, t.bydelsnummer, p.barn_id,
    t.sak.start_dato AS start_dato, t.sak.slutt_dato AS slutt_dato
  FROM register.sak_tabell AS t
  JOIN register.person_sak_gjeldende AS p ON p.orgnr = t.orgnr AND p.sak_id = t.sak_id
  {only}
),
"""  # noqa: S608


def missing_sql(*, everything: bool) -> str:
    """The children and cases that lack a pseudonym in some purpose's epoch."""
    return f"""
WITH {_cases(everything)}{_SEES},
trengs AS (
  SELECT DISTINCT formal, epoke, 'BARN' AS type, barn_id AS nokkel FROM ser
  UNION ALL
  SELECT formal, epoke, 'SAK' AS type, CONCAT(orgnr, '/', sak_id) AS nokkel FROM ser
)
SELECT t.formal, t.epoke, t.type, t.nokkel
FROM trengs AS t
LEFT JOIN register.pseudonym AS p
  ON p.formal = t.formal AND p.epoke = t.epoke AND p.type = t.type AND p.nokkel = t.nokkel
WHERE p.nokkel IS NULL
ORDER BY formal, epoke, type, nokkel
"""  # noqa: S608


_KEY = ("formal", "orgnr", "sak_id", "aar")
_COLUMNS = ("epoke", "kommunenummer", "bydelsnummer", "barn", "sak", "salt", "dato_presisjon")


def merge_sql(*, everything: bool) -> str:
    """Brings register.analyse_grunnlag up to date for the cases of a run.

    A case has a row for each year it was open in, or something of it is dated in, up to the year of the run.
    """
    on = " AND ".join(f"t.{name} = g.{name}" for name in _KEY)
    differs = " OR ".join(f"t.{name} IS DISTINCT FROM g.{name}" for name in _COLUMNS)
    gone = "TRUE" if everything else "b.sak_id IS NOT NULL"
    names = (*_KEY, *_COLUMNS)
    return f"""
MERGE register.analyse_grunnlag AS t
USING (
  WITH {_cases(everything)}{_SEES},
  en AS (
    SELECT * FROM register.pseudonym
    QUALIFY ROW_NUMBER() OVER (PARTITION BY formal, epoke, type, nokkel ORDER BY gjelder_fra, pseudonym) = 1
  ),
  aar AS (
    SELECT s.orgnr, s.sak_id, a AS aar
    FROM sak AS s,
    UNNEST(GENERATE_ARRAY(EXTRACT(YEAR FROM s.start_dato),
      EXTRACT(YEAR FROM LEAST(COALESCE(s.slutt_dato, @dag), @dag)))) AS a
    UNION DISTINCT
    SELECT h.orgnr, h.sak_id, EXTRACT(YEAR FROM h.dato) AS aar
    FROM register.hendelse AS h
    JOIN sak AS s ON s.orgnr = h.orgnr AND s.sak_id = h.sak_id
    WHERE h.dato <= @dag
  ),
  skal AS (
    SELECT s.formal, s.orgnr, s.sak_id, a.aar, s.epoke, s.kommunenummer, s.bydelsnummer,
      barn.pseudonym AS barn, sak.pseudonym AS sak, sak.salt, s.dato_presisjon
    FROM ser AS s
    JOIN aar AS a ON a.orgnr = s.orgnr AND a.sak_id = s.sak_id
    JOIN en AS barn
      ON barn.formal = s.formal AND barn.epoke = s.epoke AND barn.type = 'BARN' AND barn.nokkel = s.barn_id
    JOIN en AS sak
      ON sak.formal = s.formal AND sak.epoke = s.epoke AND sak.type = 'SAK'
      AND sak.nokkel = CONCAT(s.orgnr, '/', s.sak_id)
    WHERE a.aar >= COALESCE(s.fra_aar, a.aar) AND a.aar <= COALESCE(s.til_aar, a.aar)
  ),
  er AS (
    SELECT e.formal, e.orgnr, e.sak_id, e.aar
    FROM register.analyse_grunnlag AS e
    LEFT JOIN berort AS b ON b.orgnr = e.orgnr AND b.sak_id = e.sak_id
    WHERE {gone}
  )
  SELECT
    COALESCE(skal.formal, er.formal) AS formal,
    COALESCE(skal.orgnr, er.orgnr) AS orgnr,
    COALESCE(skal.sak_id, er.sak_id) AS sak_id,
    COALESCE(skal.aar, er.aar) AS aar,
    skal.formal IS NULL AS borte,
    {", ".join(f"skal.{name}" for name in _COLUMNS)}
  FROM skal
  FULL OUTER JOIN er
    ON er.formal = skal.formal AND er.orgnr = skal.orgnr AND er.sak_id = skal.sak_id AND er.aar = skal.aar
) AS g
ON {on}
WHEN MATCHED AND g.borte THEN DELETE
WHEN MATCHED AND ({differs}) THEN UPDATE SET {", ".join(f"{name} = g.{name}" for name in _COLUMNS)}
WHEN NOT MATCHED AND NOT g.borte THEN INSERT ({", ".join(names)}) VALUES ({", ".join(f"g.{name}" for name in names)})
"""  # noqa: S608


def run(tables: Tables, key: Prf, at: datetime, today: date, *, everything: bool = False) -> Done:
    """Give every child and case that a purpose may see its pseudonym, and bring the grounds of analysis up to date.

    `today` is the day in Norway of `at`. A purpose that is new, has ended or has a new epoch since the last run makes
    this a run of everything. A repeat changes nothing. Raises Retry or Broken as the tables do.
    """
    read = window(tables, STEP, at, everything=everything)
    everything = everything or _purposes_changed(tables, today)
    given: dict[str, Any] = {**read.parameters, "dag": today}
    made = _make(tables, key, at, tables.query(missing_sql(everything=everything), given))
    tables.query(merge_sql(everything=everything), given)
    record(tables, read, len(made), len(made))
    return Done(steg=STEP, antall=len(made), endret=len(made))


def _purposes_changed(tables: Tables, today: date) -> bool:
    """Whether what stands for analysis is of other purposes, epochs or precisions than those of today."""
    (found,) = tables.query(
        f"""
WITH formal AS ({IN_FORCE}),
er AS (SELECT DISTINCT formal, epoke, dato_presisjon FROM register.analyse_grunnlag)
SELECT COUNT(*) AS antall
FROM formal AS f
FULL OUTER JOIN er AS e ON e.formal = f.formal AND e.epoke = f.epoke AND e.dato_presisjon = f.dato_presisjon
WHERE f.formal IS NULL OR e.formal IS NULL
""",  # noqa: S608
        {"dag": today},
    )
    return bool(found["antall"])


def _make(tables: Tables, key: Prf, at: datetime, missing: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = []
    for one in missing:
        name, salt = pseudonym(key, one["formal"], one["epoke"], one["type"], one["nokkel"])
        rows.append({**one, "pseudonym": name, "salt": salt, "gjelder_fra": at})
    for start in range(0, len(rows), _ROWS):
        tables.insert("register.pseudonym", rows[start : start + _ROWS])
    return rows


def rotate(tables: Tables, formal: str, fra_dato: date, at: datetime, who: str, why: str) -> int:
    """A new epoch of a purpose from a day on; its number. The next run makes its pseudonyms.

    Nothing is locked: until that run has ended, and until the day has come, those of the old epoch stand. The same
    call again changes nothing. Raises UnknownPurpose; ValueError for a decision without a name or a reason.
    """
    if not who.strip() or not why.strip():
        raise ValueError("a rotation needs who decided it, and why")
    if not tables.query("SELECT 1 AS en FROM grunnlag.formal WHERE formal = @formal", {"formal": formal}):
        raise UnknownPurpose(f"there is no purpose {formal!r} in grunnlag.formal")
    known = tables.query(
        "SELECT epoke, fra_dato FROM grunnlag.formal_epoke WHERE formal = @formal ORDER BY epoke DESC",
        {"formal": formal},
    )
    for one in known:
        if one["fra_dato"] == fra_dato:
            return int(one["epoke"])
    epoke = int(known[0]["epoke"]) + 1 if known else 2
    row = {"formal": formal, "epoke": epoke, "fra_dato": fra_dato, "registrert": at, "hvem": who, "hvorfor": why}
    tables.insert("grunnlag.formal_epoke", [row])
    return epoke
