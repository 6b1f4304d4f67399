"""Speed of the static checks, side by side with ruff, TorchFix and Fixit in one run.

usage: python benchmarks/static_speed.py [--rounds N] [--every N]

Peers are installed into environments of their own under a temporary folder (they want another libcst). Needs
transformers beside pytest-cpuperf: its tree is what is checked. Prints medians over interleaved rounds, as ratios.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

PEERS = {"ruff": ["ruff>=0.17,<0.18"], "torchfix": ["torchfix==0.7.0", "setuptools<81"], "fixit": ["fixit==2.2.0"]}


def install(work: Path) -> dict[str, Path]:
    """Make an environment for each peer, and return their bin folders."""
    found = {}
    for name, requirements in PEERS.items():
        home = work / name
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        pip = [home / "bin/python", "-m", "pip", "install", "--quiet", *requirements]
        subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)
        found[name] = home / "bin"
    return found


def seconds(command: list[str | Path], cwd: Path) -> float:
    """Return how long a command takes; its findings and its exit code do not matter here."""
    start = time.perf_counter()
    subprocess.run(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - start


def interleaved(arms: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Return each arm's median seconds over rounds in which every arm runs once."""
    times: dict[str, list[float]] = {name: [] for name in arms}
    for _ in range(rounds):
        for name, run in arms.items():
            times[name].append(run())
    return {name: median(values) for name, values in times.items()}


def peer_arms(peers: dict[str, Path], check: list[str], folder: Path) -> dict[str, Callable[[], float]]:
    """Return the commands that check one folder."""
    return {
        "torchfix": lambda: seconds([peers["torchfix"] / "torchfix", "--select=ALL", "."], folder),
        "fixit": lambda: seconds([peers["fixit"] / "fixit", "lint", "."], folder),
        "cpuperf, cold": lambda: seconds([*check, "--isolated", "--no-cache", "."], folder),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds over the whole tree (default 5)")
    parser.add_argument(
        "--every",
        type=int,
        default=12,
        help="give TorchFix and Fixit every Nth file of the tree (default 12); 1 is the whole tree, 20 minutes",
    )
    args = parser.parse_args()
    rounds = args.rounds
    spec = importlib.util.find_spec("transformers")
    if spec is None or spec.origin is None:
        raise SystemExit("transformers is not installed: pip install 'pytest-cpuperf[transformers]'")
    work = Path(tempfile.mkdtemp())
    try:
        peers = install(work)
        # A copy, so that no configuration and no ignore file above the package has a say.
        tree = shutil.copytree(Path(spec.origin).parent, work / "tree/transformers").parent
        files = list(tree.rglob("*.py"))
        print(
            f"{len(files):,} files, {sum(f.stat().st_size for f in files) / 1e6:.1f} MB; medians of {rounds} rounds\n"
        )
        check = [sys.executable, "-m", "pytest_cpuperf", "check", "--exit-zero", "--format", "concise"]
        cached = [*check, "--config", work / "cpuperf.toml", tree]
        (work / "cpuperf.toml").write_text('cache-dir = "cache"\n')
        seconds(cached, tree)
        whole = interleaved(
            {
                "ruff, cold": lambda: seconds([peers["ruff"] / "ruff", "check", "--isolated", "--no-cache", "."], tree),
                "cpuperf, cold": lambda: seconds([*check, "--isolated", "--no-cache", "."], tree),
                "cpuperf, warm": lambda: seconds(cached, tree),
            },
            rounds,
        )
        for name, value in whole.items():
            print(f"{name:<16}{value:6.2f} s  {value / whole['ruff, cold']:5.2f} × ruff, cold")
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"peak memory of any process: {peak:.0f} MB\n")

        # TorchFix and Fixit take a quarter of a second a file: a systematic sample of the tree.
        some = work / "sample"
        some.mkdir()
        for number, file in enumerate(sorted(files)[:: args.every]):
            shutil.copy(file, some / f"{number:04}_{file.name}")
        chosen = list(some.iterdir())
        size = sum(f.stat().st_size for f in chosen) / 1e6
        print(f"every {args.every}th file: {len(chosen)} files, {size:.1f} MB; one round, start-up included")
        sampled = interleaved(peer_arms(peers, check, some), 1)
        ours = sampled["cpuperf, cold"]
        for name, value in sampled.items():
            print(f"{name:<16}{value:6.2f} s {len(chosen) / value:8.1f} files/s  {value / ours:6.1f} × our time")
        (some / "clean.py").write_text("x = 1\n")
        one = median(seconds([*check, "--isolated", "clean.py"], some) for _ in range(rounds))
        print(f"\none small clean file: {one:.3f} s")
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    os.environ.pop("FORCE_COLOR", None)
    main()
