"""JUnit XML, which most CI systems read."""

from __future__ import annotations

import re
from collections import defaultdict
from xml.etree import ElementTree

from pytest_cpuperf.reports.findings import advice
from pytest_cpuperf.reports.formats.base import FindingsFormat, View
from pytest_cpuperf.results.findings import CheckResult


class JUnit(FindingsFormat):
    """One test case per file with findings."""

    name = "junit"

    def render(self, result: CheckResult, view: View) -> str:
        """Return JUnit XML: one test case per file with findings, failed; one that passed where there are none."""
        by_path: dict[str, list[str]] = defaultdict(list)
        for f in result.findings:
            by_path[f.path].append(f"{f.location}: {f.rule} {f.name}  {advice(f)}")
        for e in result.errors:
            by_path[e.path].append(f"{e.path}:{e.line or 1}: not checked: {e.message}")
        failures = sum(1 for _ in by_path)
        suite = ElementTree.Element(
            "testsuite", name="cpuperf", tests=str(max(1, failures)), failures=str(failures), errors="0", skipped="0"
        )
        for path, lines in by_path.items():
            case = ElementTree.SubElement(
                suite, "testcase", classname="cpuperf.check", name=_xml(path), file=_xml(path)
            )
            failure = ElementTree.SubElement(
                case, "failure", message=f"{len(lines)} findings" if len(lines) > 1 else "1 finding"
            )
            failure.text = _xml("\n".join(lines))
        if not by_path:
            ElementTree.SubElement(suite, "testcase", classname="cpuperf.check", name=f"{result.files_checked} files")
        root = ElementTree.Element("testsuites")
        root.append(suite)
        ElementTree.indent(root)
        return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _xml(text: str) -> str:
    """Return text without the characters XML cannot hold."""
    return re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
