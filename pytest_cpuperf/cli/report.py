"""The HTML report of one run, or of the shards of one; also Markdown, metrics, or the shards as one file."""

from __future__ import annotations

import argparse
from pathlib import Path

from pytest_cpuperf.cli.output import tell
from pytest_cpuperf.errors import UsageError, nearest
from pytest_cpuperf.registry import load_kinds
from pytest_cpuperf.reports.files import write_run
from pytest_cpuperf.reports.formats import run_formats
from pytest_cpuperf.results.document import merged, read_results


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "results", nargs="+", type=Path, metavar="RESULTS", help="results files (pytest --cpuperf-json)"
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE",
        help=f"what to write: {', '.join(f'{s} ({f.summary})' for s, f in run_formats().items())}",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Merge, and write the report."""
    formats = run_formats()
    suffix = arguments.output.suffix
    if suffix not in formats:
        raise UsageError(
            f"-o takes a file ending in {', '.join(formats)}, found {arguments.output}{nearest(suffix, formats)}"
        )
    load_kinds()
    try:
        runs = [read_results(path) for path in arguments.results]
    except FileNotFoundError as error:
        raise UsageError(f"expected a results file, found none: {error.filename}") from None
    run, twice = merged(runs)
    for test in twice:
        tell(f"cpuperf: {test} is in more than one file: the first is kept")
    write_run(arguments.output, run, suffix)
    return 0
