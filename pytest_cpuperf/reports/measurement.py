"""One measurement in words: its figure, its budget, how it was measured, and the arms of an experiment."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_cpuperf.reports.sentences import sentence
from pytest_cpuperf.reports.sentences.measuring import disturbance_text
from pytest_cpuperf.reports.styles import STYLES
from pytest_cpuperf.results.figures import amount, format_cpus, given, interval
from pytest_cpuperf.results.measurements import (
    ArmResult,
    BucketingMeasurement,
    LatencyMeasurement,
    Measurement,
    ThroughputMeasurement,
)
from pytest_cpuperf.results.placement import Placement
from pytest_cpuperf.results.printable import printable
from pytest_cpuperf.results.remarks.measuring import DecidedDisturbed, PassedDisturbed
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Verdict


def figure_text(record: Measurement) -> str:
    """Return `11.4× [11.0, 11.9]`, or that nothing was measured."""
    estimate = record.estimate
    if not estimate or not estimate.pairs:
        return "no estimate"
    unit, scale = time_unit(estimate.point) if estimate.unit == "s" else (estimate.unit, 1.0)
    point, low, high = interval(estimate.point * scale, estimate.low * scale, estimate.high * scale)
    return f"{unit.after(point)} [{low}, {high}]"


def time_unit(seconds: float) -> tuple[Unit, float]:
    """Return the unit to show a time in, and how many of it are in a second."""
    return (Unit("s"), 1.0) if seconds >= 1 else (Unit("ms"), 1e3) if seconds >= 1e-3 else (Unit("µs"), 1e6)


def budget_text(record: Measurement) -> str:
    """Return ` ≥ 2× (budget)`, or nothing where there is no budget."""
    budget, estimate = record.budget, record.estimate
    if not budget:
        return ""
    style = STYLES[record.verdict if estimate and estimate.pairs else Verdict.INCONCLUSIVE]
    if budget.at_least is not None:
        return f" {style.sign_of_budget} {given(budget.at_least)}{'×' if budget.unit.is_ratio else ''} (budget)"
    most = budget.at_most or 0.0
    unit, scale = time_unit(estimate.point if estimate else most)
    return f" {style.sign_of_limit} {given(most * scale)} {unit} (budget)"


def in_a_line(record: Measurement) -> str:
    """Return a measurement in a line: `pass: 11.4× [11.0, 11.9] ≥ 2× (budget)`."""
    record = printable(record)
    return f"{record.verdict}: {figure_text(record)}{budget_text(record)}"


def explain_failure(record: Measurement) -> str:
    """Return why a budget was lost: estimate, interval, budget, pairs, and what the arms did."""
    record = printable(record)
    lines = [f"{record.label}: {figure_text(record)}{budget_text(record)}"]
    if record.estimate and record.budget and record.verdict is Verdict.FAIL:
        if record.budget.at_least is not None:
            short = 1 - record.estimate.point / record.budget.at_least
            beyond = (
                "; even the interval's upper end is below it" if record.estimate.high < record.budget.at_least else ""
            )
            lines.append(f"{short:.1%} below the budget{beyond}")
        elif record.budget.at_most is not None:
            over = record.estimate.point / record.budget.at_most - 1
            lines.append(f"{over:.1%} above the budget; even the interval's lower end is above it")
    if record.reason:
        lines.append(sentence(record.reason))
    lines += [*map(sentence, record.notes), how_measured(record)]
    if record.pairs and record.evidence:
        disturbed = record.evidence.disturbance
        text = (
            f"the machine meanwhile: {disturbance_text(disturbed)}" if disturbed else "the machine was quiet meanwhile"
        )
        lines.append(text)
    if isinstance(record, BucketingMeasurement):
        lines += arms_table(record.arms)
    return "\n".join(lines)


def how_measured(record: Measurement, placement: Placement | None = None) -> str:
    """Return how sure the figure is: pairs, interval, time, and where it ran."""
    parts = []
    estimate = record.estimate
    if estimate and estimate.pairs:
        counted = "calls" if isinstance(record, LatencyMeasurement) else "pairs"
        parts.append(f"{estimate.pairs:,} {counted}, {100 * estimate.confidence:.3g} % interval")
        percent = 100 * estimate.smallest_difference
        parts.append(f"resolution {percent:.2g} %" if percent < 100 else f"resolution {percent:.0f} %")
    if estimate and record.total is not None and not estimate.low <= record.total <= estimate.high:
        parts.append(f"{estimate.unit.after(amount(record.total))} by total times")
    if isinstance(record, ThroughputMeasurement) and record.rate and estimate and record.rate.unit != estimate.unit:
        parts.append(f"{amount(record.rate.point)} {record.rate.unit}")
    groups = record.groups if isinstance(record, LatencyMeasurement) else ()
    aside = len(record.set_aside) + sum(g.evidence.disturbance is not None for g in groups)
    if aside:
        then = "counted" if isinstance(record.reason, (PassedDisturbed, DecidedDisturbed)) else "set aside"
        parts.append(f"{aside}{f' of {len(groups)} groups' if groups else ''} disturbed and {then}")
    if not record.steady:
        parts.append("warm-up did not settle")
    if isinstance(record, BucketingMeasurement):
        parts += _bucketing_parts(record)
    parts.append(f"{record.seconds_spent:.1f} s")
    if placement:
        parts.append(cpus_text(placement))
    return ", ".join(parts)


def _bucketing_parts(record: BucketingMeasurement) -> list[str]:
    parts = []
    if record.sequences_given:
        parts.append(texts_text(record))
    worst = record.worst_difference
    if worst is not None:
        parts.append(f"outputs equal within {worst:.1g}" if worst else "outputs identical")
    if record.share_of_ceiling is not None:
        parts.append(f"{record.share_of_ceiling:.0%} of what leaving out padding can gain")
    return parts


def cpus_text(placement: Placement) -> str:
    """Return where a test ran: `CPUs 0-1`, or that it was not pinned."""
    ranges = format_cpus(placement.cpus)
    where = f"CPU {ranges}" if len(placement.cpus) == 1 else f"CPUs {ranges}"
    return where if placement.pinned else f"{where}, not pinned"


def texts_text(record: BucketingMeasurement) -> str:
    """Return how many texts an experiment is about, and how many are timed in every round."""
    used, total, timed = record.sequences, record.sequences_given, record.sequences_timed
    texts = f"{used:,} texts" if used == total else f"a sample of {used:,} of {total:,} texts"
    return texts if timed in (0, used) else f"{texts}, batches of {timed:,} of them timed"


ARM_HEADINGS = ("arm", "batches", "padding", "sequences/s", "over baseline", "p95", "memory")


def arm_cells(arm: ArmResult) -> tuple[str, ...]:
    """Return what a table says of an arm of a bucketing experiment, by `ARM_HEADINGS`."""
    over, memory, speed = arm.speedup, arm.peak_memory_bytes, arm.sequences_per_second
    unit, scale = time_unit(arm.p95_seconds)
    return (
        arm.arm,
        f"{arm.batches:,}",
        f"{arm.waste:.0%}",
        "-" if speed != speed else amount(speed),
        "{}× [{}, {}]".format(*interval(over.point, over.low, over.high)) if over else "-",
        f"{amount(arm.p95_seconds * scale)} {unit}",
        "-" if memory is None else f"{memory / 1e6:,.0f} MB",
    )


def arms_table(arms: Iterable[ArmResult]) -> list[str]:
    """Return the arms of a bucketing experiment as a table of 78 columns."""
    widths = (8, 8, 13, 22, 9, 8)
    rows = [ARM_HEADINGS, *map(arm_cells, arms)]
    return [f"{row[0]:<10}" + "".join(f"{c:>{w}}" for c, w in zip(row[1:], widths, strict=True)) for row in rows]
