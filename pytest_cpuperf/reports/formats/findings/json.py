"""JSON, for programs."""

from __future__ import annotations

import json

from pytest_cpuperf import __version__
from pytest_cpuperf.reports.formats.base import FindingsFormat, View
from pytest_cpuperf.results.findings import CheckResult, findings_document


class Json(FindingsFormat):
    """The `cpuperf/findings/1` document."""

    name = "json"
    holds_any_text = True

    def render(self, result: CheckResult, view: View) -> str:
        """Return the document."""
        return json.dumps(findings_document(result, __version__, view.show_silenced), indent=1) + "\n"
