"""The summary at the end of `pytest --cpuperf`, and the text of a lost budget. Reads well at 80 columns."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from pytest_cpuperf.results.figures import amount, format_cpus, interval
from pytest_cpuperf.results.records import BucketingMeasurement, Measurement
from pytest_cpuperf.results.run import RunResult, TestRecord

Line = tuple[str, tuple[str, ...]]
"""A line and the names of pytest's terminal markup for it."""

_SIGNS = {"pass": "pass", "fail": "FAIL", "inconclusive": "?", "no budget": "-", "not measured": "-"}
_COLOURS: Mapping[str, tuple[str, ...]] = {"pass": ("green",), "fail": ("red", "bold"), "inconclusive": ("yellow",)}
# What failed comes first, then what could not be told.
_ORDER = {"fail": 0, "inconclusive": 1, "pass": 2, "no budget": 3, "not measured": 4}


def explain_failure(record: Measurement) -> str:
    """Return why a budget was lost: estimate, interval, budget, pairs, and what the arms did."""
    plain = record.plain()
    lines = [f"{record.label}: {_figure(plain)}{_against(plain)}"]
    if record.estimate and record.budget and record.verdict.value == "fail":
        if record.budget.at_least is not None:
            short = 1 - record.estimate.point / record.budget.at_least
            lines.append(f"{short:.1%} below the budget; even the interval's upper end is below it")
        elif record.budget.at_most is not None:
            over = record.estimate.point / record.budget.at_most - 1
            lines.append(f"{over:.1%} above the budget; even the interval's lower end is above it")
    if record.reason:
        lines.append(record.reason)
    lines += [*record.notes, _how_measured(plain)]
    if record.pairs and record.evidence:
        disturbed = record.evidence.disturbance
        lines.append(f"the machine meanwhile: {disturbed}" if disturbed else "the machine was quiet meanwhile")
    if isinstance(record, BucketingMeasurement):
        lines += _arms(plain["arms"])
    return "\n".join(lines)


def headline(machine: Mapping[str, Any]) -> str:
    """Return the summary's title: which machine this was."""
    cpus = machine["cpus"]
    nodes = len(machine["numa_nodes"])
    quota = "no quota" if machine["quota"] is None else f"quota {machine['quota']:g}"
    return f"cpuperf: {len(cpus)} CPUs ({format_cpus(cpus)}), {nodes} {'node' if nodes == 1 else 'nodes'}, {quota}"


def summary_lines(run: RunResult, width: int) -> list[Line]:
    """Return the summary: measured tests, what failed first; then placement, then static findings."""
    measured = [(t, m) for t in run.tests for m in t.measurements]
    measured.sort(key=lambda pair: _ORDER[pair[1]["verdict"]])
    lines: list[Line] = []
    for test, measurement in measured:
        verdict = measurement["verdict"]
        lines.append((f"{_SIGNS[verdict]:<5} {test.id}", _COLOURS.get(verdict, ())))
        details = [f"{measurement['label']}: {_figure(measurement)}{_against(measurement)}"]
        if measurement["reason"] and verdict in ("fail", "inconclusive"):
            details.append(measurement["reason"])
        details += measurement.get("notes") or ()
        # A line breaks between the parts, not in them.
        details.append(
            ", ".join(p.replace(" ", "\xa0") for p in _how_measured(measurement, test.placement).split(", "))
        )
        for detail in details:
            lines += [(line, ()) for line in _wrapped(detail, width)]
    if measured:
        lines.append(("", ()))
    lines += [(line, ()) for line in _placed(run.tests, width)]
    lines += _static(run.static, width)
    return lines


def _figure(measurement: Mapping[str, Any]) -> str:
    """Return `11.4× [11.0, 11.9]`, or that nothing was measured."""
    estimate = measurement["estimate"]
    if not estimate or not estimate["pairs"]:
        return "no estimate"
    unit, scale = estimate["unit"], 1.0
    if unit == "s":
        unit, scale = _time_unit(estimate["point"])
    point, low, high = interval(*(estimate[end] * scale for end in ("point", "low", "high")))
    return f"{point}{unit} [{low}, {high}]" if unit.startswith("×") else f"{point} {unit} [{low}, {high}]"


def _time_unit(seconds: float) -> tuple[str, float]:
    """Return the unit to show a time in, and how many of it are in a second."""
    return ("s", 1.0) if seconds >= 1 else ("ms", 1e3) if seconds >= 1e-3 else ("µs", 1e6)


def _against(measurement: Mapping[str, Any]) -> str:
    budget = measurement["budget"]
    if not budget:
        return ""
    verdict = measurement["verdict"]
    if not (measurement["estimate"] and measurement["estimate"]["pairs"]):
        verdict = "inconclusive"
    if budget["at_least"] is None:
        unit, scale = _time_unit(measurement["estimate"]["point"] if measurement["estimate"] else budget["at_most"])
        sign = {"pass": "≤", "fail": ">"}.get(verdict, "against")
        return f" {sign} {budget['at_most'] * scale:,.6g} {unit} (budget)"
    sign = {"pass": "≥", "fail": "<"}.get(verdict, "against")
    return f" {sign} {budget['at_least']:,.6g}{'×' if budget['unit'].startswith('×') else ''} (budget)"


