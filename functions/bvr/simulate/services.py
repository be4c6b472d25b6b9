"""The services: 231, of which 66 are co-operations of several municipalities."""

from __future__ import annotations

from collections import Counter
from functools import cache

import msgspec

from bvr.simulate.population import Kommune, kommuner
from bvr.simulate.published import CO_OPERATIONS, SERVICES


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """A service, and the municipality that hosts it: all its members use the host's case system."""

    host: Kommune
    members: tuple[Kommune, ...]

    @property
    def name(self) -> str:
        return f"Barneverntjenesten i {self.host.name}" + (" og omegn" if len(self.members) > 1 else "")


@cache
def services() -> tuple[Service, ...]:
    """All services, in order of their hosts. Which municipalities work together is invented: the smallest of each
    county, by number; the largest of them is the host."""
    everyone = kommuner()
    small = len(everyone) - (SERVICES - CO_OPERATIONS)
    by_size = sorted((k for k in everyone if not k.bydeler), key=lambda k: (k.total, k.number))
    alone = [county for county, n in Counter(k.county for k in by_size[:small]).items() if n == 1]
    counties: dict[str, list[Kommune]] = {}
    for kommune in sorted([k for k in by_size if k.county not in alone][:small], key=lambda k: k.number):
        counties.setdefault(kommune.county, []).append(kommune)
    shared = _shared(counties)
    groups = [group for own, count in zip(counties.values(), shared, strict=True) for group in _cut(own, count)]
    together = {k.number for group in groups for k in group}
    found = [Service(host=max(group, key=lambda k: k.total), members=tuple(group)) for group in groups]
    found += [Service(host=k, members=(k,)) for k in everyone if k.number not in together]
    return tuple(sorted(found, key=lambda s: s.host.number))


def _shared(counties: dict[str, list[Kommune]]) -> list[int]:
    """How many co-operations each county has: in proportion to its small municipalities, by largest remainder."""
    total = sum(map(len, counties.values()))
    exact = [len(own) * CO_OPERATIONS / total for own in counties.values()]
    counts = [int(share) for share in exact]
    for i in sorted(range(len(exact)), key=lambda i: counts[i] - exact[i])[: CO_OPERATIONS - sum(counts)]:
        counts[i] += 1
    return counts


def _cut(own: list[Kommune], count: int) -> list[list[Kommune]]:
    """Consecutive groups of about the same size."""
    return [own[len(own) * i // count : len(own) * (i + 1) // count] for i in range(count)]


@cache
def service_of() -> dict[str, Service]:
    """The service of each municipality number."""
    return {k.number: service for service in services() for k in service.members}
