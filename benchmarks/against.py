"""How far `--cpuperf-against` is off between two processes that run the same code.

usage: python benchmarks/against.py [--runs N] [--work python|minilm]

Every run is a whole `pytest --cpuperf --cpuperf-against HEAD` on a tree that is as committed: the speedup is 1,
and what differs from it is what two processes of the same code differ by (addresses, hash seeds, where memory
lies) and noise. `--work minilm` needs pytest-cpuperf[example].
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from statistics import median

TEST = """
from verdicts import WORKS

def test_it(cpuperf):
    cpuperf.throughput(WORKS["{work}"](1.0), items=1, max_seconds=10)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--work", choices=("python", "minilm"), default="python")
    args = parser.parse_args()
    points, verdicts = [], Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_it.py").write_text(TEST.format(work=args.work))
        (Path(folder) / "pyproject.toml").write_text("[tool.cpuperf]\n")
        identity = ["-c", "user.name=b", "-c", "user.email=b@example.org"]
        for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
            subprocess.run(["git", *identity, *command], cwd=folder, check=True)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
        for _ in range(args.runs):
            command = [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "--cpuperf",
                "--no-cpuperf-static",
                "--cpuperf-against=HEAD",
            ]
            command += ["--cpuperf-json=out.json", "-p", "no:cacheprovider"]
            subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
            (test,) = json.loads((Path(folder) / "out.json").read_text())["tests"]
            record = next(m for m in test["measurements"] if m["kind"] == "against")
            verdicts[record["verdict"]] += 1
            points.append(record["estimate"]["point"])
    told = ", ".join(f"{name} {count}" for name, count in verdicts.most_common())
    print(f"{args.work}, {args.runs} runs against the same code: {told}")
    print(f"speedups from {min(points):.3f} to {max(points):.3f}, median {median(points):.3f}")


if __name__ == "__main__":
    main()
