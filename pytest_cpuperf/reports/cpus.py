"""A machine drawn for people: packages, nodes, cores and siblings as a small map."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping

from pytest_cpuperf.results.cpus import CoreGroup, CpusReport
from pytest_cpuperf.results.figures import format_cpus
from pytest_cpuperf.results.printable import printable

_RUNS, _OURS = "*", "·"


def cpus_text(report: CpusReport, width: int = 80) -> str:
    """Return the map, what is ours, where a test would run and why, and what to change."""
    report = printable(report)
    marks = {**dict.fromkeys(report.allowed, _OURS), **dict.fromkeys(report.placement, _RUNS)}
    digits = len(str(max(report.online)))
    lines = [_summary(report), ""]
    for group in report.groups:
        lines += [_title(group, report), *_drawn(group, marks, digits, width), ""]
    lines.append(f"{_RUNS} a test runs here   {_OURS} yours, not used   unmarked: not yours")
    gets = f"a test gets CPUs {format_cpus(report.placement)}: {report.reason}"
    lines += textwrap.wrap(gets, width, subsequent_indent="  ")
    empty = [n for n in report.memory_bytes if n not in {g.node for g in report.groups}]
    if empty:
        lines.append(f"memory without CPUs: node {format_cpus(empty)}")
    for caution in report.cautions:
        lines += textwrap.wrap(caution, width, initial_indent="! ", subsequent_indent="  ", break_long_words=False)
    return "\n".join(lines)


def _summary(report: CpusReport) -> str:
    quota = "no quota" if report.quota is None else f"quota {report.quota:g}"
    return f"yours: {len(report.allowed)} of {len(report.online)} CPUs, {quota} → {report.usable} usable"


def _title(group: CoreGroup, report: CpusReport) -> str:
    parts = [f"package {group.package}", f"node {group.node}"]
    if group.kind:
        parts.append(f"{group.kind} cores")
    size = report.memory_bytes.get(group.node)
    if size is not None:
        parts.append(_size(size))
    if group.caches > 1:
        parts.append(f"{group.caches} last-level caches")
    return " · ".join(parts)


def _size(size: int) -> str:
    if size == 0:
        return "no memory"
    return f"{size / 2**30:.0f} GB" if size >= 10 * 2**30 else f"{size / 2**30:.1f} GB"


def _drawn(group: CoreGroup, marks: Mapping[int, str], digits: int, width: int) -> Iterator[str]:
    """Yield rows of cores: their numbers, their first CPUs, and below these the hyperthreads."""
    cell = digits + 2
    room = max(1, (width - len(_LABEL.format(""))) // cell)
    for start in range(0, len(group.cores), room):
        row = group.cores[start : start + room]
        for sibling in range(max(len(core) for core in row)):
            cells = [_cell(core[sibling], marks) if sibling < len(core) else "" for core in row]
            label = "cpu" if sibling == 0 else "+ thread" if sibling == 1 else ""
            yield (_LABEL.format(label) + "".join(text.rjust(cell) for text in cells)).rstrip()


_LABEL = "  {:<9}"


def _cell(cpu: int, marks: Mapping[int, str]) -> str:
    return f"{cpu}{marks.get(cpu, ' ')}"
