"""What the gate costs where people wait for it: the hook over ten files, and the report of 500 tests.

usage: python benchmarks/gate.py [--rounds N]

Each command is a process of its own, run in turn with an empty `python -c pass`, so that its time can also be told as
how many times that. The files are the ten largest of this package's own; the cache is warm. `pre-commit run` is told
with its hook and, for comparison, with one that does nothing. Needs pre-commit and pytest-cpuperf[report].
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]


def project(folder: Path) -> list[str]:
    """Make a git project of ten files with the hook and one that does nothing; return the files' names."""
    sources = sorted((ROOT / "pytest_cpuperf").rglob("*.py"), key=lambda p: -p.stat().st_size)[:10]
    for source in sources:
        shutil.copy(source, folder)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True)
    nothing = {"id": "nothing", "name": "nothing", "language": "system", "entry": "true"}
    repositories = [
        {"repo": str(ROOT), "rev": head.stdout.strip(), "hooks": [{"id": "cpuperf"}]},
        {"repo": "local", "hooks": [nothing]},
    ]
    (folder / ".pre-commit-config.yaml").write_text(json.dumps({"repos": repositories}))
    (folder / "pyproject.toml").write_text("[tool.cpuperf]\n")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    subprocess.run(["git", "add", "."], cwd=folder, check=True)
    return [source.name for source in sources]


def results(folder: Path) -> str:
    """Write the results of 500 tests, and return the file's name."""
    sys.path.insert(0, str(ROOT))
    from tests.reports.test_html import document

    (folder / "results.json").write_text(json.dumps(document(tests=500)))
    return "results.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        work = folder / "project"
        work.mkdir()
        names = project(work)
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "cpuperf check, ten files": ["cpuperf", "check", "--force-exclude", *names],
            "pre-commit run cpuperf": ["pre-commit", "run", "cpuperf", "--files", *names],
            "pre-commit run nothing": ["pre-commit", "run", "nothing", "--files", *names],
            "cpuperf report, 500 tests": ["cpuperf", "report", results(work), "-o", "page.html"],
        }
        environment = {**os.environ, "PRE_COMMIT_HOME": str(folder / "pre-commit")}
        environment["XDG_CACHE_HOME"] = str(folder / "cache")
        seconds: dict[str, list[float]] = {title: [] for title in commands}
        for number in range(args.rounds + 1):
            for title, command in commands.items():
                start = time.perf_counter()
                subprocess.run(command, cwd=work, env=environment, capture_output=True, check=True)
                if number:  # the first fills caches and installs the hook
                    seconds[title].append(time.perf_counter() - start)
        for title, times in seconds.items():
            ratio = median(t / base for t, base in zip(times, seconds["python -c pass"], strict=True))
            print(f"{title:<28}{median(times):.3f} s, {ratio:.1f} times python -c pass")
        print(f"the page is {(work / 'page.html').stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
