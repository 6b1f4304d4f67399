"""The HTML report of one run, or of the shards of one; also Markdown, metrics, or the shards as one file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pytest_cpuperf.errors import UsageError, nearest
from pytest_cpuperf.results.document import merged, read_results
from pytest_cpuperf.results.files import write_json, write_text

_SUFFIXES = (".html", ".md", ".txt", ".json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "results", nargs="+", type=Path, metavar="RESULTS", help="results files (pytest --cpuperf-json)"
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE",
        help="what to write: .html (report), .md (table), .txt (OpenMetrics, for GitLab), .json (the files as one)",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Merge, and write the report."""
    suffix = arguments.output.suffix
    if suffix not in _SUFFIXES:
        raise UsageError(
            f"-o takes a file ending in {', '.join(_SUFFIXES)}, found {arguments.output}{nearest(suffix, _SUFFIXES)}"
        )
    try:
        documents = [read_results(path) for path in arguments.results]
    except FileNotFoundError as error:
        raise UsageError(f"expected a results file, found none: {error.filename}") from None
    document, twice = merged(documents)
    for test in twice:
        print(f"cpuperf: {test} is in more than one file: the first is kept", file=sys.stderr)
    if suffix == ".json":
        write_json(arguments.output, document)
        return 0
    # Deferred: merging needs no templates.
    from pytest_cpuperf.reports.html import html_text
    from pytest_cpuperf.reports.markdown import markdown_text, metrics_text

    if suffix == ".html":
        write_text(arguments.output, html_text(document, arguments.output.stem))
    else:
        write_text(arguments.output, markdown_text(document) if suffix == ".md" else metrics_text(document))
    return 0
