"""JSON, for programs: facts, with each remark in words beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pytest_cpuperf.reports.formats.base import RunFormat
from pytest_cpuperf.reports.sentences import sentence
from pytest_cpuperf.results.document import results_document
from pytest_cpuperf.results.remarks import Remark
from pytest_cpuperf.results.run import RunResult


class Json(RunFormat):
    """The `cpuperf/results/1` document."""

    suffix = ".json"
    summary = "the files as one"

    def render(self, run: RunResult, title: str) -> str:
        """Return the document."""
        return json.dumps(results_document(run, _in_words), indent=1, allow_nan=False) + "\n"


def _in_words(record: Any) -> Mapping[str, Any]:
    return {"text": sentence(record)} if isinstance(record, Remark) else {}
