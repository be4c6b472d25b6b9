"""SDMX: data as SDMX-CSV 1.0 and 2.0 and as SDMX-JSON 2.0, and the structure of a table as SDMX-JSON 2.0.

OBS_STATUS and CONF_STATUS are the code lists of the SDMX content-oriented guidelines (statistics 5.3). A hidden cell is
Q and C: whether it was hidden for its own sake or for another's must not be told.
"""

from __future__ import annotations

import csv
import io
from datetime import UTC
from typing import Any

from bvr.api.table import HIDDEN, IMPOSSIBLE, MISSING, PROVISIONAL, Cell, Dimension, Selection, Table

AGENCY, VERSION = "SSB", "1.0.0"
STATUS = {"": "A", PROVISIONAL: "P", HIDDEN: "Q", MISSING: "M", IMPOSSIBLE: "M"}
_OBS_STATUS = {
    "A": ("Normal verdi", "Normal value"),
    "P": ("Foreløpig", "Provisional value"),
    "M": ("Mangler eller ikke mulig", "Missing or not possible"),
    "Q": ("Undertrykt", "Missing value; suppressed"),
}
_CONF_STATUS = {"F": ("Fri", "Free"), "C": ("Konfidensiell", "Confidential statistical information")}


def identifier(text: str) -> str:
    """A name that SDMX takes for an id: capitals, digits and underscores."""
    return text.upper().replace("-", "_")


def _concept(dimension: Dimension) -> str:
    return {"time": "TIME_PERIOD", "geo": "REF_AREA", "metric": "INDICATOR"}.get(
        dimension.role, identifier(dimension.id)
    )


def _period(code: str) -> str:
    """2025H1 is 2025-S1 in SDMX."""
    return f"{code[:4]}-S{code[5]}" if code[4:5] == "H" else code


def _codes(selection: Selection, codes: tuple[str, ...]) -> list[str]:
    """The codes of an observation, of dimensions that were left out for their total, too: a DSD has them all."""
    by_id = dict(zip((one.dimension.id for one in selection.shown), codes, strict=True))
    found = []
    for one in selection.picked:
        code = by_id.get(one.dimension.id, next(iter(one.values)))
        found.append(_period(code) if one.dimension.role == "time" else code)
    return found


def _conf(cell: Cell) -> str:
    return "C" if cell.symbol == HIDDEN else "F"


def to_csv(selection: Selection, version: str = "2.0") -> bytes:
    """SDMX-CSV; comma and decimal point, as the standard has it."""
    table = selection.table
    names = [_concept(one.dimension) for one in selection.picked]
    flow = f"{AGENCY}:{identifier(table.id)}({VERSION})"
    head = ["DATAFLOW"] if version == "1.0" else ["STRUCTURE", "STRUCTURE_ID", "ACTION"]
    lead = [flow] if version == "1.0" else ["dataflow", flow, "I"]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([*head, *names, "OBS_VALUE", "OBS_STATUS", "CONF_STATUS"])
    for codes, cell in selection.rows():
        value = "" if cell.value is None else str(cell.value)
        writer.writerow([*lead, *_codes(selection, codes), value, STATUS[cell.symbol], _conf(cell)])
    return out.getvalue().encode()


def to_json(selection: Selection, lang: str) -> dict[str, Any]:
    """An SDMX-JSON 2.0 data message: observations in one flat data set."""
    table = selection.table
    prepared = table.updated.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    position = [{code: str(i) for i, code in enumerate(one.values)} for one in selection.picked]
    shown = [i for i, one in enumerate(selection.picked) if not one.dropped]
    statuses, confs = list(_OBS_STATUS), list(_CONF_STATUS)
    observations: dict[str, list[Any]] = {}
    for codes, cell in selection.rows():
        key = ["0"] * len(selection.picked)
        for i, code in zip(shown, codes, strict=True):
            key[i] = position[i][code]
        value = None if cell.value is None else str(cell.value)
        observations[":".join(key)] = [value, statuses.index(STATUS[cell.symbol]), confs.index(_conf(cell))]
    return {
        "meta": {
            "schema": "https://raw.githubusercontent.com/sdmx-twg/sdmx-json/master/data-message/tools/schemas/2.0.0/"
            "sdmx-json-data-schema.json",
            "id": identifier(table.id),
            "test": False,
            "prepared": prepared,
            "sender": {"id": AGENCY},
            "contentLanguages": ["nb", "en"],
        },
        "data": {
            "structures": [
                {
                    "links": [{"rel": "dataflow", "urn": _urn("datastructure.Dataflow", identifier(table.id))}],
                    "dataSets": [0],
                    "dimensions": {
                        "observation": [
                            {
                                "id": _concept(one.dimension),
                                "name": one.dimension.label_en if lang == "en" else one.dimension.label_nb,
                                "keyPosition": i,
                                "values": [
                                    {
                                        "id": _period(code) if one.dimension.role == "time" else code,
                                        "name": group.en if lang == "en" else group.nb,
                                    }
                                    for code, group in one.values.items()
                                ],
                            }
                            for i, one in enumerate(selection.picked)
                        ]
                    },
                    "measures": {"observation": [{"id": "OBS_VALUE", "name": "Observation value"}]},
                    "attributes": {
                        "observation": [
                            {
                                "id": name,
                                "name": name,
                                "values": [{"id": code, "name": texts[1]} for code, texts in codes_.items()],
                            }
                            for name, codes_ in (("OBS_STATUS", _OBS_STATUS), ("CONF_STATUS", _CONF_STATUS))
                        ]
                    },
                }
            ],
            "dataSets": [{"structure": 0, "action": "Information", "observations": observations}],
        },
    }


