"""Make gate.md in this folder: a team's first day with the gate, every command run here and now.

usage: python docs/make_gate.py

Makes an empty environment and an empty git project, installs this repository's last commit into the one as a user
would, and runs each command in the other; what is shown is what was printed, at 80 columns. Needs git, and PyPI for
the installation. Takes about three minutes; let nothing else run meanwhile, for budgets are measured.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
URL = "https://example.com/your/mirror/of/pytest-cpuperf"

HANDLER = """\
import torch


def handle(model, x):
    with torch.no_grad():
        return model(x).tolist()
"""
SERVICE = """\
def tokens(text):
    return [sum(map(ord, word)) % 997 for word in text.split()]
"""
SLOWER = """\
def tokens(text):
    return [sum(map(ord, word)) % 997 for word in text.split() for _ in range(2)][::2]
"""
TESTS = """\
import pytest

from service import tokens

TEXT = "the quick brown fox jumps over the lazy dog " * 200


def test_tokens(cpuperf):
    cpuperf.throughput(lambda: tokens(TEXT), items=1, unit="texts", at_least={budget}, max_seconds=8)


def test_p90(cpuperf):
    cpuperf.latency(lambda: tokens(TEXT), p=0.9, at_most=0.05, max_seconds=8)


@pytest.mark.parametrize("copies", [1, 2])
def test_of_itself(cpuperf, copies):
    cpuperf.compare(lambda: tokens(TEXT * copies), lambda: tokens(TEXT * copies), at_least=0.9, max_seconds=8)
"""


class Day:
    """An environment, a project, and what was typed and printed so far."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "project"
        self.project.mkdir()
        self._scripts = folder / "environment" / "bin"
        venv.create(folder / "environment", with_pip=True)
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "GITHUB", "PIP_", "VIRTUAL_ENV"))}
        self._variables = {
            **keep,
            "PATH": f"{self._scripts}{os.pathsep}{os.environ['PATH']}",
            "PRE_COMMIT_HOME": str(folder / "pre-commit"),
            "PRE_COMMIT_COLOR": "never",
            "COLUMNS": "80",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_AUTHOR_NAME": "a",
            "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_COMMITTER_NAME": "a",
            "GIT_COMMITTER_EMAIL": "a@example.org",
        }
        self._hidden = ((str(ROOT), URL), (str(folder / "pre-commit"), "~/.cache/pre-commit"), (str(folder), "/work"))
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        """Write a paragraph or a heading."""
        self.lines += [text, ""]

    def write(self, name: str, text: str) -> None:
        """Write a file of the project."""
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def quiet(self, command: str) -> str:
        """Run a command that is not shown."""
        done = subprocess.run(
            command, shell=True, cwd=self.project, env=self._variables, capture_output=True, text=True
        )
        return done.stdout + done.stderr

    def run(self, command: str, *, keep: str | None = None, **variables: str) -> None:
        """Run a command and show it, what it printed (all, or lines that match `keep`), and how it ended."""
        environment = {**self._variables, **variables}
        done = subprocess.run(
            command,
            shell=True,
            cwd=self.project,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        printed = done.stdout.rstrip().splitlines()
        if keep is not None:
            printed = [line for line in printed if re.search(keep, line)]
        set_first = "".join(f"{name}={value} " for name, value in variables.items())
        shown = "\n".join([f"$ {set_first}{command}", *printed, f"[exit {done.returncode}]"])
        for real, told in self._hidden:
            shown = shown.replace(real, told)
        self.lines += ["```console", shown, "```", ""]


def install(day: Day) -> None:
    day.say("## Install")
    day.quiet("git init -q -b main . && git commit -q --allow-empty -m begin")
    before = size(day)
    day.quiet(f"pip install -q git+file://{ROOT}")
    brought = day.quiet("pip list --format=freeze").split()
    names = sorted(line.split("==")[0] for line in brought if "==" in line)
    day.say(
        f"`pip install pytest-cpuperf` into an empty environment brings {len(names) - 2} packages, itself among them, "
        f"and {(size(day) - before) / 1e6:.0f} MB: {', '.join(n for n in names if n not in ('pip', 'setuptools'))}."
    )


def size(day: Day) -> int:
    folder = Path(day.quiet("python -c 'import sys; print(sys.prefix)'").strip())
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and not p.is_symlink())


def hooks(day: Day) -> None:
    day.say("## pre-commit")
    day.quiet("pip install -q pre-commit")
    day.write("handler.py", HANDLER)
    day.write("generated/handler.py", HANDLER)
    day.write("service.py", SERVICE)
    day.write("pyproject.toml", '[tool.cpuperf]\nexclude = ["generated/"]\n')
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    hook_list = "[{ id: cpuperf }]"
    day.write(".pre-commit-config.yaml", f"repos:\n  - repo: {ROOT}\n    rev: {head}\n    hooks: {hook_list}\n")
    day.quiet("git add . && pre-commit install-hooks")
    day.say("A finding fails the commit; excluded files are not looked at; files that did not change are not either.")
    day.run("pre-commit run")
    day.run("pre-commit run --files service.py")
    day.say("`cpuperf-fix` makes the safe fixes, fails once because it changed a file, and passes then.")
    config = (day.project / ".pre-commit-config.yaml").read_text()
    day.write(".pre-commit-config.yaml", config.replace("cpuperf }", "cpuperf-fix }"))
    day.quiet("git add .")
    day.run("pre-commit run")
    day.run("git diff --stat")
    day.quiet("git add .")
    day.run("pre-commit run")
    day.quiet("git commit -qnm service")
    day.say("From the repository itself, before it is configured:")
    day.write("handler.py", HANDLER)
    day.quiet("git add .")
    shown = r"^(cpuperf|- (hook|exit)|  [|=]|handler|\d)"
    day.run(f"pre-commit try-repo {ROOT} cpuperf --files handler.py", keep=shown)
    day.quiet("git checkout -q HEAD -- .")


