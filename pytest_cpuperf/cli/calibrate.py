"""This machine's own error rates: how often the gates are wrong or undecided here, and how long they take."""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
from pathlib import Path

from pytest_cpuperf.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--function", metavar="MODULE:NAME", help="what to measure; default some arithmetic")
    parser.add_argument("--gate", metavar="NAMES", help="compare, against, stored: which, as a,b; default all")
    parser.add_argument("--runs", type=int, default=10, metavar="N", help="how often each is run (default 10)")
    parser.add_argument(
        "--max-seconds", type=float, default=20.0, metavar="S", help="the most one measurement may take (default 20)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write it (schema cpuperf/calibration/1) to FILE")


def run(arguments: argparse.Namespace) -> int:
    """Calibrate, print the table, and keep it for later runs on this machine."""
    from pytest_cpuperf.calibration.gates import GATES, Calibrating
    from pytest_cpuperf.machine.fingerprint import describe_machine
    from pytest_cpuperf.reports.calibration import calibration_text
    from pytest_cpuperf.reports.sentences import sentence
    from pytest_cpuperf.results.calibration import calibration_document, calibration_path
    from pytest_cpuperf.results.files import write_text
    from pytest_cpuperf.settings.files import load

    if arguments.runs < 1:
        raise UsageError(f"--runs takes a number above 0, found {arguments.runs}")
    if not 0 < arguments.max_seconds < float("inf"):
        raise UsageError(f"--max-seconds takes a number above 0, found {arguments.max_seconds:g}")
    gates = arguments.gate.split(",") if arguments.gate else list(GATES)
    unknown = [gate for gate in gates if gate not in GATES]
    if unknown:
        raise UsageError(f"--gate takes {', '.join(GATES)}; found {unknown[0]!r}")
    cache = load(Path.cwd()).cache_folder
    columns = shutil.get_terminal_size().columns

    def progress(text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\x1b[2K{text}"[: columns + 5], end="", file=sys.stderr, flush=True)

    calibrating = Calibrating(arguments.function, arguments.runs, arguments.max_seconds, sentence, progress)
    minutes = math.ceil(calibrating.expected_seconds(gates) / 60)
    runs = f"{arguments.runs} {'run' if arguments.runs == 1 else 'runs'}"
    print(f"{len(gates)} {'gate' if len(gates) == 1 else 'gates'}, {runs} of each, about {minutes} min")
    sys.stdout.flush()
    try:
        calibrating.run(gates)
    except KeyboardInterrupt:
        progress("")
        print(calibration_text(calibrating.so_far(describe_machine()), columns))
        print("\ninterrupted: this is of the runs until then, and is not kept")
        raise
    finally:
        progress("")
    calibration = calibrating.so_far(describe_machine())
    print(calibration_text(calibration, columns))
    document = json.dumps(calibration_document(calibration), indent=1)
    kept = None if cache is None else calibration_path(cache, calibration.machine.fingerprint)
    for path in filter(None, (arguments.json, kept)):
        write_text(path, document)
    if kept is not None:
        print(f"\nkept: {kept}: budgets that are finer than this machine supports are told from now on")
    return 0
