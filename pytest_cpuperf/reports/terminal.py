"""The summary at the end of `pytest --cpuperf`, and the text of a lost budget. Reads well at 80 columns."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from pytest_cpuperf.results.figures import amount, format_cpus, given, interval, smallest_difference
from pytest_cpuperf.results.measurements import BucketingMeasurement, Measurement
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
    lines = [f"{record.label}: {figure_text(plain)}{against_text(plain)}"]
    if record.estimate and record.budget and record.verdict.value == "fail":
        if record.budget.at_least is not None:
            short = 1 - record.estimate.point / record.budget.at_least
            lines.append(f"{short:.1%} below the budget; even the interval's upper end is below it")
        elif record.budget.at_most is not None:
            over = record.estimate.point / record.budget.at_most - 1
            lines.append(f"{over:.1%} above the budget; even the interval's lower end is above it")
    if record.reason:
        lines.append(record.reason)
    lines += [*record.notes, how_measured(plain)]
    if record.pairs and record.evidence:
        disturbed = record.evidence.disturbance
        lines.append(f"the machine meanwhile: {disturbed}" if disturbed else "the machine was quiet meanwhile")
    if isinstance(record, BucketingMeasurement):
        lines += arms_table(plain["arms"])
    return "\n".join(lines)


def in_a_line(record: Measurement) -> str:
    """Return a measurement in a line: `pass: 11.4× [11.0, 11.9] ≥ 2× (budget)`."""
    plain = record.plain()
    return f"{record.verdict}: {figure_text(plain)}{against_text(plain)}"


def headline(machine: Mapping[str, Any]) -> str:
    """Return the summary's title: which machine this was."""
    cpus = machine["cpus"]
    nodes = len(machine["numa_nodes"])
    quota = "no quota" if machine["quota"] is None else f"quota {machine['quota']:g}"
    return f"cpuperf: {len(cpus)} CPUs ({format_cpus(cpus)}), {nodes} {'node' if nodes == 1 else 'nodes'}, {quota}"


def verdict_sentence(document: Mapping[str, Any]) -> str:
    """Return what a run says in a sentence: budgets held, lost and undecided, and static findings."""
    counts = Counter(m["verdict"] for t in document["tests"] for m in t["measurements"])
    budgets = counts["pass"] + counts["fail"] + counts["inconclusive"]
    parts = []
    if counts["fail"]:
        parts.append(f"{counts['fail']} of {budgets} budgets {'is' if counts['fail'] == 1 else 'are'} lost")
    elif budgets:
        parts.append(f"{counts['pass']} of {budgets} budgets {'holds' if counts['pass'] == 1 else 'hold'}")
    elif counts["no budget"]:
        parts.append(f"{counts['no budget']} measured, none against a budget")
    else:
        parts.append("nothing was measured")
    if counts["inconclusive"]:
        parts.append(f"{counts['inconclusive']} could not be decided")
    static = document.get("static")
    if static and static["findings"]:
        count = len(static["findings"])
        parts.append(f"{count} static {'finding' if count == 1 else 'findings'}")
    elif static:
        files = static["files_checked"]
        parts.append(f"no static findings in {files} {'file' if files == 1 else 'files'}")
    sentence = ", ".join(parts)
    return sentence[0].upper() + sentence[1:]


# More lines than this do not fit a screen: what held is told in a line each then, and no more than fits.
_SCREEN = 36


