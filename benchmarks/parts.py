"""Long series measured in parts: one process a measurement, one line of JSON for each, and files that are added up."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare `--into` and `--sum`."""
    parser.add_argument("--into", type=Path, metavar="FILE", help="append a line of JSON for each measurement")
    parser.add_argument("--sum", type=Path, nargs="+", metavar="FILE", help="report on such files; measure nothing")


def read(files: Sequence[Path]) -> list[dict[str, Any]]:
    """Return the measurements in some files."""
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def keep(measurement: dict[str, Any], into: Path | None) -> dict[str, Any]:
    """Append a measurement to a file, where there is one, and return it."""
    if into is not None:
        with into.open("a") as file:
            file.write(json.dumps(measurement) + "\n")
    return measurement


def in_a_process(script: str, *arguments: str) -> dict[str, Any]:
    """Return what a script prints as JSON, run in a process of its own."""
    done = subprocess.run([sys.executable, script, *arguments], check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found
