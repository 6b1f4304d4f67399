"""Speed of the static checks, side by side with ruff, TorchFix and Fixit in one run.

usage: python benchmarks/static_speed.py [--rounds N] [--every N] [--tree FOLDER ...] [--growth]

Peers are installed into environments of their own under a temporary folder (they want another libcst). Without --tree
the tree that is checked is that of transformers, which must then be installed beside pytest-cpuperf; with it each
folder is checked by ruff and cpuperf alone. --growth shows how cpuperf's time grows with the number of files, with the
guards in a file and with the length of the functions around them. Prints medians over interleaved rounds, as ratios.
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
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median

PEERS = {"ruff": ["ruff>=0.17,<0.18"], "torchfix": ["torchfix==0.7.0", "setuptools<81"], "fixit": ["fixit==2.2.0"]}


def install(work: Path, names: Iterable[str] = PEERS) -> dict[str, Path]:
    """Make an environment for each peer, and return their bin folders."""
    found = {}
    for name in names:
        requirements = PEERS[name]
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


def compare(tree: Path, ruff: Path, work: Path, rounds: int) -> None:
    """Print ruff's and cpuperf's times over one tree, and the most memory that a process of them took."""
    files = list(tree.rglob("*.py"))
    size = sum(f.stat().st_size for f in files) / 1e6
    print(f"{tree.name}: {len(files):,} files, {size:.1f} MB; medians of {rounds} rounds\n")
    check = [sys.executable, "-m", "pytest_cpuperf", "check", "--exit-zero", "--format", "concise"]
    cached = [*check, "--config", work / "cpuperf.toml", tree]
    (work / "cpuperf.toml").write_text('cache-dir = "cache"\n')
    seconds(cached, tree)
    whole = interleaved(
        {
            "ruff, cold": lambda: seconds([ruff / "ruff", "check", "--isolated", "--no-cache", "."], tree),
            "cpuperf, cold": lambda: seconds([*check, "--isolated", "--no-cache", "."], tree),
            "cpuperf, warm": lambda: seconds(cached, tree),
        },
        rounds,
    )
    for name, value in whole.items():
        print(f"{name:<16}{value:6.2f} s  {value / whole['ruff, cold']:5.2f} × ruff, cold")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"most memory of any process so far: {peak:.0f} MB\n")


GUARDED = """
def predict_{number}(model, batch):
{before}    with torch.no_grad():
        return model(**batch).logits.argmax(-1).tolist()
"""


def growth(work: Path, rounds: int) -> None:
    """Print how cpuperf's time grows with files, with guards in a file, and with lines in the guarded functions."""

    def source(guards: int, lines: int) -> str:
        before = "    value = prepare(batch, 1)\n" * lines
        functions = (GUARDED.format(number=number, before=before) for number in range(guards))
        return "import torch\n" + "".join(functions)

    cases = {
        "files": [(count, 4, 20) for count in (10, 20, 40, 80, 160)],
        "guards in a file": [(4, count, 20) for count in (10, 20, 40, 80, 160)],
        "lines in a function": [(4, 10, count) for count in (25, 50, 100, 200, 400)],
    }
    check = [sys.executable, "-m", "pytest_cpuperf", "check", "--exit-zero", "--format", "concise", "--isolated"]
    for title, sizes in cases.items():
        print(f"growth with {title}, start-up included")
        for files, guards, lines in sizes:
            folder = Path(tempfile.mkdtemp(dir=work))
            for number in range(files):
                (folder / f"m{number}.py").write_text(source(guards, lines))
            took = median(seconds([*check, "--no-cache", "."], folder) for _ in range(rounds))
            print(f"  {files:4} files of {guards:4} guards, {lines:4} lines each: {took:6.2f} s")
        print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds over the whole tree (default 5)")
    parser.add_argument(
        "--every",
        type=int,
        default=12,
        help="give TorchFix and Fixit every Nth file of the tree (default 12); 1 is the whole tree, 20 minutes",
    )
    parser.add_argument("--tree", type=Path, action="append", default=[], help="a folder to check; may be given again")
    parser.add_argument("--growth", action="store_true", help="how the time grows with files, guards and functions")
    args = parser.parse_args()
    rounds = args.rounds
    if args.tree or args.growth:
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            ruff = install(work, ["ruff"])["ruff"] if args.tree else work
            for number, tree in enumerate(args.tree):
                (work / str(number)).mkdir()
                # A copy, so that no configuration and no ignore file above it has a say.
                compare(shutil.copytree(tree, work / "trees" / tree.name), ruff, work / str(number), rounds)
            if args.growth:
                growth(work, rounds)
        return
    spec = importlib.util.find_spec("transformers")
    if spec is None or spec.origin is None:
        raise SystemExit("transformers is not installed: pip install 'pytest-cpuperf[transformers]'")
    work = Path(tempfile.mkdtemp())
    try:
        peers = install(work)
        # A copy, so that no configuration and no ignore file above the package has a say.
        tree = shutil.copytree(Path(spec.origin).parent, work / "tree/transformers").parent
        compare(tree, peers["ruff"], work, rounds)
        files = list(tree.rglob("*.py"))
        check = [sys.executable, "-m", "pytest_cpuperf", "check", "--exit-zero", "--format", "concise"]

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
