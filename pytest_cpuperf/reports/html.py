"""The HTML report: one file that holds all it shows, for light and dark, screen, phone and print.

Everything comes from a run's record, and jinja2 escapes all of it.
"""

from __future__ import annotations

import importlib.util
from collections import Counter, defaultdict
from typing import Any

from pytest_cpuperf.errors import MissingExtraError
from pytest_cpuperf.reports.charts import chart
from pytest_cpuperf.reports.claims import claim_figure, measurements_of
from pytest_cpuperf.reports.measurement import ARM_HEADINGS, arm_cells, budget_text, figure_text, how_measured
from pytest_cpuperf.reports.sentences import sentence
from pytest_cpuperf.reports.styles import JUDGEMENT_CSS, STYLES
from pytest_cpuperf.reports.summary import verdict_sentence
from pytest_cpuperf.results.claims import Claim
from pytest_cpuperf.results.evidence import DESCRIPTIONS, Evidence
from pytest_cpuperf.results.figures import amount, format_cpus
from pytest_cpuperf.results.findings import CheckResult, Finding
from pytest_cpuperf.results.machine import Machine
from pytest_cpuperf.results.measurements import BucketingMeasurement, Measurement
from pytest_cpuperf.results.run import RunResult, TestRecord
from pytest_cpuperf.results.verdicts import Verdict


def html_text(run: RunResult, title: str) -> str:
    """Return the report. Raises MissingExtraError where what it is made with is not installed."""
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
    measured = [(test, record) for test in run.tests for record in test.measurements]
    measured.sort(key=lambda m: (STYLES[m[1].verdict].rank, m[0].id, m[1].label))
    verdicts = {record.verdict for _, record in measured}
    worst = next((v for v in (Verdict.FAIL, Verdict.INCONCLUSIVE) if v in verdicts), Verdict.PASS)
    return environment.get_template("report.html.j2").render(
        title=title,
        sentence=f"{verdict_sentence(run)}.",
        worst=STYLES[worst].css,
        machines=[_machine(run, machine) for machine in (run.machines or {"": run.machine}).values()],
        tests=[_measured(test, record) for test, record in measured],
        failed_otherwise=_failed_otherwise(run),
        against=run.against,
        static=_static(run.static),
        claims=[_claim(claim) for claim in run.claims],
        arm_headings=ARM_HEADINGS,
        version=run.version,
    )


def _measured(test: TestRecord, record: Measurement) -> dict[str, Any]:
    style = STYLES[record.verdict]
    return {
        "id": test.id,
        "label": record.label,
        "css": style.css,
        "word": style.word,
        "open": record.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE),
        "figure": figure_text(record) + budget_text(record),
        "how": how_measured(record, test.placement),
        "details": [sentence(remark) for remark in (record.reason, *record.notes) if remark],
        "chart": chart(record),
        "evidence": _evidence(record.evidence),
        "arms": _arms(record),
        "pictures": _pictures(record, f"{test.id} {record.label}"),
    }


def _arms(record: Measurement) -> list[tuple[str, ...]]:
    return [arm_cells(arm) for arm in record.arms] if isinstance(record, BucketingMeasurement) else []


def _evidence(evidence: Evidence | None) -> list[tuple[str, str]]:
    if evidence is None:
        return []
    rows = [("CPU time of its own", f"{evidence.own_seconds:.1f} s in {evidence.wall_seconds:.1f} s")]
    described = {name: DESCRIPTIONS.get(name) for name in (*DESCRIPTIONS, *evidence.quantities)}
    for name, known in sorted(described.items(), key=lambda d: (d[1].rank if d[1] else 1000, d[0])):
        value = evidence.quantities.get(name)
        unit = known.unit if known else ""
        figure = "not told by this system" if value is None else f"{_figure(value)} {unit}".strip()
        rows.append((known.words if known else name, figure))
    return rows


def _figure(value: float) -> str:
    return str(value) if isinstance(value, int) else amount(value)


def _pictures(record: Measurement, name: str) -> list[Any]:
    if not (isinstance(record, BucketingMeasurement) and record.arms):
        return []
    from markupsafe import Markup  # what jinja2 escapes with

    from pytest_cpuperf.reports.pictures import bucketing_svgs

    return [Markup(svg) for svg in bucketing_svgs(record, name)]


def _machine(run: RunResult, machine: Machine) -> dict[str, Any]:
    """Return a machine's facts, and its CPUs by node with how many measured tests ran on each."""
    used: Counter[int] = Counter()
    places: Counter[tuple[str, str, bool]] = Counter()
    for test in run.tests:
        if test.placement and run.machine_of(test).fingerprint == machine.fingerprint:
            used.update(test.placement.cpus)
            places[format_cpus(test.placement.cpus), test.placement.reason, test.placement.pinned] += 1
    nodes = machine.numa_nodes or {"0": machine.cpus}
    versions = {k: v for k, v in {"python": machine.python, **machine.versions}.items() if v}
    cores, usable = ("?" if n is None else n for n in (machine.cores, machine.usable))
    facts = [
        ("processor", machine.processor or "unknown"),
        ("instruction set", " ".join(machine.instruction_set) or "none that matters here"),
        ("CPUs", f"{len(machine.cpus)} ({format_cpus(machine.cpus)}), {cores} cores"),
        ("usable", f"{usable}, {'no quota' if machine.quota is None else f'quota {machine.quota:g}'}"),
        ("system", machine.system),
        ("versions", ", ".join(f"{k} {v}" for k, v in versions.items())),
    ]
    return {
        "facts": facts,
        "nodes": [(node, [(cpu, used[cpu]) for cpu in cpus]) for node, cpus in nodes.items()],
        "places": [(where, reason, pinned, count) for (where, reason, pinned), count in places.most_common()],
    }


def _failed_otherwise(run: RunResult) -> list[str]:
    """Return tests that failed though no budget of theirs did."""
    return [
        t.id for t in run.tests if t.outcome == "failed" and not any(m.verdict is Verdict.FAIL for m in t.measurements)
    ]


def _static(static: CheckResult | None) -> dict[str, Any] | None:
    if static is None:
        return None
    by_path: dict[str, list[Finding]] = defaultdict(list)
    for finding in static.findings:
        by_path[finding.path].append(finding)
    return {"files": static.files_checked, "by_path": dict(by_path), "errors": static.errors}


def _claim(claim: Claim) -> dict[str, Any]:
    experiments = [
        {
            "label": record.label,
            "figure": figure_text(record),
            "arms": _arms(record),
            "pictures": _pictures(record, f"{claim.heuristic} {record.label}"),
        }
        for record in measurements_of(claim)
    ]
    return {
        "heuristic": claim.heuristic,
        "promised": claim.promised,
        "judgement": claim.judgement.value,
        "css": JUDGEMENT_CSS.get(claim.judgement, "measured"),
        "reason": sentence(claim.reason) if claim.reason else "",
        "figure": claim_figure(claim.measurement) if claim.measurement else "not measured",
        "recommendation": claim.recommendation,
        "experiments": experiments,
    }
