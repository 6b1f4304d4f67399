"""A live server's threads against the CPUs it may use: what is pinned, crowded or shared, and what to set."""

from __future__ import annotations

import argparse
import json
import shutil
import sys

from pytest_cpuperf.cli.output import show_line
from pytest_cpuperf.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("pids", nargs="*", type=_pid, metavar="PID", help="processes to look at, with their children")
    parser.add_argument("--torchserve", metavar="URL", help="the management address of a TorchServe on this machine")
    parser.add_argument("--seconds", type=float, default=1.0, metavar="S", help="how long to look (default 1)")
    parser.add_argument("--format", choices=("text", "json"), default="text")


def run(arguments: argparse.Namespace) -> int:
    """Look, and print the processes, verdicts and settings. Returns 1 where something is wrong."""
    if not arguments.pids and not arguments.torchserve:
        raise UsageError("expected PIDs or --torchserve URL, found neither", "see cpuperf inspect --help")
    if not 0.05 <= arguments.seconds <= 3600:
        raise UsageError(f"--seconds takes a number from 0.05 to 3600, found {arguments.seconds:g}")
    if sys.platform != "linux":
        raise UsageError("cpuperf inspect reads Linux's /proc, which this system does not have")
    from pytest_cpuperf.reports.inspection import inspection_document, inspection_text
    from pytest_cpuperf.servers.inspection import look_at

    report = look_at(arguments.pids, arguments.torchserve, arguments.seconds)
    if arguments.format == "json":
        show_line(json.dumps(inspection_document(report), indent=1))
    else:
        show_line(inspection_text(report, shutil.get_terminal_size().columns))
    return 1 if report.problems else 0


def _pid(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise argparse.ArgumentTypeError(f"expected a process number above 0, found {text!r}")
    return int(text)
