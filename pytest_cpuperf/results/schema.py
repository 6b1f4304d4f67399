"""The JSON Schema of `cpuperf/results/1`, made from the records it is written from.

`python -m pytest_cpuperf.results.schema` writes `results-1.schema.json`, which the package holds.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union

from pytest_cpuperf.results.claims import Claim
from pytest_cpuperf.results.findings import SCHEMA as FINDINGS
from pytest_cpuperf.results.findings import CheckError, Finding
from pytest_cpuperf.results.measurements import BucketingMeasurement
from pytest_cpuperf.results.placement import Placement
from pytest_cpuperf.results.run import SCHEMA, TestRecord

FILE = Path(__file__).parent / "results-1.schema.json"
# What documents may lack: findings outside notebooks have no cell, and earlier versions wrote fewer fields.
_OPTIONAL = {"cell", "source_line", "also", "machine"}


def results_schema() -> dict[str, Any]:
    """Return the schema, JSON Schema draft 2020-12. Fields that are not known are allowed: later versions add some."""
    definitions: dict[str, Any] = {}
    measurement = _of_type(BucketingMeasurement, definitions)
    # A bucketing measurement is a measurement with more fields.
    bucketing = definitions["BucketingMeasurement"]
    own = {f.name for f in dataclasses.fields(BucketingMeasurement)} - {
        f.name for f in dataclasses.fields(BucketingMeasurement.__bases__[0])
    }
    bucketing["required"] = [name for name in bucketing["required"] if name not in own]
    test = _record(TestRecord, definitions)
    test["properties"]["placement"] = {"anyOf": [_of_type(Placement, definitions), {"type": "null"}]}
    test["properties"]["measurements"] = {"type": "array", "items": measurement}
    claim = _record(Claim, definitions)
    claim["properties"] |= {"measurement": measurement, "also": {"type": "array", "items": measurement}}
    findings = {
        "type": "object",
        "required": ["schema", "files_checked", "findings", "errors"],
        "properties": {
            "schema": {"const": FINDINGS},
            "files_checked": {"type": "integer", "minimum": 0},
            "findings": {"type": "array", "items": _of_type(Finding, definitions)},
            "errors": {"type": "array", "items": _of_type(CheckError, definitions)},
        },
    }
    machine = {"type": "object", "required": ["fingerprint", "cpus", "numa_nodes", "quota", "versions"]}
    definitions |= {"TestRecord": test, "Claim": claim, "Findings": findings, "Machine": machine}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{SCHEMA.replace('/', ':')}",
        "title": "What a run of pytest --cpuperf or cpuperf prove found and measured",
        "type": "object",
        "required": ["schema", "version", "machine", "static", "tests", "claims"],
        "properties": {
            "schema": {"const": SCHEMA},
            "version": {"type": "string"},
            "machine": {"$ref": "#/$defs/Machine"},
            "machines": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Machine"}},
            "static": {"anyOf": [{"$ref": "#/$defs/Findings"}, {"type": "null"}]},
            "against": {"type": ["object", "null"]},
            "tests": {"type": "array", "items": {"$ref": "#/$defs/TestRecord"}},
            "claims": {"type": "array", "items": {"$ref": "#/$defs/Claim"}},
        },
        "$defs": dict(sorted(definitions.items())),
    }


def _record(record: type, definitions: dict[str, Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(record)
    names = [f.name for f in dataclasses.fields(record)]
    return {
        "type": "object",
        "required": [name for name in names if name not in _OPTIONAL],
        "properties": {name: _of_type(hints[name], definitions) for name in names},
    }


def _of_type(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a field's type; records become definitions."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if kind.__name__ not in definitions:
            definitions[kind.__name__] = {}
            definitions[kind.__name__].update(_record(kind, definitions))
        return {"$ref": f"#/$defs/{kind.__name__}"}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_of_type(a, definitions) for a in arguments]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (tuple, list):
        return {"type": "array", "items": _of_type(arguments[0], definitions)}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [member.value for member in kind]}
    # A figure that is no number is written as null.
    plain = {str: "string", bool: "boolean", int: "integer", float: ["number", "null"], type(None): "null"}
    return {"type": plain[kind]} if kind in plain else {}


def schema_text() -> str:
    """Return the schema as the package's file holds it."""
    return json.dumps(results_schema(), indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(schema_text())
