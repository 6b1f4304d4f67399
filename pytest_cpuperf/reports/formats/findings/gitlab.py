"""GitLab's code quality report."""

from __future__ import annotations

import json

from pytest_cpuperf.reports.findings import advice
from pytest_cpuperf.reports.formats.base import FindingsFormat, View
from pytest_cpuperf.results.findings import CheckResult


class GitLab(FindingsFormat):
    """For `artifacts:reports:codequality`."""

    name = "gitlab"
    holds_any_text = True

    def render(self, result: CheckResult, view: View) -> str:
        """Return GitLab's code quality report. It does not show `check_name`, so the code is in the description too."""
        issues = [
            {
                "description": f"{f.rule} {f.name}: {advice(f)}",
                "check_name": f.rule,
                "fingerprint": f.fingerprint,
                "severity": "minor",
                "location": {"path": f.path, "lines": {"begin": f.line, "end": f.end_line}},
            }
            for f in result.findings
        ]
        issues += [
            {
                "description": f"not checked: {e.message}",
                "check_name": "cpuperf",
                "fingerprint": f"{e.path}:{e.line}:{e.message}",
                "severity": "major",
                "location": {"path": e.path, "lines": {"begin": e.line or 1, "end": e.line or 1}},
            }
            for e in result.errors
        ]
        return json.dumps(issues, indent=1) + "\n"
