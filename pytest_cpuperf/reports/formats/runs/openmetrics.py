"""Estimates in the OpenMetrics text format, which GitLab compares between pipelines."""

from __future__ import annotations

import math

from pytest_cpuperf.reports.formats.base import RunFormat
from pytest_cpuperf.results.measurements import ThroughputMeasurement
from pytest_cpuperf.results.run import RunResult


class OpenMetrics(RunFormat):
    """For GitLab's `artifacts:reports:metrics`."""

    suffix = ".txt"
    summary = "OpenMetrics, for GitLab"

    def render(self, run: RunResult, title: str) -> str:
        """Return a line for each estimate.

        Of a throughput the machine-relative figure is given where there is one: GitLab compares pipelines, which run
        on different machines.
        """
        lines = []
        for test in run.tests:
            for m in test.measurements:
                relative = m.relative if isinstance(m, ThroughputMeasurement) else None
                estimate = relative or m.estimate
                if estimate is None or not math.isfinite(estimate.point):
                    continue
                unit = "relative" if relative else estimate.unit
                labels = {"test": test.id, "label": m.label, "unit": unit, "verdict": m.verdict.value}
                written = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
                lines.append(f"cpuperf_{m.kind}{{{written}}} {estimate.point:.6g}")
        return "\n".join([*lines, "# EOF"]) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
