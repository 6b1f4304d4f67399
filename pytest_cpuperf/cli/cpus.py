"""This machine: its CPUs, which are yours, and where a test would run."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from pytest_cpuperf.cli.output import show_line
from pytest_cpuperf.machine.overview import overview
from pytest_cpuperf.machine.topology import LIVE
from pytest_cpuperf.reports.cpus import cpus_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--root", type=Path, default=LIVE, metavar="DIR", help="read a captured machine's sys and proc")


def run(arguments: argparse.Namespace) -> int:
    """Print the map or the document."""
    report = overview(arguments.root)
    if arguments.format == "json":
        show_line(json.dumps(report.to_json(), indent=1))
    else:
        show_line(cpus_text(report, shutil.get_terminal_size().columns))
    return 0
