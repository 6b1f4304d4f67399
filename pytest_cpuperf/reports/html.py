"""The HTML report: one file that holds all it shows, for light and dark, screen, phone and print.

Everything comes from a `cpuperf/results/1` document, and jinja2 escapes all of it. The pairs of a measurement are drawn
here as plain SVG paths, for a run of 500 tests is to take under a second and two megabytes; bucketing's pictures, of
which there are few, by matplotlib.
"""

from __future__ import annotations

import importlib.util
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from pytest_cpuperf.errors import MissingExtraError
from pytest_cpuperf.reports.claims import claim_figure
from pytest_cpuperf.reports.terminal import (
    ARM_HEADINGS,
    against_text,
    arm_cells,
    figure_text,
    how_measured,
    verdict_sentence,
)
from pytest_cpuperf.results.document import machine_of
from pytest_cpuperf.results.figures import amount, format_cpus

_ORDER = {"fail": 0, "inconclusive": 1, "pass": 2, "no budget": 3, "not measured": 4}
_WORDS = {"fail": "lost", "inconclusive": "inconclusive", "pass": "held", "no budget": "measured"}
_EVIDENCE = (
    ("waited_seconds", "waited for a CPU", "s"),
    ("others_seconds", "other processes on its CPUs", "s"),
    ("steal_seconds", "taken by the hypervisor", "s"),
    ("throttled_periods", "stopped by the quota", "times"),
    ("involuntary_switches", "pushed off a CPU", "times"),
    ("migrations", "moved to another CPU", "times"),
    ("cpu_pressure_seconds", "CPU pressure", "s"),
    ("memory_pressure_seconds", "memory pressure", "s"),
)
_WIDTH, _HEIGHT, _MARGIN = 640, 96, 8


@dataclass(frozen=True)
class Chart:
    """A measured test's pairs over time, in the units of an SVG of 640 by 96."""

    dots: str
    disturbed: str
    """Paths of the pairs used, and of those set aside."""
    interval: tuple[float, float]
    """Top and height of the interval's band."""
    point: float
    budget: float | None
    top: str
    bottom: str
    """The values at the chart's edges."""


