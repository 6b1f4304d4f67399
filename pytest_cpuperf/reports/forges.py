"""Findings where reviewers read: GitHub annotations, GitLab code quality, JUnit."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from pytest_cpuperf.reports.terminal import against_text, figure_text
from pytest_cpuperf.results.findings import CheckResult, Finding

# GitHub shows at most 10 warnings and 10 errors of a step.
_GITHUB_MOST = 10
# Worst first: what was measured to cost most.
_WEIGHT = {"constant-padding": 0, "bucketing": 1, "ort-threads": 2, "core-pinning": 3, "int8": 4, "inference-mode": 5}


def render_github(result: CheckResult) -> str:
    """Return GitHub workflow commands, worst first, within what GitHub shows; the rest is counted."""
    ordered = sorted(result.findings, key=lambda f: (_WEIGHT.get(f.heuristic or "", 9), f.sort_key))
    lines = [
        _github("warning", f.path, f.line, f.column, f"{f.rule} {f.name}", _advice(f)) for f in ordered[:_GITHUB_MOST]
    ]
    lines += [
        _github("error", e.path, e.line or 1, 1, "cpuperf", f"not checked: {e.message}")
        for e in result.errors[: _GITHUB_MOST - 1]
    ]
    cut = max(0, len(ordered) - _GITHUB_MOST) + max(0, len(result.errors) - _GITHUB_MOST + 1)
    if cut:
        lines.append(f"::notice title=cpuperf::{cut} more are not shown here: GitHub shows 10 of a kind for a step")
    return "".join(f"{line}\n" for line in lines)


def run_annotations(document: Mapping[str, Any]) -> str:
    """Return GitHub workflow commands for a run of pytest: lost budgets at their tests, static findings at their lines.

    Within what GitHub shows of a step; the rest is counted.
    """
    lost = [
        _github("error", t["id"].split("::")[0], t.get("line") or 1, 1, "cpuperf budget", _measured(t, m))
        for t in document["tests"]
        for m in t["measurements"]
        if m["verdict"] == "fail"
    ]
    found = [
        _github(
            "warning", f["path"], f["line"], f["column"], f"{f['rule']} {f['name']}", f"{f['message']}; {f['help']}"
        )
        for f in (document.get("static") or {}).get("findings", ())
    ]
    lines = [*lost[:_GITHUB_MOST], *found[:_GITHUB_MOST]]
    cut = len(lost) + len(found) - len(lines)
    if cut:
        lines.append(f"::notice title=cpuperf::{cut} more are not shown here: GitHub shows 10 of a kind for a step")
    return "".join(f"{line}\n" for line in lines)


def _measured(test: Mapping[str, Any], measurement: Mapping[str, Any]) -> str:
    figure = f"{figure_text(measurement)}{against_text(measurement)}"
    why = f"; {measurement['reason']}" if measurement["reason"] else ""
    return f"{test['id'].rpartition('::')[2]}: {measurement['label']}: {figure}{why}"


def _github(kind: str, path: str, line: int, column: int, title: str, message: str) -> str:
    place = f"file={_property(path)},line={line},col={column},title={_property(title)}"
    return f"::{kind} {place}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def render_gitlab(result: CheckResult) -> str:
    """Return GitLab's code quality report. It does not show `check_name`, so the code is in the description too."""
    issues = [
        {
            "description": f"{f.rule} {f.name}: {_advice(f)}",
            "check_name": f.rule,
            "fingerprint": f.fingerprint,
            "severity": "minor",
            "location": {"path": f.path, "lines": {"begin": f.line, "end": f.end_line}},
        }
        for f in result.findings
    ]
    issues += [
        {
            "description": f"not checked: {e.message}",
            "check_name": "cpuperf",
            "fingerprint": f"{e.path}:{e.line}:{e.message}",
            "severity": "major",
            "location": {"path": e.path, "lines": {"begin": e.line or 1, "end": e.line or 1}},
        }
        for e in result.errors
    ]
    return json.dumps(issues, indent=1) + "\n"


def render_junit(result: CheckResult) -> str:
    """Return JUnit XML: one test case per file with findings, failed; one that passed where there are none."""
    by_path: dict[str, list[str]] = defaultdict(list)
    for f in result.findings:
        by_path[f.path].append(f"{f.location}: {f.rule} {f.name}  {_advice(f)}")
    for e in result.errors:
        by_path[e.path].append(f"{e.path}:{e.line or 1}: not checked: {e.message}")
    failures = sum(1 for _ in by_path)
    suite = ElementTree.Element(
        "testsuite", name="cpuperf", tests=str(max(1, failures)), failures=str(failures), errors="0", skipped="0"
    )
    for path, lines in by_path.items():
        case = ElementTree.SubElement(suite, "testcase", classname="cpuperf.check", name=_xml(path), file=_xml(path))
        failure = ElementTree.SubElement(
            case, "failure", message=f"{len(lines)} findings" if len(lines) > 1 else "1 finding"
        )
        failure.text = _xml("\n".join(lines))
    if not by_path:
        ElementTree.SubElement(suite, "testcase", classname="cpuperf.check", name=f"{result.files_checked} files")
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _xml(text: str) -> str:
    """Return text without the characters XML cannot hold."""
    return re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)


def _advice(finding: Finding) -> str:
    return f"{finding.message}; {finding.help}"
