"""The JSON Schema of `cpuperf/results/1`, made from the records it is written from.

Kinds of measurements and remarks are those that are loaded; `python docs/make_schema.py` loads all of the package's
and writes `results-1.schema.json`, which the package holds.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union

from pytest_cpuperf.results.codec import Kinds
from pytest_cpuperf.results.findings import SCHEMA as FINDINGS
from pytest_cpuperf.results.findings import CheckResult
from pytest_cpuperf.results.remarks import Remark
from pytest_cpuperf.results.run import SCHEMA, RunResult

FILE = Path(__file__).parent / "results-1.schema.json"
# What documents of an earlier version, or of a run that needs them not, may lack.
_OPTIONAL = {"source_line", "also", "machine", "baseline", "silenced"}

_IN_WORDS = {"object": {"type": "string"}, "array": {"type": "array", "items": {"type": "string"}}}

_Schema = dict[str, Any]


def results_schema() -> _Schema:
    """Return the schema, JSON Schema draft 2020-12. Fields that are not known are allowed: later versions add some."""
    definitions: dict[str, _Schema] = {}
    document = _record(RunResult, definitions)
    document["required"] = ["schema", *document["required"]]
    document["properties"] = {"schema": {"const": SCHEMA}, **document["properties"]}
    findings = definitions[CheckResult.__name__]
    findings["required"] = ["schema", "version", *findings["required"]]
    findings["properties"] = {"schema": {"const": FINDINGS}, "version": {"type": "string"}, **findings["properties"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{SCHEMA.replace('/', ':')}",
        "title": "What a run of pytest --cpuperf or cpuperf prove found and measured",
        **document,
        "$defs": dict(sorted(definitions.items())),
    }


def _record(record: type, definitions: dict[str, _Schema]) -> _Schema:
    hints = typing.get_type_hints(record)
    properties: dict[str, Any] = {}
    required = []
    if issubclass(record, Kinds):
        properties["kind"] = {"const": record.kind}
        required.append("kind")
    if issubclass(record, Remark):
        properties["text"] = {"type": "string"}
    for field in dataclasses.fields(record):
        if "part" in field.metadata:
            properties |= field.metadata["part"](definitions)
            continue
        schema = _of_type(hints[field.name], definitions)
        if hints[field.name] in (Remark | None, tuple[Remark, ...]):
            # A sentence in the document, and the facts beside it (`document.results_document`).
            properties |= {field.name: _IN_WORDS[schema.get("type", "object")], f"{field.name}_facts": schema}
        else:
            properties[field.name] = schema
        if field.name not in _OPTIONAL and "omit" not in field.metadata:
            required.append(field.name)
    return {"type": "object", "required": required, "properties": properties}


def _of_type(kind: Any, definitions: dict[str, _Schema]) -> _Schema:
    """Return the schema of a field's type; records become definitions."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if isinstance(kind, type) and issubclass(kind, Kinds) and "kinds" in kind.__dict__:
        return _family(kind, definitions)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _defined(kind.__name__, kind, definitions)
    if origin in (Union, types.UnionType):
        return {"anyOf": [_of_type(a, definitions) for a in arguments]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is tuple and arguments[-1] is not Ellipsis:
        items = [_of_type(a, definitions) for a in arguments]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    if origin is tuple:
        return {"type": "array", "items": _of_type(arguments[0], definitions)}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _of_type(arguments[1], definitions)}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [member.value for member in kind]}
    if isinstance(kind, type) and issubclass(kind, str):
        return {"type": "string"}
    # A figure that is no number is written as null.
    plain = {bool: "boolean", int: "integer", float: ["number", "null"], type(None): "null"}
    return {"type": plain[kind]} if kind in plain else {}


def _defined(name: str, record: type, definitions: dict[str, _Schema]) -> _Schema:
    if name not in definitions:
        definitions[name] = {}
        definitions[name].update(_record(record, definitions))
    return {"$ref": f"#/$defs/{name}"}


def _family(family: type[Kinds], definitions: dict[str, _Schema]) -> _Schema:
    """Return one of a family's kinds; another package's kinds have more fields of their own."""
    name = f"Any{family.__name__}"
    if name not in definitions:
        definitions[name] = {}
        known = [_defined(record.__name__, record, definitions) for _, record in sorted(family.kinds.items())]
        other = {
            "type": "object",
            "required": ["kind"],
            "properties": {"kind": {"type": "string", "not": {"enum": sorted(family.kinds)}}},
        }
        definitions[name].update({"anyOf": [*known, other]})
    return {"$ref": f"#/$defs/{name}"}


def schema_text() -> str:
    """Return the schema as the package's file holds it."""
    return json.dumps(results_schema(), indent=1) + "\n"
