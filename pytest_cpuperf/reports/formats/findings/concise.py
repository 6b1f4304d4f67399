"""One line per finding, as editors and grep like it."""

from __future__ import annotations

from pytest_cpuperf.reports.formats.base import FindingsFormat, View
from pytest_cpuperf.results.findings import CheckResult


class Concise(FindingsFormat):
    """`path:line:column: CODE message`."""

    name = "concise"

    def render(self, result: CheckResult, view: View) -> str:
        """Return one line per finding, error and, where asked for, silence."""
        lines = [f"{f.location}: {f.rule} {f.message}" for f in result.findings]
        lines += [f"{e.path}:{e.line or 1}: error: {e.message}" for e in result.errors]
        if view.show_silenced:
            lines += [f"{s.location}: {s.rule} silent: {s.because}" for s in result.silenced]
        return "".join(f"{line}\n" for line in lines)
