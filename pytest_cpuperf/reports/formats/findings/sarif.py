"""SARIF 2.1.0: what GitHub code scanning and many editors read."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from pytest_cpuperf import __version__
from pytest_cpuperf.reports.formats.base import FindingsFormat, View
from pytest_cpuperf.results.findings import CheckResult, Finding

SCHEMA_URI = "https://json.schemastore.org/sarif-2.1.0.json"


class Sarif(FindingsFormat):
    """SARIF 2.1.0."""

    name = "sarif"
    holds_any_text = True

    def render(self, result: CheckResult, view: View) -> str:
        """Return the result as SARIF, with the pages of the rules that found something."""
        pages = view.pages()
        rules = sorted({(f.rule, f.name) for f in result.findings})
        document = {
            "$schema": SCHEMA_URI,
            "version": "2.1.0",
            "runs": [
                {
                    "tool": {
                        "driver": {
                            "name": "pytest-cpuperf",
                            "semanticVersion": __version__,
                            "rules": [_rule(code, name, pages.get(code, name)) for code, name in rules],
                        }
                    },
                    "columnKind": "unicodeCodePoints",
                    "results": [_result(f, [code for code, _ in rules]) for f in result.findings],
                    "invocations": [
                        {"executionSuccessful": True, "toolExecutionNotifications": _notifications(result)}
                    ],
                }
            ],
        }
        return json.dumps(document, indent=1) + "\n"


def _rule(code: str, name: str, page: str) -> dict[str, Any]:
    summary = page.splitlines()[0] if page else name
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in name.split("-")),
        "shortDescription": {"text": summary},
        "fullDescription": {"text": summary},
        "help": {"text": page, "markdown": page},
        "defaultConfiguration": {"level": "warning"},
    }


def _result(finding: Finding, codes: list[str]) -> dict[str, Any]:
    return {
        "ruleId": finding.rule,
        "ruleIndex": codes.index(finding.rule),
        "level": "warning",
        "message": {"text": f"{finding.message}. {finding.help[:1].upper()}{finding.help[1:]}."},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(finding.path), "uriBaseId": "%SRCROOT%"},
                    "region": {
                        "startLine": finding.line,
                        "startColumn": finding.column,
                        "endLine": finding.end_line,
                        "endColumn": finding.end_column,
                    },
                }
            }
        ],
        "partialFingerprints": {"cpuperf/v1": finding.fingerprint},
    }


def _notifications(result: CheckResult) -> list[dict[str, Any]]:
    return [
        {
            "level": "error",
            "message": {"text": error.message},
            "locations": [
                {"physicalLocation": {"artifactLocation": {"uri": quote(error.path), "uriBaseId": "%SRCROOT%"}}}
            ],
        }
        for error in result.errors
    ]
