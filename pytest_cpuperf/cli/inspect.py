"""A live server's threads against the CPUs it may use: what is pinned, crowded or shared, and what to set."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

from pytest_cpuperf.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("pids", nargs="*", type=int, metavar="PID", help="processes to look at, with their children")
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
    from pytest_cpuperf.machine.inspection import TorchServe, inspect
    from pytest_cpuperf.machine.limits import read_limits
    from pytest_cpuperf.machine.processes import families, sample
    from pytest_cpuperf.machine.topology import read_topology
    from pytest_cpuperf.machine.torchserve import server_of, worker_pids
    from pytest_cpuperf.reports.inspection import inspection_text

    named = list(arguments.pids)
    if arguments.torchserve:
        named += worker_pids(arguments.torchserve)
    pids = families(named)
    server = server_of(pids)
    torchserve = None
    if server is not None:
        enabled = server.config is not None and _launcher_enabled(server.config, server.variables)
        torchserve = TorchServe(enabled, str(server.config or "TorchServe's configuration"))
        # A worker's launcher is its parent, which the server does not name.
        pids = families([*pids, server.pid])
    processes = sample(pids, arguments.seconds, required=named)
    report = inspect(processes, read_topology(), read_limits(process=named[0]), arguments.seconds, torchserve)
    if arguments.format == "json":
        print(json.dumps(report.plain(), indent=1))
    else:
        print(inspection_text(report, shutil.get_terminal_size().columns))
    return 1 if report.problems else 0


def _launcher_enabled(file: Path, variables: dict[str, str]) -> bool:
    from pytest_cpuperf.static.configs.properties import Properties

    try:
        config = Properties(file.read_bytes().decode("latin-1"))
    except OSError as error:
        raise UsageError(f"cannot read TorchServe's configuration {file}: {error.strerror}") from None
    if config.get("cpu_launcher_enable") is None and config.is_true("enable_envvars_config"):
        return variables.get("TS_CPU_LAUNCHER_ENABLE", "").lower() == "true"
    return config.is_true("cpu_launcher_enable")
