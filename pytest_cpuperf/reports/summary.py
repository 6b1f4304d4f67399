"""The summary at the end of `pytest --cpuperf`. Reads well at 80 columns."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable

from pytest_cpuperf.reports.measurement import budget_text, cpus_text, figure_text, how_measured
from pytest_cpuperf.reports.sentences import sentence
from pytest_cpuperf.reports.styles import STYLES
from pytest_cpuperf.results.figures import format_cpus
from pytest_cpuperf.results.findings import CheckResult
from pytest_cpuperf.results.machine import Machine
from pytest_cpuperf.results.measurements import Measurement
from pytest_cpuperf.results.placement import MUCH_ELSEWHERE
from pytest_cpuperf.results.run import RunResult, TestRecord
from pytest_cpuperf.results.verdicts import Verdict

Line = tuple[str, tuple[str, ...]]
"""A line and the names of pytest's terminal markup for it."""


def headline(machine: Machine) -> str:
    """Return the summary's title: which machine this was."""
    nodes = len(machine.numa_nodes)
    quota = "no quota" if machine.quota is None else f"quota {machine.quota:g}"
    return (
        f"cpuperf: {len(machine.cpus)} CPUs ({format_cpus(machine.cpus)}), {nodes} "
        f"{'node' if nodes == 1 else 'nodes'}, {quota}"
    )


def verdict_sentence(run: RunResult) -> str:
    """Return what a run says in a sentence: budgets held, lost and undecided, and static findings."""
    counts = Counter(m.verdict for t in run.tests for m in t.measurements)
    lost, held, open_ = counts[Verdict.FAIL], counts[Verdict.PASS], counts[Verdict.INCONCLUSIVE]
    budgets = held + lost + open_
    parts = []
    if lost:
        parts.append(f"{lost} of {budgets} budgets {'is' if lost == 1 else 'are'} lost")
    elif budgets:
        parts.append(f"{held} of {budgets} budgets {'holds' if held == 1 else 'hold'}")
    elif counts[Verdict.NO_BUDGET]:
        parts.append(f"{counts[Verdict.NO_BUDGET]} measured, none against a budget")
    elif run.claims:
        judged = Counter(claim.judgement.value for claim in run.claims)
        told = " and ".join(f"{count} {judgement}" for judgement, count in judged.most_common())
        parts.append(f"of {len(run.claims)} {'claim' if len(run.claims) == 1 else 'claims'}, {told}")
    else:
        parts.append("nothing was measured")
    if open_:
        parts.append(f"{open_} could not be decided")
    if run.static and run.static.findings:
        count = len(run.static.findings)
        parts.append(f"{count} static {'finding' if count == 1 else 'findings'}")
    elif run.static:
        files = run.static.files_checked
        parts.append(f"no static findings in {files} {'file' if files == 1 else 'files'}")
    text = ", ".join(parts)
    return text[0].upper() + text[1:]


# More lines than this do not fit a screen: what held is told in a line each then, and no more than fits.
_SCREEN = 36


def summary_lines(run: RunResult, width: int, verbose: bool = False) -> list[Line]:
    """Return the summary: what failed and why, then what else was measured, placement, and static findings by rule.

    Unless `verbose`, what held is a line each where all would not fit a screen, and long lists are cut and counted.
    """
    measured = [(t, m) for t in run.tests for m in t.measurements]
    measured.sort(key=lambda pair: STYLES[pair[1].verdict].rank)
    bad = [(t, m) for t, m in measured if m.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE)]
    lines: list[Line] = [(verdict_sentence(run), ("bold",)), ("", ())]
    whole = [line for test, measurement in measured for line in _in_full(test, measurement, width)]
    if verbose or len(whole) <= _SCREEN:
        lines += whole
    else:
        # What failed is told while half a screen lasts; the rest is a line each.
        told = 0
        while told < len(bad) and len(lines) < _SCREEN // 2:
            lines += _in_full(*bad[told], width)
            told += 1
        rows = measured[told:]
        room = max(0, _SCREEN - 4 - len(lines))
        lines += [_row(test, measurement, width) for test, measurement in rows[:room]]
        if len(rows) > room:
            lines.append((f"and {len(rows) - room} more; -v shows them", ()))
    if measured:
        lines.append(("", ()))
    if run.against and run.against.only_there:
        text = f"only at {run.against.revision}: {', '.join(run.against.only_there)}"
        lines += [(t, ()) for t in _wrapped(text, width, indent="")]
    lines += [(line, ()) for line in _placements(run.tests, width)]
    lines += _static(run.static, width, verbose)
    return lines


