"""Every place of the model: where an element or an attribute can stand in a document of one version."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from bvr.model.concepts import UNIQUE, Barnevern
from bvr.model.types import Concept, Field, Simple, fields_in


@dataclass(frozen=True, slots=True)
class Place:
    """An element, or an attribute of one, by the names that lead to it."""

    path: tuple[str, ...]
    attribute: str | None
    field: Field | None  # None: the root
    concept: type[Concept] | None  # of a complex element
    parent: type[Concept] | None

    def __str__(self) -> str:
        return "/" + "/".join(self.path) + (f"/@{self.attribute}" if self.attribute else "")

    @property
    def simple(self) -> Simple | None:
        """The type of the value that stands here; None for a complex element."""
        return self.field.simple if self.field else None

    @property
    def unique(self) -> tuple[str, ...]:
        """The attributes that together stand once among such elements of the case."""
        return UNIQUE.get(self.path[-1], ()) if len(self.path) == 3 and self.path[1] == "Sak" else ()


@cache
def places(version: str) -> tuple[Place, ...]:
    """In the order of the schema."""
    out = [Place(("Barnevern",), None, None, Barnevern, None)]

    def walk(concept: type[Concept], path: tuple[str, ...]) -> None:
        for f in fields_in(concept, version):
            if f.is_attribute:
                out.append(Place(path, f.xml, f, None, concept))
                continue
            below = (*path, f.xml)
            out.append(Place(below, None, f, f.concept, concept))
            if f.concept:
                walk(f.concept, below)

    walk(Barnevern, ("Barnevern",))
    return tuple(out)