def gate(day: Day) -> None:
    day.say("## The gate")
    day.write("test_speed.py", TESTS.format(budget=100))
    day.quiet("git add . && git commit -qnm tests")
    day.run("pytest --cpuperf --cpuperf-json=base.json --cpuperf-save=main.json")
    day.say("A budget that is lost, in CI on GitHub: annotations at their lines, and a table in the step's summary.")
    day.write("test_speed.py", TESTS.format(budget=1_000_000))
    day.run(
        "pytest --cpuperf test_speed.py::test_tokens --junitxml=junit.xml",
        GITHUB_ACTIONS="true",
        GITHUB_STEP_SUMMARY="summary.md",
    )
    day.run("cat summary.md")
    day.run("grep -o '<property name.*/>' junit.xml")
    day.say("What cannot be told skips its test; `fail` makes a strict gate of it.")
    undecidable = TESTS.format(budget=100).replace("at_least=0.9", "at_least=1.0")
    day.write("test_speed.py", undecidable)
    for choice in ("skip", "warn", "fail"):
        day.run(
            f"pytest -q --cpuperf 'test_speed.py::test_of_itself[1]' --cpuperf-inconclusive={choice}",
            keep=r"^(\?|      |FAILED|\d+ (passed|skipped|failed))|Warning: ",
        )
    day.write("test_speed.py", TESTS.format(budget=100))


def slower(day: Day) -> None:
    day.say("## What got slower")
    day.write("service.py", SLOWER)
    day.say("Against the last commit, block by block in one run:")
    day.run("pytest --cpuperf --cpuperf-against=HEAD test_speed.py::test_tokens", keep=r"^(FAIL|cpuperf:|  |\d of)")
    day.say("Against a stored run, relative to the machine's own speed:")
    day.write("test_speed.py", TESTS.format(budget='"90% of main.json"'))
    day.run("pytest --cpuperf test_speed.py::test_tokens", keep=r"^(FAIL|  |\d of)")
    day.write("test_speed.py", TESTS.format(budget=100))
    day.say("And two results files:")
    day.quiet("pytest --cpuperf --cpuperf-json=head.json")
    day.run("cpuperf compare base.json head.json --fail-below 0.95")


def shards(day: Day) -> None:
    day.say("## Shards")
    day.quiet("pytest --cpuperf test_speed.py::test_tokens test_speed.py::test_p90 --cpuperf-json=a.json")
    day.quiet("pytest --cpuperf test_speed.py::test_p90 test_speed.py::test_of_itself --cpuperf-json=b.json")
    day.say(
        "A test that two shards ran is told, and the first is kept. Markdown, OpenMetrics and JSON go the same way."
    )
    day.run("cpuperf report a.json b.json -o both.md && cat both.md")
    day.run("cpuperf report a.json b.json -o metrics.txt && cat metrics.txt")
    day.quiet("pip install -q check-jsonschema jinja2 matplotlib")
    day.run(
        "cpuperf report a.json b.json -o both.json && cpuperf report both.json -o cpuperf.html && ls -s cpuperf.html"
    )
    schema = day.quiet("python -c 'import pytest_cpuperf.results.schema as s; print(s.FILE)'").strip()
    day.run(f"check-jsonschema --schemafile {schema} both.json base.json")
    day.say("For GitLab, static findings as code quality:")
    day.write("handler.py", HANDLER)
    day.run("cpuperf check handler.py --format gitlab")
    day.say("A file from a later version, and one that is damaged:")
    newer = json.loads((day.project / "a.json").read_text()) | {"schema": "cpuperf/results/2"}
    day.write("newer.json", json.dumps(newer))
    day.write("damaged.json", (day.project / "a.json").read_text()[:1000])
    day.run("cpuperf report newer.json -o page.html")
    day.run("cpuperf report damaged.json -o page.html")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        day = Day(Path(folder).resolve())
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
        today = datetime.date.today().isoformat()
        day.say("# A first day with the gate")
        day.say(
            f"Made by `python docs/make_gate.py` on {today} at {commit.stdout.strip()}, in an empty environment "
            f"(Python {sys.version.split()[0]}, {shutil.which('git') and day.quiet('git --version').strip()}) and an "
            "empty project; figures are that machine's."
        )
        for part in (install, hooks, gate, slower, shards):
            part(day)
    (Path(__file__).parent / "gate.md").write_text("\n".join(day.lines).rstrip() + "\n")


if __name__ == "__main__":
    main()