def summary_lines(run: RunResult, width: int, verbose: bool = False) -> list[Line]:
    """Return the summary: what failed and why, then what else was measured, placement, and static findings by rule.

    Unless `verbose`, what held is a line each where all would not fit a screen, and long lists are cut and counted.
    """
    measured = sorted(((t, m) for t in run.tests for m in t.measurements), key=lambda pair: _ORDER[pair[1]["verdict"]])
    bad = [(t, m) for t, m in measured if m["verdict"] in ("fail", "inconclusive")]
    lines: list[Line] = [(verdict_sentence(run.plain()), ("bold",)), ("", ())]
    whole = [line for test, measurement in measured for line in _told(test, measurement, width)]
    if verbose or len(whole) <= _SCREEN:
        lines += whole
    else:
        # What failed is told while half a screen lasts; the rest is a line each.
        told = 0
        while told < len(bad) and len(lines) < _SCREEN // 2:
            lines += _told(*bad[told], width)
            told += 1
        rows = measured[told:]
        room = max(0, _SCREEN - 4 - len(lines))
        lines += [_row(test, measurement, width) for test, measurement in rows[:room]]
        if len(rows) > room:
            lines.append((f"and {len(rows) - room} more; -v tells them", ()))
    if measured:
        lines.append(("", ()))
    if run.against and run.against["only_there"]:
        there = run.against["only_there"]
        lines += [(t, ()) for t in _wrapped(f"only at {run.against['revision']}: {', '.join(there)}", width, indent="")]
    lines += [(line, ()) for line in _placed(run.tests, width)]
    lines += _static(run.static, width, verbose)
    return lines


def _told(test: TestRecord, measurement: Mapping[str, Any], width: int) -> list[Line]:
    """Return a measurement with its figure, its reason and how sure it is."""
    verdict = measurement["verdict"]
    lines: list[Line] = [(f"{_SIGNS[verdict]:<5} {test.id}", _COLOURS.get(verdict, ()))]
    details = [f"{measurement['label']}: {figure_text(measurement)}{against_text(measurement)}"]
    if measurement["reason"] and verdict in ("fail", "inconclusive"):
        details.append(measurement["reason"])
    details += measurement.get("notes") or ()
    # A line breaks between the parts, not in them.
    details.append(", ".join(p.replace(" ", "\xa0") for p in how_measured(measurement, test.placement).split(", ")))
    return lines + [(line, ()) for detail in details for line in _wrapped(detail, width)]


def _row(test: TestRecord, measurement: Mapping[str, Any], width: int) -> Line:
    """Return a measurement in one line: verdict, figure with its interval against its budget, CPUs, and whose it is."""
    verdict = measurement["verdict"]
    cpus = format_cpus((test.placement or {}).get("cpus", ()))
    figure = f"{figure_text(measurement)}{against_text(measurement).replace(' (budget)', '')}"
    head = f"{_SIGNS[verdict]:<5} {figure:<36} {cpus:<3} "
    name = f"{test.id.rpartition('/')[2]} {measurement['label']}"
    room = max(16, width - len(head))
    return head + (name if len(name) <= room else f"{name[: room - 1]}…"), _COLOURS.get(verdict, ())


def figure_text(measurement: Mapping[str, Any]) -> str:
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


def against_text(measurement: Mapping[str, Any]) -> str:
    """Return ` ≥ 2× (budget)`, or nothing where there is no budget."""
    budget = measurement["budget"]
    if not budget:
        return ""
    verdict = measurement["verdict"]
    if not (measurement["estimate"] and measurement["estimate"]["pairs"]):
        verdict = "inconclusive"
    if budget["at_least"] is None:
        unit, scale = _time_unit(measurement["estimate"]["point"] if measurement["estimate"] else budget["at_most"])
        sign = {"pass": "≤", "fail": ">"}.get(verdict, "against")
        return f" {sign} {given(budget['at_most'] * scale)} {unit} (budget)"
    sign = {"pass": "≥", "fail": "<"}.get(verdict, "against")
    return f" {sign} {given(budget['at_least'])}{'×' if budget['unit'].startswith('×') else ''} (budget)"


