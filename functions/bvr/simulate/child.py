"""Children: sex, birth date and the numbers they are known by over time. All numbers are synthetic or placeholders."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

import msgspec

from bvr.model.identifiers import BOY, GIRL, UNBORN, make_duf, make_fodselsnummer


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of who the child is, from a day on."""

    since: date
    number: str
    born: date  # the due date while unborn
    sex: str
    finding: str | None = None  # the INFO rule that this number alone gives


class Child(msgspec.Struct, frozen=True, kw_only=True):
    """A child; `identities` in order of time, the first from before anybody asks."""

    born: date
    male: bool
    identities: tuple[Identity, ...]
    duf: str | None = None

    def age(self, day: date) -> int:
        return day.year - self.born.year - ((day.month, day.day) < (self.born.month, self.born.day))

    def birthday(self, age: int) -> date:
        year = self.born.year + age
        if (self.born.month, self.born.day) == (2, 29) and year % 4:
            return date(year, 3, 1)
        return self.born.replace(year=year)


class Nursery:
    """Makes children, each with a number that no other child has."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def number(self, rng: Random, born: date, male: bool, *, dnr: bool = False) -> str:
        """A synthetic national number or D-number, not used before."""
        for _ in range(100_000):
            individual = 500 + 2 * rng.randrange(250) + int(male)
            number = make_fodselsnummer(born, male, individual, dnr=dnr)
            if number is not None and number not in self._taken and number[6:] != UNBORN:
                self._taken.add(number)
                return number
        raise ValueError(f"no numbers are left for {born}: simulate fewer cases")

    def child(self, rng: Random, born: date) -> Child:
        """A child that has been born, mostly with a national number."""
        male = rng.random() < 0.54
        sex = "1" if male else "2"
        draw = rng.random()
        duf = make_duf(2999, rng.randrange(1_000_000)) if draw < 0.04 else None
        if draw < 0.02:
            number, finding = self.number(rng, born, male, dnr=True), "personalia-18-dnr"
        elif draw < 0.03:
            number, finding = _placeholder(born, BOY if male else GIRL), "personalia-18-plassholder"
        else:
            number, finding = self.number(rng, born, male), None
        identity = Identity(since=date.min, number=number, born=born, sex=sex, finding=finding)
        return Child(born=born, male=male, identities=(identity,), duf=duf)

    def unborn(self, rng: Random, due: date) -> Child:
        """A child reported before birth: due date, then a placeholder with its sex, then a number."""
        male = rng.random() < 0.51
        sex, suffix = ("1", BOY) if male else ("2", GIRL)
        born = due + timedelta(days=rng.randrange(-14, 11))
        known = "personalia-18-plassholder"
        steps = [Identity(since=date.min, number=_placeholder(due, UNBORN), born=due, sex="0", finding=known)]
        if rng.random() < 0.5:
            steps.append(Identity(since=born, number=_placeholder(born, suffix), born=born, sex=sex, finding=known))
        registered = born + timedelta(days=rng.randrange(2, 40))
        steps.append(Identity(since=registered, number=self.number(rng, born, male), born=born, sex=sex))
        return Child(born=born, male=male, identities=tuple(steps))


def _placeholder(day: date, suffix: str) -> str:
    return f"{day:%d%m%y}{suffix}"
