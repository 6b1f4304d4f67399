"""What measuring has to say, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pytest_cpuperf.reports.sentences.base import sentence
from pytest_cpuperf.results.evidence import Disturbance, DisturbanceKind
from pytest_cpuperf.results.figures import amount
from pytest_cpuperf.results.remarks import measuring

# A loss up to this may come from where memory lies alone: 9 to 12 % were measured for one import in a conftest.
_MOVED_MEMORY = 0.88


def disturbance_text(disturbance: Disturbance) -> str:
    """Return what disturbed some blocks: `the hypervisor took 20% of its CPUs`."""
    share = f"{disturbance.share:.0%}"
    words = {
        DisturbanceKind.WAITING: f"other processes kept it waiting for {share} of its time",
        DisturbanceKind.OTHERS: f"other processes took {share} of its CPUs",
        DisturbanceKind.HYPERVISOR: f"the hypervisor took {share} of its CPUs",
        DisturbanceKind.MEMORY: f"memory ran short for {share} of its time",
        DisturbanceKind.QUOTA: f"the CPU quota stopped it {disturbance.times} times",
    }
    return words[disturbance.kind]


@sentence.register
def _(remark: measuring.NotMeasured) -> str:
    return "run pytest with --cpuperf to measure"


@sentence.register
def _(remark: measuring.BlocksTooLong) -> str:
    return (
        f"one pair of blocks takes {amount(remark.pair_seconds)} s, and {remark.fewest_pairs} pairs are the fewest "
        f"that give an interval: max_seconds is {remark.max_seconds:g}, about {math.ceil(remark.needed_seconds)} "
        "are needed"
    )


@sentence.register
def _(remark: measuring.TimeOver) -> str:
    if remark.calls == 1:
        return (
            f"a single call takes {amount(remark.seconds)} s or longer, and is let finish: max_seconds is "
            f"{remark.max_seconds:g}, and several calls are needed; raise max_seconds"
        )
    return (
        f"{remark.calls:,} calls were not over after {amount(remark.seconds)} s and were cut: max_seconds is "
        f"{remark.max_seconds:g}, and calls became slower than the warm-up showed"
    )


@sentence.register
def _(remark: measuring.TooFewPairs) -> str:
    return (
        f"{remark.pairs} pairs in {remark.max_seconds:g} s are too few for an interval: calls became slower than the "
        "warm-up showed; raise max_seconds"
    )


@sentence.register
def _(remark: measuring.TooFewCalls) -> str:
    needs = (
        f"p{100 * remark.percentile:g} at {remark.confidence:.0%} needs {remark.calls_needed} calls of "
        f"{amount(remark.call_seconds)} s"
    )
    if remark.needed_seconds <= remark.max_seconds:
        return (
            f"{needs}, more than one measurement takes, because slow calls come in spells: ask for a lower percentile"
        )
    return f"{needs}: max_seconds is {remark.max_seconds:g}, about {math.ceil(remark.needed_seconds)} are needed"


def _counted(remark: measuring.SetAside) -> str:
    return f"{remark.count} of {remark.measured} {'groups of calls' if remark.groups else 'pairs'}"


@sentence.register
def _(remark: measuring.SetAside) -> str:
    return f"{_counted(remark)} were set aside: {disturbance_text(remark.worst)} in the worst"


@sentence.register
def _(remark: measuring.PassedDisturbed) -> str:
    return f"{_counted(remark.disturbed)} were disturbed; with them it passes too, and they can only be slower for it"


@sentence.register
def _(remark: measuring.DecidedDisturbed) -> str:
    return f"{_counted(remark.disturbed)} were disturbed; the budget is too far away for that to explain it"


@sentence.register
def _(remark: measuring.TooClose) -> str:
    text = (
        f"the interval contains the budget: a difference of less than {remark.smallest_difference:.1%} cannot be "
        "resolved here and now"
    )
    return f"{text}; {sentence(remark.set_aside)}" if remark.set_aside else text


@sentence.register
def _(remark: measuring.TotalContradicts) -> str:
    return (
        f"most blocks are on one side of the budget, and all together on the other ({amount(remark.total)} by total "
        "times): a part of the blocks differs from the rest"
    )


@sentence.register
def _(remark: measuring.NothingToHoldAgainst) -> str:
    return f"nothing to hold it against: {sentence(remark.why)}"


@sentence.register
def _(remark: measuring.NoStoredRun) -> str:
    name = remark.name
    return f"there is no stored run {name!r}; pytest --cpuperf --cpuperf-save {name} makes one, {remark.path}"


@sentence.register
def _(remark: measuring.NotInStoredRun) -> str:
    return f"the stored run {remark.name!r} has no {remark.label!r} of this test"


@sentence.register
def _(remark: measuring.OtherKernel) -> str:
    return f"it was measured against another kernel ({remark.stored}; here {remark.today})"


@sentence.register
def _(remark: measuring.OtherMachine) -> str:
    article = "another"
    return (
        f"{remark.name} was made on {article} {remark.differs_in}: only the speed relative to the machine is compared"
    )


@sentence.register
def _(remark: measuring.ReachedOfPeak) -> str:
    return f"{amount(remark.gflops)} of {amount(remark.peak_gflops)} GFLOP/s"


@sentence.register
def _(remark: measuring.SpeedChanged) -> str:
    return f"its speed changed while it was measured: at the end it was {remark.times:.2g} times as fast as at first"


@sentence.register
def _(remark: measuring.ThreadsLeft) -> str:
    return f"its calls leave threads behind: {remark.count} more than when the test began"


@sentence.register
def _(remark: measuring.LazyResult) -> str:
    return (
        f"it returns a {remark.type_name}, whose work may be done only when somebody asks for it: measure a function "
        "that asks for it"
    )


def _speedups(speedups: Sequence[float]) -> str:
    count = len(speedups)
    figures = ", ".join(f"{amount(s)}×" for s in speedups)
    return f"{figures} in {count} {'pair' if count == 1 else 'pairs'} of fresh processes"


@sentence.register
def _(remark: measuring.ProcessesDiffer) -> str:
    text = _speedups(remark.speedups)
    if remark.one_left_out:
        text += ", one left out that differs from the others"
    if remark.slower and max(remark.speedups) > _MOVED_MEMORY:
        text += "; an edit that only moves memory, such as one more import, can cost as much"
    return text


@sentence.register
def _(remark: measuring.ProcessesDisagree) -> str:
    return f"processes of the same code differ by more than what is tested: {_speedups(remark.speedups)}"


@sentence.register
def _(remark: measuring.TooFewProcesses) -> str:
    return (
        f"{remark.processes} pairs of processes in {remark.max_seconds:g} s do not decide it, up to {remark.most} are "
        "needed: raise max_seconds"
    )


@sentence.register
def _(remark: measuring.HeldByProcesses) -> str:
    if remark.why_none is not None:
        text = f"no fresh process could be measured ({remark.why_none})"
        return f"{text}; {_one_process(remark)}" if remark.spread else text
    if not remark.here:
        return _one_process(remark)
    kind = "fresh process" if remark.here == 1 else "fresh processes"
    return (
        f"{remark.here} {kind} against {remark.then} stored; processes of the same code differ by {remark.spread:.1%}"
    )


def _one_process(remark: measuring.HeldByProcesses) -> str:
    return (
        f"one process against one, which differ by {remark.spread:.1%} each without a change of the code: "
        "--cpuperf-save stores several"
    )


@sentence.register
def _(remark: measuring.FinerThanCalibrated) -> str:
    told = "none of those it tried" if remark.finest is None else f"{remark.finest:g} at most"
    return f"this budget is finer than this machine supports: cpuperf calibrate found that it supports {told}"
