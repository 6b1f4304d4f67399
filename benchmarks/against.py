"""How often `--cpuperf-against` is right about the same code, and about code that does more work.

usage: python benchmarks/against.py [--runs N] [--work python|minilm] [--more PERCENT …] [--into FILE]

Every run is a whole `pytest --cpuperf --cpuperf-against HEAD`: the commit does its work once, the working tree PERCENT
more of it. `--into` appends a line of JSON for each run as it ends, and `--sum FILE …` adds such files up, so that long
series can be measured in parts. `--work minilm` needs pytest-cpuperf[example].
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median, stdev
from typing import Any

import parts

TEST = """
from verdicts import WORKS

def test_it(cpuperf):
    # Ends after a few calls: what it costs is what the verdict on the revision costs.
    cpuperf.latency(WORKS["{work}"]({amount}), p=0.5, at_most=10)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--work", choices=("python", "minilm"), default="python")
    parser.add_argument("--more", type=float, nargs="+", default=[0.0, 7.0, 10.0], metavar="PERCENT")
    parts.add_arguments(parser)
    args = parser.parse_args()
    if args.sum:
        runs = parts.read(args.sum)
    else:
        runs = []
        for _ in range(args.runs):
            for more in args.more:
                runs.append(parts.keep(measured(args.work, more), args.into))
    report(runs)


def measured(work: str, more: float) -> dict[str, object]:
    """Return what one run says of a tree that does so many per cent more work than its last commit."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_it.py").write_text(TEST.format(work=work, amount=1.0))
        (folder / "pyproject.toml").write_text("[tool.cpuperf]\n")
        identity = ["-c", "user.name=b", "-c", "user.email=b@example.org"]
        for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
            subprocess.run(["git", *identity, *command], cwd=folder, check=True)
        (folder / "test_it.py").write_text(TEST.format(work=work, amount=1 + more / 100))
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
        command = [sys.executable, "-m", "pytest", "-q", "--cpuperf", "--no-cpuperf-static", "--cpuperf-against=HEAD"]
        command += ["--cpuperf-json=out.json", "-p", "no:cacheprovider"]
        began = time.monotonic()
        subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
        (test,) = json.loads((folder / "out.json").read_text())["tests"]
    record = next(m for m in test["measurements"] if m["kind"] == "against")
    facts = [*record["notes_facts"], record["reason_facts"]]
    return {
        "work": work,
        "more": more,
        "verdict": record["verdict"],
        "speedup": record["estimate"]["point"] if record["estimate"] else None,
        "seconds": time.monotonic() - began,
        "processes": [s for fact in facts if fact for s in fact.get("speedups", ())],
    }


def report(runs: list[dict[str, Any]]) -> None:
    """Print a line for each kind of work and each amount."""
    for work, more in sorted({(r["work"], r["more"]) for r in runs}):
        chosen = [r for r in runs if (r["work"], r["more"]) == (work, more)]
        told = ", ".join(f"{name} {count}" for name, count in Counter(r["verdict"] for r in chosen).most_common())
        speedups = sorted(r["speedup"] for r in chosen if r["speedup"])
        spread = [math.log(s) for r in chosen for s in r["processes"]]
        found = f"{speedups[0]:.3f} to {speedups[-1]:.3f}, median {median(speedups):.3f}" if speedups else "none"
        differ = f"{stdev(spread):.1%}" if len(spread) > 1 else "nobody knows how much"
        print(
            f"{work}, {more:g} % more work, {len(chosen)} runs: {told}; speedups {found}; pairs of processes differ by "
            f"{differ} and {median(len(r['processes']) for r in chosen):g} were asked; median "
            f"{median(r['seconds'] for r in chosen):.0f} s"
        )


if __name__ == "__main__":
    main()
