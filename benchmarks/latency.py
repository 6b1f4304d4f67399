"""Whether latency intervals of real calls hold: the same function measured again and again.

usage: python benchmarks/latency.py [--processes N] [--runs N] [--work python|long|minilm] [--p P …] [--seconds S]
                                    [--into FILE]

Each process measures one function --runs times, for each percentile, as `cpuperf.latency` does without a budget. What
the function's percentile truly is nobody knows; the median of a process's own figures stands for it, so what the
machine does between runs counts against the intervals. Prints how many of them hold it, and how many do not overlap the
one before. `--into` appends a line of JSON for each process as it ends, and `--sum FILE …` adds such files up.
"""

from __future__ import annotations

import argparse
import json
from itertools import pairwise
from statistics import median
from typing import Any

import parts
from verdicts import WORKS

from pytest_cpuperf.machine.limits import read_limits
from pytest_cpuperf.machine.pin import Pin
from pytest_cpuperf.machine.placement import Request, place
from pytest_cpuperf.machine.topology import read_topology
from pytest_cpuperf.measure.latency import measure_latency
from pytest_cpuperf.measure.sequential import Patience

Interval = tuple[float, float, float]
"""The point, and from where up to where."""


def one(work: str, percentiles: list[float], runs: int, seconds: float) -> dict[str, Any]:
    """Return the intervals that this process measures, by percentile."""
    cpus = place(read_topology(), read_limits(), Request()).cpus
    Pin.apply(cpus)
    function = WORKS[work](1.0)
    found: dict[str, list[Interval]] = {f"{p:g}": [] for p in percentiles}
    for _ in range(runs):
        for p in percentiles:
            outcome = measure_latency(function, p, None, Patience(seconds), cpus)
            if outcome.estimate is not None:
                found[f"{p:g}"].append((outcome.estimate.point, outcome.estimate.low, outcome.estimate.high))
    return {"work": work, "asked": runs, "intervals": found}


def report(processes: list[dict[str, Any]]) -> None:
    """Print a line for each kind of work and each percentile."""
    for work in sorted({p["work"] for p in processes}):
        chosen = [p for p in processes if p["work"] == work]
        for percentile in chosen[0]["intervals"]:
            held = apart = counted = pairs = 0
            widths: list[float] = []
            for process in chosen:
                intervals = process["intervals"][percentile]
                if not intervals:
                    continue  # its calls depended on each other too much for the time
                truth = median(point for point, _, _ in intervals)
                held += sum(low <= truth <= high for _, low, high in intervals)
                counted += len(intervals)
                widths += [high / low - 1 for _, low, high in intervals]
                neighbours = list(pairwise(intervals))
                pairs += len(neighbours)
                apart += sum(a[2] < b[1] or b[2] < a[1] for a, b in neighbours)
            if not counted:
                print(f"{work}, p{100 * float(percentile):g}: no measurement gave an interval", flush=True)
                continue
            print(
                f"{work}, p{100 * float(percentile):g}: {held} of {counted} intervals of {len(chosen)} processes hold "
                f"the median figure ({held / counted:.1%}); {apart} of {pairs} do not overlap the one before; width "
                f"{median(widths):.1%}, median",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=5)
    parser.add_argument("--runs", type=int, default=12)
    parser.add_argument("--work", choices=sorted(WORKS), default="python")
    parser.add_argument("--p", type=float, nargs="+", default=[0.5, 0.9], metavar="P")
    parser.add_argument("--seconds", type=float, default=3.0)
    parts.add_arguments(parser)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(one(args.work, args.p, args.runs, args.seconds)))
        return
    if args.sum:
        report(parts.read(args.sum))
        return
    processes = []
    for _ in range(args.processes):
        asked = ["--one", "--work", args.work, "--runs", str(args.runs), "--seconds", str(args.seconds)]
        processes.append(parts.keep(parts.in_a_process(__file__, *asked, "--p", *map(str, args.p)), args.into))
    report(processes)


if __name__ == "__main__":
    main()
