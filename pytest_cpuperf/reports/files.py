"""Reports as files, made when they are written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_cpuperf.reports.html import html_text
from pytest_cpuperf.reports.markdown import markdown_text
from pytest_cpuperf.results.files import append_text, write_text


def write_report(path: Path, document: Mapping[str, Any]) -> None:
    """Write the HTML report. Raises UsageError."""
    write_text(path, html_text(document, path.stem))


def append_markdown(path: Path, document: Mapping[str, Any]) -> None:
    """Append the run as Markdown, as GitHub expects of a step's summary. Raises UsageError."""
    append_text(path, markdown_text(document))
