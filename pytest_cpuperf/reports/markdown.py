"""Results as a Markdown table, for GitHub's step summary, and as metrics that GitLab compares between pipelines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pytest_cpuperf.reports.terminal import against_text, figure_text, verdict_sentence
from pytest_cpuperf.results.figures import format_cpus

_SIGNS = {"pass": "✅ held", "fail": "❌ lost", "inconclusive": "❔ inconclusive"}
_ORDER = {"fail": 0, "inconclusive": 1, "pass": 2}
# GitHub refuses a step summary above 1 MiB.
_MOST_ROWS = 1000


def markdown_text(document: Mapping[str, Any]) -> str:
    """Return the run in a sentence, its measurements as a table, and its static findings as a list."""
    lines = [f"### cpuperf: {_cell(verdict_sentence(document))}", ""]
    rows = [(m, t) for t in document["tests"] for m in t["measurements"]]
    rows.sort(key=lambda row: _ORDER.get(row[0]["verdict"], 3))
    if rows:
        lines += ["| verdict | test | measured | CPUs |", "|---|---|---|---|"]
        for m, t in rows[:_MOST_ROWS]:
            why = f"<br>{_cell(m['reason'])}" if m["reason"] and m["verdict"] in ("fail", "inconclusive") else ""
            measured = f"{_cell(m['label'])}: {_cell(figure_text(m) + against_text(m))}{why}"
            cpus = format_cpus((t.get("placement") or {}).get("cpus", ()))
            lines.append(f"| {_SIGNS.get(m['verdict'], m['verdict'])} | `{_code(t['id'])}` | {measured} | {cpus} |")
        if len(rows) > _MOST_ROWS:
            lines.append(f"\n{len(rows) - _MOST_ROWS} more are not shown here.")
        lines.append("")
    for finding in (document.get("static") or {}).get("findings", ())[:_MOST_ROWS]:
        place = f"{finding['path']}:{finding['line']}"
        lines.append(
            f"- `{_code(place)}` {_cell(finding['rule'] + ' ' + finding['name'])}: {_cell(finding['message'])}"
        )
    return "\n".join(lines).rstrip() + "\n"


def metrics_text(document: Mapping[str, Any]) -> str:
    """Return the estimates in the OpenMetrics text format, as GitLab's `artifacts:reports:metrics` reads it.

    Of a throughput the machine-relative figure is given where there is one: GitLab compares pipelines, which run on
    different machines.
    """
    lines = []
    for test in document["tests"]:
        for m in test["measurements"]:
            relative = m.get("relative")
            estimate = relative or m.get("estimate")
            if not estimate or not isinstance(estimate.get("point"), (int, float)):
                continue
            unit = "relative" if relative else estimate["unit"]
            labels = {"test": test["id"], "label": m["label"], "unit": unit, "verdict": m["verdict"]}
            told = ",".join(f'{name}="{_label(value)}"' for name, value in labels.items())
            lines.append(f"cpuperf_{m['kind']}{{{told}}} {estimate['point']:.6g}")
    return "\n".join([*lines, "# EOF"]) + "\n"


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _cell(text: str) -> str:
    """Return text that Markdown shows as it is, on one line of a table."""
    escaped = re.sub(r"([\\`*_{}\[\]()#+!|<>~&])", r"\\\1", text)
    return re.sub(r"\s+", " ", escaped)


def _code(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("`", "'").replace("|", "\\|")
