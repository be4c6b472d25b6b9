"""The information model as an XSD, one a version."""

from __future__ import annotations

from typing import Any

from lxml import etree
from lxml.builder import ElementMaker

from bvr.model import concepts as m
from bvr.model.codelists import codelist
from bvr.model.types import Concept, Field, Simple, fields_in

XS = "http://www.w3.org/2001/XMLSchema"
_E = ElementMaker(namespace=XS, nsmap={"xs": XS})

# Types without a name of their own, and names that differ from the concept's: a document may say xsi:type, so which
# types have names, and which, is part of what a schema accepts.
_ANONYMOUS: frozenset[type[Concept]] = frozenset(
    {
        m.Personalia,
        m.MeldingKonklusjon,
        m.UtvidetFrist,
        m.UndersokelseKonklusjon,
        m.Evaluering,
        m.Avslutning,
        m.KravKonklusjon,
        m.Status,
        m.EttervernKonklusjon,
        m.Slettet,
    }
)
_NAMES: dict[type[Concept], str] = {
    m.OppfolgingBesok: "OppfolgingType",
    m.OversendelseFylkesnemnd: "OversendelseBarneverntjenesteType",
    m.Krav: "OversendelsePrivatKravType",
}
_NAMED_LISTS = {"Begrep": "BegrepsType"}


def render(version: str) -> str:
    """The XSD of a supported version, as text."""
    schema = _E.schema(elementFormDefault="qualified", version=version)
    schema.append(
        etree.Comment(" Laget av informasjonsmodellen med `bvr generate`. | Generated from the information model. ")
    )
    schema.append(_E.element(_note(m.Barnevern), name="Barnevern", type="BarnevernType"))
    named: dict[str, Any] = {}
    _complex(m.Barnevern, version, named)
    for name in sorted(named):
        schema.append(named[name])
    for simple in _named_simples():
        schema.append(_simple(simple, version, name=simple.name or _NAMED_LISTS[simple.codes or ""]))
    return etree.tostring(schema, pretty_print=True, xml_declaration=True, encoding="UTF-8").decode()


def _named_simples() -> list[Simple]:
    from bvr.model.types import ANY_ID, UUID_ID

    return [ANY_ID, UUID_ID, Simple(codes="Begrep")]


def type_name(concept: type[Concept]) -> str | None:
    """The name of a concept's type in the XSD; None when it has none."""
    return None if concept in _ANONYMOUS else _NAMES.get(concept, f"{concept.__name__}Type")


def _note(of: type[Concept] | Field) -> Any:
    text = f"{of.doc.nb} | {of.doc.en}" if isinstance(of, Field) else (of.__doc__ or "")
    return _E.annotation(_E.documentation(text))


def _complex(concept: type[Concept], version: str, named: dict[str, Any]) -> Any:
    """The complex type of a concept: the name of a named type, or the type itself."""
    name = type_name(concept)
    if name in named:
        return name
    out = _E.complexType(**({"name": name} if name else {}))
    if name:
        named[name] = out
    here = fields_in(concept, version)
    children = [f for f in here if not f.is_attribute]
    if children:
        out.append(_E.sequence(*(_child(f, version, named) for f in children)))
    for f in here:
        if f.is_attribute:
            out.append(_attribute(f, version))
    return name or out


def _child(f: Field, version: str, named: dict[str, Any]) -> Any:
    occurs = {}
    if f.low != 1:
        occurs["minOccurs"] = str(f.low)
    if f.high != 1:
        occurs["maxOccurs"] = "unbounded" if f.high is None else str(f.high)
    element = _E.element(_note(f), name=f.xml, **occurs)
    kind = _type(f.simple, version) if f.simple else _complex(f.concept or Concept, version, named)
    if isinstance(kind, str):
        element.set("type", kind)
    else:
        element.append(kind)
    if f.concept is m.Sak:
        for target, keys in m.UNIQUE.items():
            element.append(
                _E.unique(
                    _E.selector(xpath=target), *(_E.field(xpath=f"@{key}") for key in keys), name=f"{target}IdUnique"
                )
            )
    return element


def _attribute(f: Field, version: str) -> Any:
    assert f.simple is not None
    attribute = _E.attribute(_note(f), name=f.xml, **({"use": "required"} if f.low else {}))
    kind = _type(f.simple, version)
    if isinstance(kind, str):
        attribute.set("type", kind)
    else:
        attribute.append(kind)
    return attribute


def _type(simple: Simple, version: str) -> Any:
    if simple.name or simple.codes in _NAMED_LISTS:
        return simple.name or _NAMED_LISTS[simple.codes or ""]
    if simple in (Simple(base="date"), Simple(base="boolean")):
        return f"xs:{simple.base}"
    return _simple(simple, version)


def simple_type(simple: Simple, version: str) -> Any:
    """A simple type of the model, without a name, with the codes of a version."""
    return _simple(simple, version)


def _simple(simple: Simple, version: str, name: str | None = None) -> Any:
    restriction = _E.restriction(base=f"xs:{simple.base}")
    if simple.min_length is not None and simple.min_length == simple.max_length:
        restriction.append(_E.length(value=str(simple.min_length)))
    else:
        if simple.min_length is not None:
            restriction.append(_E.minLength(value=str(simple.min_length)))
        if simple.max_length is not None:
            restriction.append(_E.maxLength(value=str(simple.max_length)))
    if simple.pattern:
        restriction.append(_E.pattern(value=simple.pattern))
    if simple.codes:
        for code in codelist(simple.codes).values():
            if code.in_version(version):
                restriction.append(
                    _E.enumeration(
                        _E.annotation(_E.documentation(f"{code.label_nb} | {code.label_en}")), value=code.code
                    )
                )
    return _E.simpleType(restriction, **({"name": name} if name else {}))