def _in_full(test: TestRecord, record: Measurement, width: int) -> list[Line]:
    """Return a measurement with its figure, its reason and how sure it is."""
    style = STYLES[record.verdict]
    lines: list[Line] = [(f"{style.sign:<5} {test.id}", style.markup)]
    details = [f"{record.label}: {figure_text(record)}{budget_text(record)}"]
    if record.reason and record.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
        details.append(sentence(record.reason))
    details += map(sentence, record.notes)
    # A line breaks between the parts, not in them.
    details.append(", ".join(p.replace(" ", "\xa0") for p in how_measured(record, test.placement).split(", ")))
    return lines + [(line, ()) for detail in details for line in _wrapped(detail, width)]


def _row(test: TestRecord, record: Measurement, width: int) -> Line:
    """Return a measurement in one line: verdict, figure with its interval against its budget, CPUs, and whose it is."""
    style = STYLES[record.verdict]
    cpus = format_cpus(test.placement.cpus if test.placement else ())
    figure = f"{figure_text(record)}{budget_text(record).replace(' (budget)', '')}"
    head = f"{style.sign:<5} {figure:<36} {cpus:<3} "
    name = f"{test.id.rpartition('/')[2]} {record.label}"
    room = max(16, width - len(head))
    return head + (name if len(name) <= room else f"{name[: room - 1]}…"), style.markup


_MOST_STRAYS = 4


def _placements(tests: Iterable[TestRecord], width: int) -> list[str]:
    """Return how many tests were placed where, and what left its place."""
    lines = []
    places = Counter((cpus_text(t.placement), t.placement.reason, t.placement.pinned) for t in tests if t.placement)
    for (where, reason, pinned), count in places.most_common():
        verified = ", each thread read back" if pinned else ""
        tests_word = "test" if count == 1 else "tests"
        lines += _wrapped(f"{count} {tests_word} on {where} ({reason}){verified}", width, indent="")
    for test in tests:
        if test.placement is None:
            continue
        strays = test.placement.strays
        if strays:
            more = f" and {len(strays) - _MOST_STRAYS} more" if len(strays) > _MOST_STRAYS else ""
            text = f"! {test.id}: threads left the placement: {', '.join(strays[:_MOST_STRAYS])}{more}"
            lines += _wrapped(text, width, indent="")
        elsewhere = test.placement.memory_elsewhere or 0.0
        if elsewhere > MUCH_ELSEWHERE:
            text = (
                f"! {test.id}: {elsewhere:.0%} of the process's memory is on another node: load the model in the test"
            )
            lines += _wrapped(text, width, indent="")
    return lines


_MOST_PLACES = 3


def _static(static: CheckResult | None, width: int, verbose: bool) -> list[Line]:
    """Return static findings by rule, with the first places of each."""
    if static is None:
        return []
    by_rule: dict[str, list[str]] = {}
    for finding in static.findings:
        by_rule.setdefault(f"{finding.rule} {finding.name}", []).append(f"{finding.path}:{finding.line}")
    lines: list[Line] = []
    for rule, places in sorted(by_rule.items()):
        most = len(places) if verbose else _MOST_PLACES
        more = f" and {len(places) - most} more" if len(places) > most else ""
        text = f"{rule}: {', '.join(places[:most])}{more}"
        lines += [(line, ("red",)) for line in _wrapped(text, width, indent="")]
    for error in static.errors:
        text = f"not checked: {error.path}: {error.message}"
        lines += [(line, ("red",)) for line in _wrapped(text, width, indent="")]
    return lines


def _wrapped(text: str, width: int, indent: str = "      ") -> list[str]:
    after = indent or "  "
    lines = textwrap.wrap(text, max(40, width), initial_indent=indent, subsequent_indent=after, break_on_hyphens=False)
    return [line.replace("\xa0", " ") for line in lines]
