"""JSON, for programs, with reasons and notes in words too."""

from __future__ import annotations

import json

from pytest_cpuperf.reports.formats.base import RunFormat
from pytest_cpuperf.reports.sentences import sentence
from pytest_cpuperf.results.document import results_document
from pytest_cpuperf.results.run import RunResult


class Json(RunFormat):
    """The `cpuperf/results/1` document."""

    suffix = ".json"
    holds_any_text = True
    summary = "the files as one"

    def render(self, run: RunResult, title: str) -> str:
        """Return the document."""
        return json.dumps(results_document(run, sentence), indent=1, allow_nan=False) + "\n"