def structure(table: Table) -> dict[str, Any]:
    """An SDMX-JSON 2.0 structure message: dataflow, data structure, concepts and code lists of a table."""
    name = identifier(table.id)
    concepts = [
        *((_concept(d), d.label_nb, d.label_en) for d in table.dimensions),
        ("OBS_VALUE", "Verdi", "Observation value"),
        ("OBS_STATUS", "Observasjonsstatus", "Observation status"),
        ("CONF_STATUS", "Konfidensialitet", "Confidentiality status"),
    ]
    lists = {
        f"CL_{_concept(d)}": {code: (d.labels_nb[code], d.labels_en[code]) for code in d.codes}
        for d in table.dimensions
        if d.role != "time"
    } | {"CL_OBS_STATUS": _OBS_STATUS, "CL_CONF_STATUS": _CONF_STATUS}
    dimensions = [
        {
            "id": _concept(d),
            "position": i,
            "conceptIdentity": _urn("conceptscheme.Concept", "BVR_CONCEPTS", _concept(d)),
            "localRepresentation": {
                "enumeration": _urn("codelist.Codelist", f"CL_{_concept(d)}"),
            },
        }
        for i, d in enumerate(table.dimensions)
        if d.role != "time"
    ]
    return {
        "meta": {
            "schema": "https://raw.githubusercontent.com/sdmx-twg/sdmx-json/master/structure-message/tools/schemas/2.0.0/"
            "sdmx-json-structure-schema.json",
            "id": name,
            "test": False,
            "prepared": table.updated.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "sender": {"id": AGENCY},
            "contentLanguages": ["nb", "en"],
        },
        "data": {
            "dataflows": [
                {
                    **_named(name, table.title_nb, table.title_en),
                    "structure": _urn("datastructure.DataStructure", name),
                }
            ],
            "dataStructures": [
                {
                    **_named(name, table.title_nb, table.title_en),
                    "dataStructureComponents": {
                        "dimensionList": {
                            "id": "DimensionDescriptor",
                            "dimensions": dimensions,
                            "timeDimension": {
                                "id": "TIME_PERIOD",
                                "conceptIdentity": _urn("conceptscheme.Concept", "BVR_CONCEPTS", "TIME_PERIOD"),
                                "localRepresentation": {"format": {"dataType": "ObservationalTimePeriod"}},
                            },
                        },
                        "measureList": {
                            "id": "MeasureDescriptor",
                            "measures": [
                                {
                                    "id": "OBS_VALUE",
                                    "conceptIdentity": _urn("conceptscheme.Concept", "BVR_CONCEPTS", "OBS_VALUE"),
                                    "localRepresentation": {"format": {"dataType": "Double"}},
                                }
                            ],
                        },
                        "attributeList": {
                            "id": "AttributeDescriptor",
                            "attributes": [
                                {
                                    "id": one,
                                    "usage": "mandatory",
                                    "attributeRelationship": {"observation": {}},
                                    "conceptIdentity": _urn("conceptscheme.Concept", "BVR_CONCEPTS", one),
                                    "localRepresentation": {"enumeration": _urn("codelist.Codelist", f"CL_{one}")},
                                }
                                for one in ("OBS_STATUS", "CONF_STATUS")
                            ],
                        },
                    },
                }
            ],
            "conceptSchemes": [
                {
                    **_named("BVR_CONCEPTS", "Begreper", "Concepts"),
                    "concepts": [{"id": one, "name": en, "names": {"nb": nb, "en": en}} for one, nb, en in concepts],
                }
            ],
            "codelists": [
                {
                    **_named(one, one, one),
                    "codes": [
                        {"id": code, "name": en, "names": {"nb": nb, "en": en}} for code, (nb, en) in codes.items()
                    ],
                }
                for one, codes in lists.items()
            ],
        },
    }


def _named(name: str, nb: str, en: str) -> dict[str, Any]:
    return {"id": name, "agencyID": AGENCY, "version": VERSION, "name": en, "names": {"nb": nb, "en": en}}


def _urn(kind: str, name: str, item: str = "") -> str:
    return f"urn:sdmx:org.sdmx.infomodel.{kind}={AGENCY}:{name}({VERSION})" + (f".{item}" if item else "")