def html_text(document: Mapping[str, Any], title: str) -> str:
    """Return the report for a document. Raises MissingExtraError where what it is made with is not installed."""
    for package in ("jinja2", "matplotlib"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError("the HTML report", package, "report")
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pytest_cpuperf.reports", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    tests = _measured(document)
    return environment.get_template("report.html.j2").render(
        title=title,
        sentence=f"{verdict_sentence(document)}.",
        worst=next((w for w in ("fail", "inconclusive", "pass") if any(t["verdict"] == w for t in tests)), "pass"),
        machines=[_machine(document, fingerprint) for fingerprint in _fingerprints(document)],
        tests=tests,
        failed_otherwise=_failed_otherwise(document),
        against=document.get("against"),
        static=_static(document.get("static")),
        claims=[_claim(claim) for claim in document.get("claims", ())],
        arm_headings=ARM_HEADINGS,
        version=document["version"],
    )


def _measured(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for test in document["tests"]:
        for m in test["measurements"]:
            details = [*([m["reason"]] if m["reason"] else []), *(m.get("notes") or ())]
            rows.append(
                {
                    "id": test["id"],
                    "label": m["label"],
                    "verdict": m["verdict"],
                    "word": _WORDS.get(m["verdict"], m["verdict"]),
                    "figure": figure_text(m) + against_text(m),
                    "how": how_measured(m, test.get("placement")),
                    "details": details,
                    "chart": chart(m),
                    "evidence": _evidence(m.get("evidence")),
                    "arms": [arm_cells(arm) for arm in m.get("arms") or ()],
                    "pictures": _pictures(m, f"{test['id']} {m['label']}"),
                }
            )
    return sorted(rows, key=lambda row: (_ORDER.get(row["verdict"], 5), row["id"], row["label"]))


def chart(measurement: Mapping[str, Any]) -> Chart | None:
    """Return the chart of a measurement; None where it has nothing to show over time, or no estimate."""
    estimate = measurement.get("estimate")
    if not estimate or not estimate["pairs"]:
        return None
    values, lost = _points(measurement, estimate)
    if not values:
        return None
    limits = measurement.get("budget") or {}
    budget = limits.get("at_least") or limits.get("at_most")
    shown = [v for _, v in values] + [estimate["low"], estimate["high"]] + ([budget] if budget else [])
    low, high = min(shown), max(shown)
    room = (high - low or abs(high) or 1.0) * 0.08
    low, high = low - room, high + room
    last = max(n for n, _ in [*values, *lost]) or 1

    def y(value: float) -> float:
        share = (min(max(value, low), high) - low) / (high - low)
        return float(round(_HEIGHT * (1 - share), 1))

    def path(points: Iterable[tuple[int, float]]) -> str:
        return "".join(f"M{_MARGIN + round((_WIDTH - 2 * _MARGIN) * n / last)} {y(v):g}h0" for n, v in points)

    top = y(estimate["high"])
    return Chart(
        dots=path(values),
        disturbed=path(lost),
        interval=(top, max(1.0, round(y(estimate["low"]) - top, 1))),
        point=y(estimate["point"]),
        budget=None if budget is None else y(budget),
        top=amount(high),
        bottom=amount(low),
    )


_Points = list[tuple[int, float]]
"""(place in the order of measuring, value) of each pair, or group of calls, on the estimate's scale."""


def _points(measurement: Mapping[str, Any], estimate: Mapping[str, Any]) -> tuple[_Points, _Points]:
    """Return what was used, and what was set aside."""
    groups = measurement.get("groups")
    if groups:
        used = [(g["number"], g["seconds"]) for g in groups if not g["evidence"]["disturbance"]]
        return used, [(g["number"], g["seconds"]) for g in groups if g["evidence"]["disturbance"]]
    # The estimate is of the pairs' centre: one factor takes pairs to its scale, whatever its unit.
    rate = measurement["kind"] == "throughput" and not estimate["unit"].startswith(("×", "%"))
    pairs = measurement.get("pairs") or ()
    if not pairs:
        return [], []
    scale = estimate["point"] / median(_speed(p, rate) for p in pairs)
    used, aside = (
        [(p.get("number", n), _speed(p, rate) * scale) for n, p in enumerate(some)]
        for some in (pairs, measurement.get("set_aside") or ())
    )
    return used, aside


def _speed(pair: Mapping[str, Any], rate: bool) -> float:
    return float((1.0 if rate else pair["baseline_seconds"]) / pair["candidate_seconds"])


def _evidence(evidence: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    if not evidence:
        return []
    rows = [("CPU time of its own", f"{evidence['own_seconds']:.1f} s in {evidence['wall_seconds']:.1f} s")]
    for key, words, unit in _EVIDENCE:
        value = evidence.get(key)
        rows.append(
            (
                words,
                "not told by this system"
                if value is None
                else f"{value} times"
                if unit == "times"
                else f"{amount(value)} s",
            )
        )
    return rows


def _pictures(measurement: Mapping[str, Any], name: str) -> list[Any]:
    if not measurement.get("arms"):
        return []
    from markupsafe import Markup  # what jinja2 escapes with

    from pytest_cpuperf.reports.pictures import bucketing_svgs

    return [Markup(svg) for svg in bucketing_svgs(measurement, name)]


def _fingerprints(document: Mapping[str, Any]) -> list[str]:
    return list(document.get("machines") or {document["machine"]["fingerprint"]: None})


def _machine(document: Mapping[str, Any], fingerprint: str) -> dict[str, Any]:
    """Return a machine's facts, and its CPUs by node with how many measured tests ran on each."""
    machine = (document.get("machines") or {}).get(fingerprint) or document["machine"]
    used: Counter[int] = Counter()
    places: Counter[tuple[str, str, bool]] = Counter()
    for test in document["tests"]:
        placement = test.get("placement")
        if placement and machine_of(document, test)["fingerprint"] == fingerprint:
            used.update(placement["cpus"])
            places[format_cpus(placement["cpus"]), placement["reason"], placement["pinned"]] += 1
    nodes = {node: list(cpus) for node, cpus in machine["numa_nodes"].items()} or {"0": list(machine["cpus"])}
    versions = {k: v for k, v in machine["versions"].items() if v}
    facts = [
        ("processor", str(machine.get("processor") or "unknown")),
        ("instruction set", " ".join(machine.get("instruction_set") or ()) or "none that matters here"),
        ("CPUs", f"{len(machine['cpus'])} ({format_cpus(machine['cpus'])}), {machine.get('cores', '?')} cores"),
        ("usable", f"{machine.get('usable', '?')}, {_quota(machine['quota'])}"),
        ("system", str(machine.get("system", ""))),
        ("versions", ", ".join(f"{k} {v}" for k, v in {"python": machine.get("python"), **versions}.items())),
    ]
    return {
        "fingerprint": fingerprint,
        "facts": facts,
        "nodes": [(node, [(cpu, used[cpu]) for cpu in cpus]) for node, cpus in nodes.items()],
        "places": [(where, reason, pinned, count) for (where, reason, pinned), count in places.most_common()],
    }


def _quota(quota: float | None) -> str:
    return "no quota" if quota is None else f"quota {quota:g}"


def _failed_otherwise(document: Mapping[str, Any]) -> list[str]:
    """Return tests that failed though no budget of theirs did."""
    return [
        t["id"]
        for t in document["tests"]
        if t["outcome"] == "failed" and not any(m["verdict"] == "fail" for m in t["measurements"])
    ]


def _static(static: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if static is None:
        return None
    by_path: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for finding in static["findings"]:
        by_path[finding["path"]].append({"source_line": "", "cell": None, "help": "", **finding})
    return {"files": static["files_checked"], "by_path": dict(by_path), "errors": static["errors"]}


def _claim(claim: Mapping[str, Any]) -> dict[str, Any]:
    experiments = [
        {
            "label": m["label"],
            "figure": figure_text(m),
            "arms": [arm_cells(arm) for arm in m.get("arms") or ()],
            "pictures": _pictures(m, f"{claim['heuristic']} {m['label']}"),
        }
        for m in (claim["measurement"], *claim.get("also", ()))
    ]
    return {**claim, "figure": claim_figure(claim["measurement"]), "experiments": experiments}
