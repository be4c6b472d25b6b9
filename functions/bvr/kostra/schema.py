"""The KOSTRA file as an XSD, generated from the model: one schema with the three global elements of the original.

`Barnevern` declares a local `Individ`, so a check of the whole file does not see that Ids must be unique; a check of
one `Individ` does (reference section 1.3). The generated schema keeps both.
"""

from __future__ import annotations

from typing import Any

from lxml import etree
from lxml.builder import ElementMaker

from bvr.kostra import concepts as m
from bvr.model.schema import XS, simple_type
from bvr.model.types import Concept, Field, fields

_E = ElementMaker(namespace=XS, nsmap={"xs": XS})

# A document may say xsi:type, so the names of types are part of what a schema accepts.
_NAMES: dict[type[Concept], str] = {
    m.Vedtaksgrunnlag: "SaksinnholdType",
    m.Tiltaksgrunnlag: "SaksinnholdType",
    m.JmfrLovhjemmel: "LovhjemmelType",
}


def render() -> str:
    """The XSD, as text."""
    named: dict[str, Any] = {}
    for concept in (m.Barnevern, m.Avgiver, m.Individ):
        _complex(concept, named)
    schema = _E.schema(elementFormDefault="qualified")
    schema.append(
        etree.Comment(" Laget av modellen med `bvr generate`. | Generated from the model with `bvr generate`. ")
    )
    schema.append(_E.element(name="Barnevern", type="BarnevernType"))
    schema.append(_E.element(name="Avgiver", type="AvgiverType"))
    schema.append(
        _E.element(
            *(_E.unique(_E.selector(xpath=n), _E.field(xpath="@Id"), name=f"{n}IdUnique") for n in m.UNIQUE),
            name="Individ",
            type="IndividType",
        )
    )
    schema.append(_E.element(simple_type(m.CLARIFICATION, m.CODES), name="Presisering"))
    for name in sorted(named):
        schema.append(named[name])
    return etree.tostring(schema, pretty_print=True, xml_declaration=True, encoding="UTF-8").decode()


def _complex(concept: type[Concept], named: dict[str, Any]) -> str:
    name = _NAMES.get(concept, f"{concept.__name__}Type")
    if name in named:
        return name
    out = named[name] = _E.complexType(name=name)
    children = [f for f in fields(concept) if not f.is_attribute]
    if children:
        out.append(_E.sequence(*(_child(f, named) for f in children)))
    for f in fields(concept):
        if f.is_attribute:
            out.append(_attribute(f))
    return name


def _child(f: Field, named: dict[str, Any]) -> Any:
    occurs = {} if f.low == 1 else {"minOccurs": str(f.low)}
    if f.high != 1:
        occurs["maxOccurs"] = "unbounded" if f.high is None else str(f.high)
    if f.concept is None:
        return _E.element(ref=f.xml, **occurs)
    return _E.element(name=f.xml, type=_complex(f.concept, named), **occurs)


def _attribute(f: Field) -> Any:
    assert f.simple is not None
    use = {"use": "required"} if f.required else {}
    if f.simple.base in ("date", "gYear"):
        return _E.attribute(name=f.xml, type=f"xs:{f.simple.base}", **use)
    return _E.attribute(simple_type(f.simple, m.CODES), name=f.xml, **use)
