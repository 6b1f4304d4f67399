"""A live server, for people: its processes, what is wrong, and the settings that would be right."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from pytest_cpuperf.results.figures import format_cpus
from pytest_cpuperf.results.inspection import InspectedProcess, Inspection

_HEAD = ("PID", "role", "threads", "CPUs", "ran", "wanted", "switches/s", "loaded")
_MOST_NAMES = 4


def inspection_text(report: Inspection, width: int = 80) -> str:
    """Return the report. `ran` and `wanted` are CPUs' worth of time; switches are voluntary + involuntary."""
    lines = [*_table(report), ""]
    for process in report.processes:
        lines += _details(process, width)
    quota = "no quota" if report.quota is None else f"quota {report.quota:g}"
    throttled = ""
    if report.throttled is not None:
        throttled = f", throttled in {report.throttled[0]:,} of {report.throttled[1]:,} periods"
    lines.append(f"they may use {report.usable} of CPUs {format_cpus(report.cpus)} ({quota}{throttled})")
    lines += ["", *_wrapped(report.verdict, width)]
    for problem in report.problems:
        lines += _wrapped(f"! {problem.name}: {problem.message}", width)
    if report.settings:
        lines += ["", "set:", *(f"  {line}" for line in report.settings)]
    return "\n".join(lines)


def _table(report: Inspection) -> Iterator[str]:
    rows = [_HEAD, *(_row(p) for p in report.processes)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
    for row in rows:
        yield "  ".join(text.ljust(size) for text, size in zip(row, widths, strict=True)).rstrip()


def _row(process: InspectedProcess) -> tuple[str, ...]:
    return (
        str(process.pid),
        process.role,
        f"{sum(process.threads.values())} ({process.compute_threads})" if process.compute_threads else "-",
        format_cpus(process.cpus) or "-",
        f"{process.ran_cpus:.2f}",
        f"{process.wanted_cpus:.2f}",
        f"{process.voluntary_per_second:.0f}+{process.involuntary_per_second:.0f}",
        ", ".join(process.libraries) or "-",
    )


def _details(process: InspectedProcess, width: int) -> Iterator[str]:
    """Yield a worker's threads by name, its variables, and its masks where they differ."""
    if process.role != "worker":
        return
    names = list(process.threads.items())
    said = ", ".join(f"{count} {name}" for name, count in names[:_MOST_NAMES])
    if len(names) > _MOST_NAMES:
        said += f", {sum(count for _, count in names[_MOST_NAMES:])} more"
    parts = [f"{process.pid} {_short(process.command)}: {said}"]
    if process.variables:
        parts.append(" ".join(f"{k}={v}" for k, v in process.variables.items()))
    if len(process.masks) > 1:
        parts.append("masks " + "; ".join(f"{format_cpus(mask)} ({count})" for mask, count in process.masks))
    yield from _wrapped(" · ".join(parts), width)


def _short(command: str) -> str:
    """Return a command without folders and with few arguments: `python3 model_service_worker.py …`."""
    words = [word.rsplit("/", 1)[-1] for word in command.split()]
    return " ".join(words[:3]) + (" …" if len(words) > 3 else "")


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(40, width), subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
