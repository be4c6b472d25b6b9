"""Who sees which rows: BigQuery row access policies, made from the grants of `grunnlag.tilgang`.

A policy stands on `register.analyse_grunnlag`, which every view of analysis joins, and holds for whoever asks through
whatever view; one for the bridge of pseudonyms stands on `register.pseudonym`. With a first policy, everybody without
one sees nothing. Policies are named by what they say, so that what is there and what is declared can be compared by
name, and only the difference is made: what is no longer granted goes first.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import msgspec

from bvr.errors import BvrError
from bvr.register.derived import Tables
from bvr.register.purposes import BRIDGE, READ

BASIS, PSEUDONYMS = "register.analyse_grunnlag", "register.pseudonym"
_IDENTITY = re.compile(r"(user|group|serviceAccount):[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,190}")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_MUNICIPALITY = re.compile(r"[0-9]{4}")
_MOST = 400  # policies that BigQuery allows on a table


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `grunnlag.tilgang`."""

    identitet: str
    formal: str
    slag: str = READ
    kommuner: tuple[str, ...] = ()
    fra_aar: int | None = None
    til_aar: int | None = None


class BadGrant(BvrError):
    """A grant says something that no policy may say. The message names the field, and the remedy."""


class Policy(msgspec.Struct, frozen=True, order=True):
    """A policy: the table it stands on, its name, who it is for, and the rows that they see."""

    table: str
    name: str
    grantee: str
    filter: str

    @property
    def create(self) -> str:
        """Its statement. Nothing in it is anybody's text: every part has been held against a pattern."""
        return (
            f"CREATE ROW ACCESS POLICY {self.name} ON {self.table}\n"
            f'GRANT TO ("{self.grantee}")\nFILTER USING ({self.filter})'
        )

    @property
    def drop(self) -> str:
        return f"DROP ROW ACCESS POLICY {self.name} ON {self.table}"


class Policies(msgspec.Struct, frozen=True, kw_only=True):
    """The difference between what is declared and what is there, in the order that it is made."""

    drop: tuple[tuple[str, str], ...]
    """(table, name)."""
    create: tuple[Policy, ...]


def policy(grant: Grant) -> Policy:
    """The policy of a grant. Raises BadGrant."""
    if not _IDENTITY.fullmatch(grant.identitet):
        raise BadGrant("identitet: write user:, group: or serviceAccount:, and an e-mail address")
    if not _NAME.fullmatch(grant.formal):
        raise BadGrant("formal: small letters, digits, - and _, at most 63")
    if bad := [number for number in grant.kommuner if not _MUNICIPALITY.fullmatch(number)]:
        raise BadGrant(f"kommuner: {len(bad)} of them are not four digits")
    if grant.slag not in (READ, BRIDGE):
        raise BadGrant(f"slag: {READ} or {BRIDGE}")
    conditions = [f"formal = '{grant.formal}'"]
    if grant.slag == BRIDGE:
        if grant.kommuner or grant.fra_aar is not None or grant.til_aar is not None:
            raise BadGrant("slag BRO: the bridge is of a whole purpose; leave kommuner and years out")
        return _policy(PSEUDONYMS, grant.identitet, conditions)
    if grant.kommuner:
        numbers = ", ".join(f"'{number}'" for number in sorted(set(grant.kommuner)))
        conditions.append(f"kommunenummer IN ({numbers})")
    if grant.fra_aar is not None:
        conditions.append(f"aar >= {int(grant.fra_aar)}")
    if grant.til_aar is not None:
        conditions.append(f"aar <= {int(grant.til_aar)}")
    return _policy(BASIS, grant.identitet, conditions)


def _policy(table: str, grantee: str, conditions: list[str]) -> Policy:
    condition = " AND ".join(conditions)
    name = "p_" + hashlib.sha256(f"{table}|{grantee}|{condition}".encode()).hexdigest()[:24]
    return Policy(table, name, grantee, condition)


def grants(tables: Tables, today: date) -> list[Grant]:
    """The grants in force on a day, of purposes in force."""
    rows = tables.query(
        """
SELECT t.identitet, t.formal, t.slag, t.kommuner, t.fra_aar, t.til_aar
FROM grunnlag.tilgang AS t
JOIN grunnlag.formal AS f ON f.formal = t.formal
WHERE t.gyldig_fra <= @dag AND COALESCE(t.gyldig_til, @dag) >= @dag
  AND f.gyldig_fra <= @dag AND COALESCE(f.gyldig_til, @dag) >= @dag
""",
        {"dag": today},
    )
    return [msgspec.convert({n: v for n, v in row.items() if v is not None}, Grant) for row in rows]


def plan(declared: Iterable[Grant], there: Mapping[str, Iterable[str]], own: Iterable[str]) -> Policies:
    """What is to be made and dropped. `there`: table -> names of its policies. `own`: the identities that derivations
    run as, which see every row. Raises BadGrant, and when there are more policies than BigQuery allows."""
    wanted = {policy(grant) for grant in declared}
    own = tuple(own)
    if not own:
        # Without any policy a table shows every row to whoever may ask it.
        raise BadGrant("the account of derivations: name at least one, so that there is always a policy")
    for identity in own:
        if not _IDENTITY.fullmatch(identity):
            raise BadGrant("the account of derivations: write serviceAccount: and its e-mail address")
        wanted |= {_policy(table, identity, ["TRUE"]) for table in (BASIS, PSEUDONYMS)}
    for table in (BASIS, PSEUDONYMS):
        count = sum(one.table == table for one in wanted)
        if count > _MOST:
            raise BadGrant(f"{count} grants on {table}; BigQuery allows {_MOST}: grant to groups")
    names = {(one.table, one.name) for one in wanted}
    present = {(table, name) for table, found in there.items() for name in found}
    # Our own first: without it, the first policy of somebody else would hide every row from our own derivations.
    new = sorted((one for one in wanted if (one.table, one.name) not in present), key=lambda p: (p.filter != "TRUE", p))
    return Policies(drop=tuple(sorted(present - names)), create=tuple(new))


def run(tables: Tables, policies: Any, today: date, own: Iterable[str], *, dry: bool = False) -> Policies:
    """Make the policies those of the grants in force on a day; with `dry`, only tell. A repeat changes nothing.

    `policies` lists those of a table (`gcp.RowPolicies`).
    """
    there = {table: policies.names(table) for table in (BASIS, PSEUDONYMS)}
    found = plan(grants(tables, today), there, own)
    if not dry:
        for one in found.create:
            if one.filter == "TRUE":
                tables.query(one.create)
        for table, name in found.drop:
            tables.query(f"DROP ROW ACCESS POLICY {name} ON {table}")
        for one in found.create:
            if one.filter != "TRUE":
                tables.query(one.create)
    return found