def how_measured(measurement: Mapping[str, Any], placement: Mapping[str, Any] | None = None) -> str:
    """Return how sure the figure is: pairs, interval, time, and where it ran."""
    parts = []
    estimate = measurement["estimate"]
    if estimate and estimate["pairs"]:
        confidence = f"{100 * estimate['confidence']:.3g}"
        counted = "calls" if measurement["kind"] == "latency" else "pairs"
        parts.append(f"{estimate['pairs']:,} {counted}, {confidence} % interval")
        least = smallest_difference(estimate["point"], estimate["low"], estimate["high"])
        parts.append(f"tells {100 * least:.2g} % apart")
    rate = measurement.get("rate")
    if rate and estimate and rate["unit"] != estimate["unit"]:
        parts.append(f"{amount(rate['point'])} {rate['unit']}")
    groups = measurement.get("groups") or ()
    aside = len(measurement["set_aside"]) + sum(bool(g["evidence"]["disturbance"]) for g in groups)
    if aside:
        parts.append(f"{aside}{f' of {len(groups)} groups' if groups else ''} disturbed and set aside")
    if not measurement["steady"]:
        parts.append("warm-up did not settle")
    if measurement.get("sequences_given"):
        parts.append(texts_text(measurement))
    if measurement.get("worst_difference") is not None:
        worst = measurement["worst_difference"]
        parts.append(f"outputs equal within {worst:.1g}" if worst else "outputs identical")
    if measurement.get("ceiling") and estimate:
        parts.append(f"{estimate['point'] / measurement['ceiling']:.0%} of what leaving out padding can gain")
    parts.append(f"{measurement['seconds_spent']:.1f} s")
    if placement:
        parts.append(_cpus(placement))
    return ", ".join(parts)


def texts_text(measurement: Mapping[str, Any]) -> str:
    """Return how many texts an experiment is about, and how many are timed in every round."""
    given, used, timed = (measurement[f"sequences{key}"] for key in ("_given", "", "_timed"))
    texts = f"{used:,} texts" if used == given else f"a sample of {used:,} of {given:,} texts"
    return texts if timed in (0, used) else f"{texts}, batches of {timed:,} of them timed"


ARM_HEADINGS = ("arm", "batches", "padding", "sequences/s", "over baseline", "p95", "memory")


def arm_cells(arm: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a table says of an arm of a bucketing experiment, by `ARM_HEADINGS`."""
    waste = 1 - arm["real_tokens"] / arm["padded_tokens"] if arm["padded_tokens"] else 0.0
    over, memory, speed = arm["speedup"], arm["peak_memory_bytes"], arm["sequences_per_second"]
    unit, scale = _time_unit(arm["p95_seconds"])
    return (
        arm["arm"],
        f"{arm['batches']:,}",
        f"{waste:.0%}",
        "-" if speed is None or speed != speed else amount(speed),
        "{}× [{}, {}]".format(*interval(over["point"], over["low"], over["high"])) if over else "-",
        f"{amount(arm['p95_seconds'] * scale)} {unit}",
        "-" if memory is None else f"{memory / 1e6:,.0f} MB",
    )


def arms_table(arms: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the arms of a bucketing experiment as a table of 78 columns."""
    widths = (8, 8, 13, 22, 9, 8)
    rows = [ARM_HEADINGS, *map(arm_cells, arms)]
    return [f"{row[0]:<10}" + "".join(f"{c:>{w}}" for c, w in zip(row[1:], widths, strict=True)) for row in rows]


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


_MOST_PLACES = 3


def _static(static: Mapping[str, Any] | None, width: int, verbose: bool) -> list[Line]:
    """Return static findings by rule, with the first places of each."""
    if static is None:
        return []
    by_rule: dict[str, list[str]] = {}
    for finding in static["findings"]:
        place = f"{finding['path']}:{finding['line']}"
        by_rule.setdefault(f"{finding['rule']} {finding['name']}", []).append(place)
    lines: list[Line] = []
    for rule, places in sorted(by_rule.items()):
        most = len(places) if verbose else _MOST_PLACES
        more = f" and {len(places) - most} more" if len(places) > most else ""
        text = f"{rule}: {', '.join(places[:most])}{more}"
        lines += [(line, ("red",)) for line in _wrapped(text, width, indent="")]
    for error in static["errors"]:
        text = f"not checked: {error['path']}: {error['message']}"
        lines += [(line, ("red",)) for line in _wrapped(text, width, indent="")]
    return lines


def _wrapped(text: str, width: int, indent: str = "      ") -> list[str]:
    after = indent or "  "
    lines = textwrap.wrap(text, max(40, width), initial_indent=indent, subsequent_indent=after, break_on_hyphens=False)
    return [line.replace("\xa0", " ") for line in lines]
