"""How well a figure travels: raw items per second and the machine-relative figure over separate runs.

usage: python benchmarks/travel.py [--runs N] [--work python|minilm] [--neighbour]

Each run is a process of its own that measures the same function as `cpuperf.throughput` does. What is told is how far
the runs' figures spread: the standard deviation of their logarithms, raw and relative to the reference kernel. With
--neighbour every other run has a process beside it that takes one of the CPUs every other two seconds. Also tells
what the measuring loop adds to a call of a millisecond. `--work minilm` needs pytest-cpuperf[example].
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median, stdev

from verdicts import WORKS, neighbour

from pytest_cpuperf.machine.limits import read_limits
from pytest_cpuperf.machine.pin import Pin
from pytest_cpuperf.machine.placement import Request, place
from pytest_cpuperf.machine.topology import read_topology
from pytest_cpuperf.measure.blocks import time_block
from pytest_cpuperf.measure.sequential import Patience
from pytest_cpuperf.measure.throughput import measure_throughput


def one_run(work: str, cpus: tuple[int, ...]) -> None:
    """Print one run's items per second and its relative figure."""
    function = WORKS[work](1.0)
    Pin.apply(cpus)
    record = measure_throughput(function, 1, "items", None, None, Patience(20.0), cpus)
    assert record.estimate is not None
    assert record.relative is not None
    print(json.dumps([record.estimate.point, record.relative.point, len(record.set_aside)]))


def spread(figures: list[float]) -> float:
    """Return the standard deviation of the logarithms: 0.01 is about 1 %."""
    return stdev(math.log(f) for f in figures)


def loop_overhead() -> float:
    """Return what the loop adds to a call of one millisecond, as a share: an empty call against a call of 1 ms."""

    def nothing() -> None:
        pass

    def millisecond() -> None:
        end = time.perf_counter() + 0.001
        while time.perf_counter() < end:
            pass

    empty = median(time_block(nothing, 100_000) / 100_000 for _ in range(20))
    full = median(time_block(millisecond, 50) / 50 for _ in range(20))
    return empty / full


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--work", choices=sorted(WORKS), default="python")
    parser.add_argument("--neighbour", action="store_true")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    cpus = place(read_topology(), read_limits(), Request()).cpus
    if args.one:
        one_run(args.work, cpus)
        return
    runs = []
    for number in range(args.runs):
        with neighbour(args.neighbour and number % 2 == 1, cpus[-1]):
            command = [sys.executable, str(Path(__file__)), "--one", "--work", args.work]
            done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ)
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    raw, relative = spread([r[0] for r in runs]), spread([r[1] for r in runs])
    mood = "a neighbour beside every other run" if args.neighbour else "quiet"
    print(f"{args.work}, {args.runs} runs, {mood}, CPUs {cpus}; pairs set aside: {[r[2] for r in runs]}")
    print(f"items per second {', '.join(f'{r[0]:.4g}' for r in runs)}")
    print(f"relative         {', '.join(f'{r[1]:.4g}' for r in runs)}")
    print(f"items per second spread {raw:.2%}, relative {relative:.2%}: {relative / raw:.2f} of it")
    print(f"the loop adds {loop_overhead():.4%} to a call of 1 ms", flush=True)


if __name__ == "__main__":
    main()