def _how_measured(measurement: Mapping[str, Any], placement: Mapping[str, Any] | None = None) -> str:
    """Return how sure the figure is: pairs, interval, time, and where it ran."""
    parts = []
    estimate = measurement["estimate"]
    if estimate and estimate["pairs"]:
        confidence = f"{100 * estimate['confidence']:.3g}"
        counted = "calls" if measurement["kind"] == "latency" else "pairs"
        parts.append(f"{estimate['pairs']:,} {counted}, {confidence} % interval")
    rate = measurement.get("rate")
    if rate and estimate and rate["unit"] != estimate["unit"]:
        parts.append(f"{amount(rate['point'])} {rate['unit']}")
    if measurement["set_aside"]:
        parts.append(f"{len(measurement['set_aside'])} disturbed and set aside")
    if not measurement["steady"]:
        parts.append("warm-up did not settle")
    if measurement.get("sequences_given"):
        given, used = measurement["sequences_given"], measurement["sequences"]
        parts.append(f"{used} texts" if used == given else f"a sample of {used} of {given} texts")
    if measurement.get("worst_difference") is not None:
        worst = measurement["worst_difference"]
        parts.append(f"outputs equal within {worst:.1g}" if worst else "outputs identical")
    parts.append(f"{measurement['seconds_spent']:.1f} s")
    if placement:
        parts.append(_cpus(placement))
    return ", ".join(parts)


def _arms(arms: Iterable[Mapping[str, Any]]) -> list[str]:
    lines = [f"{'arm':<9}{'batches':>9}{'tokens':>10}{'padding':>9}{'sequences/s':>13}"]
    for arm in arms:
        waste = 1 - arm["real_tokens"] / arm["padded_tokens"] if arm["padded_tokens"] else 0.0
        lines.append(
            f"{arm['arm']:<9}{arm['batches']:>9,}{arm['padded_tokens']:>10,}{waste:>8.0%} "
            f"{amount(arm['sequences_per_second']):>12}"
        )
    return lines


def _cpus(placement: Mapping[str, Any]) -> str:
    cpus = placement["cpus"]
    ranges = format_cpus(cpus)
    where = f"CPU {ranges}" if len(cpus) == 1 else f"CPUs {ranges}"
    return where if placement["pinned"] else f"{where}, not pinned"


# Reading memory of another node takes about twice the time: below this share it hides in the interval.
_MUCH_ELSEWHERE = 0.1
_MOST_STRAYS = 4


def _placed(tests: Iterable[TestRecord], width: int) -> list[str]:
    """Return how many tests were placed where, and what left its place."""
    lines = []
    places = Counter((_cpus(t.placement), t.placement["reason"]) for t in tests if t.placement)
    for (where, reason), count in places.most_common():
        verified = "" if "not pinned" in where else ", each thread read back"
        tests_word = "test" if count == 1 else "tests"
        lines += _wrapped(f"{count} {tests_word} on {where} ({reason}){verified}", width, indent="")
    for test in tests:
        strays = (test.placement or {}).get("strays") or ()
        if strays:
            more = f" and {len(strays) - _MOST_STRAYS} more" if len(strays) > _MOST_STRAYS else ""
            text = f"! {test.id}: threads left the placement: {', '.join(strays[:_MOST_STRAYS])}{more}"
            lines += _wrapped(text, width, indent="")
        elsewhere = (test.placement or {}).get("memory_elsewhere") or 0.0
        if elsewhere > _MUCH_ELSEWHERE:
            text = (
                f"! {test.id}: {elsewhere:.0%} of the process's memory is on another node: load the model in the test"
            )
            lines += _wrapped(text, width, indent="")
    return lines


def _static(static: Mapping[str, Any] | None, width: int) -> list[Line]:
    if static is None:
        return []
    findings = static["findings"]
    lines: list[Line] = []
    by_path: dict[str, list[str]] = {}
    for finding in findings:
        by_path.setdefault(finding["path"], []).append(finding["rule"])
    for path, rules in by_path.items():
        noun = "finding" if len(rules) == 1 else "findings"
        codes = ", ".join(sorted(set(rules)))
        lines += [(t, ("red",)) for t in _wrapped(f"{len(rules)} static {noun} in {path} ({codes})", width, indent="")]
    if not findings:
        lines.append((f"no static findings in {static['files_checked']} files", ()))
    for error in static["errors"]:
        lines += [
            (t, ("red",)) for t in _wrapped(f"not checked: {error['path']}: {error['message']}", width, indent="")
        ]
    return lines


def _wrapped(text: str, width: int, indent: str = "      ") -> list[str]:
    after = indent or "  "
    lines = textwrap.wrap(text, max(40, width), initial_indent=indent, subsequent_indent=after, break_on_hyphens=False)
    return [line.replace("\xa0", " ") for line in lines]
