"""Commands with a fault in them, from the tests' side; what runs them is in `injected.py`."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Command:
    """A command, and what happens to it: `kind` says what at which step, `after` a signal after so many seconds."""

    folder: Path
    arguments: list
    step: int = 0
    kind: str = "signal"
    what: object = 0
    after: float | None = None
    most_bytes: int | None = None
    folders: tuple = ()
    environment: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Ran:
    """How a command ended: its exit code, minus a signal's number, or `hung`."""

    code: object
    steps: int
    output: str
    survivors: list


class Runner:
    """Runs commands in forks of one process that has all imported."""

    def __init__(self, outputs):
        self._outputs = outputs
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.injected"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )

    def run(self, *commands):
        """Run commands at once; returns what became of each. None of them hangs, ends in a traceback or lives on."""
        asked, outputs = [], []
        for number, command in enumerate(commands):
            outputs.append(self._outputs / f"output-{number}.txt")
            asked.append(
                {
                    **vars(command),
                    "cwd": str(command.folder),
                    "folders": [str(f) for f in (command.folder, *command.folders)],
                    "output": str(outputs[-1]),
                    "arguments": [str(a) for a in command.arguments],
                    "folder": None,
                }
            )
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answers = json.loads(self._process.stdout.readline())
        ran = [Ran(output=o.read_text(errors="replace"), **a) for o, a in zip(outputs, answers, strict=True)]
        for one in ran:
            assert one.code != "hung", one
            # Where Ctrl-C comes while Python forks or collects garbage, it says so and goes on.
            shown = re.sub(r"Exception ignored in:.*\n(Traceback .*\n)?( .*\n)*", "", one.output)
            assert "Traceback" not in shown, shown
            assert "INTERNALERROR" not in one.output, one.output
            assert one.survivors == [], "processes live on"
        return ran

    def close(self):
        self._process.communicate()
