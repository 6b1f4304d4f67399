"""Whether 1 % more work is told from the same work: tango's procedure and `compare`, side by side.

usage: python benchmarks/tango.py [--runs N] [--more PERCENT] [--seconds S …] [--longest S] [--into FILE]

tango (https://github.com/bazhenov/tango, Rust) claims that it detects a difference of 1 % within a second in at least 9
of 10 runs. Its procedure, as its source has it (commit 00463f7): samples of half a millisecond (1 to 50 calls) of each
side, in turns and in alternating order, until the time is up; the mean of the differences without outliers (beyond five
interquartile ranges, as many at each end); a difference is told where it is 2.6 standard errors and more than 0.5 %.
`compare` is held against the budget halfway, 0.995 for 1 %, and takes --longest seconds at most.

Each run is a process of its own, in which every procedure judges the same work, in pure Python, and PERCENT more of it.
`--into` appends a line of JSON for each run as it ends, and `--sum FILE …` adds such files up.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from statistics import fmean, median, variance
from typing import Any

import parts
from verdicts import python_work

from pytest_cpuperf.machine.limits import read_limits
from pytest_cpuperf.machine.pin import Pin
from pytest_cpuperf.machine.placement import Request, place
from pytest_cpuperf.machine.topology import read_topology
from pytest_cpuperf.measure.pairs import Quantity, measure_pairs, speedup
from pytest_cpuperf.measure.sequential import Patience
from pytest_cpuperf.results.units import Unit

Function = Callable[[], object]


def tango(baseline: Function, candidate: Function, seconds: float) -> dict[str, Any]:
    """Return whether tango's procedure tells two functions apart within some seconds, and by how much."""
    calls = min(50, max(1, int(0.0005 / median(timed(baseline, 1) for _ in range(10)))))
    baselines: list[float] = []
    differences: list[float] = []
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        if len(differences) % 2 == 0:
            base, other = timed(baseline, calls), timed(candidate, calls)
        else:
            other, base = timed(candidate, calls), timed(baseline, calls)
        baselines.append(base)
        differences.append(other - base)
    kept = without_outliers(differences)
    mean = fmean(kept)
    score = mean / math.sqrt(variance(kept) / len(kept))
    relative = mean / fmean(baselines)
    return {"told": abs(score) >= 2.6 and abs(relative) > 0.005, "slower": relative, "seconds": seconds}


def timed(function: Function, calls: int) -> float:
    """Return the seconds that a call takes, over some."""
    began = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - began) / calls


def without_outliers(values: list[float]) -> list[float]:
    """Return values without those five interquartile ranges beyond the quartiles: as many of the least as the most."""
    values = sorted(values)
    first, third = values[len(values) // 4], values[len(values) * 3 // 4]
    far = 5 * (third - first)
    low = sum(v < first - far for v in values)
    high = sum(v > third + far for v in values)
    cut = min(low, high)
    return values[cut : len(values) - cut]


def ours(
    baseline: Function, candidate: Function, budget: float, longest: float, cpus: frozenset[int]
) -> dict[str, Any]:
    """Return what `compare` says of two functions."""
    outcome = measure_pairs(candidate, baseline, Quantity(speedup, Unit("×"), budget), Patience(longest), cpus)
    slower = 1 / outcome.estimate.point - 1 if outcome.estimate else None
    return {"verdict": str(outcome.verdict), "slower": slower, "seconds": outcome.seconds_spent}


def one(args: argparse.Namespace) -> dict[str, Any]:
    """Return what every procedure says in this process of the same work, and of more."""
    cpus = place(read_topology(), read_limits(), Request()).cpus
    Pin.apply(cpus)
    said: dict[str, Any] = {"asked": args.more}
    for more in (0.0, args.more):
        baseline, candidate = python_work(1.0), python_work(1 + more / 100)
        for _ in range(5):
            baseline(), candidate()
        tangos = {f"{seconds:g}": tango(baseline, candidate, seconds) for seconds in args.seconds}
        compared = ours(baseline, candidate, 1 - args.more / 200, args.longest, cpus)
        said["same" if more == 0 else "more"] = {"tango": tangos, "compare": compared}
    return said


def report(runs: list[dict[str, Any]]) -> None:
    """Print how often each procedure was right."""
    for asked in sorted({r["asked"] for r in runs}):
        chosen = [r for r in runs if r["asked"] == asked]
        print(f"{len(chosen)} runs of the same work and of {asked:g} % more")
        for seconds in chosen[0]["more"]["tango"]:
            same = [r["same"]["tango"][seconds] for r in chosen]
            more = [r["more"]["tango"][seconds] for r in chosen]
            print(
                f"  tango, {seconds} s: {sum(t['told'] and t['slower'] > 0 for t in more)} caught, "
                f"{sum(t['told'] for t in same)} false alarms; differences of the same work up to "
                f"{max(abs(t['slower']) for t in same):.1%}"
            )
        same, more = ([r[key]["compare"] for r in chosen] for key in ("same", "more"))
        print(
            f"  compare: {sum(c['verdict'] == 'fail' for c in more)} caught and "
            f"{sum(c['verdict'] == 'pass' for c in more)} passed of more work; "
            f"{sum(c['verdict'] == 'fail' for c in same)} false alarms and "
            f"{sum(c['verdict'] == 'pass' for c in same)} passed of the same; the others inconclusive; median "
            f"{median(c['seconds'] for c in more):.0f} s and {median(c['seconds'] for c in same):.0f} s"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--more", type=float, default=1.0, metavar="PERCENT")
    parser.add_argument("--seconds", type=float, nargs="+", default=[1.0], help="how long tango measures")
    parser.add_argument("--longest", type=float, default=60.0, help="how long compare may take")
    parts.add_arguments(parser)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(one(args)))
        return
    if args.sum:
        report(parts.read(args.sum))
        return
    runs = []
    for _ in range(args.runs):
        asked = ["--one", "--more", str(args.more), "--longest", str(args.longest)]
        runs.append(parts.keep(parts.in_a_process(__file__, *asked, "--seconds", *map(str, args.seconds)), args.into))
    report(runs)


if __name__ == "__main__":
    main()
