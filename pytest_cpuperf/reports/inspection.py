"""A live server, for people: its processes, what is wrong, and the settings that would be right."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from functools import singledispatch
from typing import Any

from pytest_cpuperf.results.codec import to_json
from pytest_cpuperf.results.figures import format_cpus
from pytest_cpuperf.results.inspection import (
    SCHEMA,
    CrossesNodes,
    InspectedProcess,
    Inspection,
    LauncherNotInEffect,
    LauncherOff,
    Overlap,
    Oversubscribed,
    Problem,
    SharedCores,
    ThreadsApart,
    ThreadVariable,
    Throttled,
)
from pytest_cpuperf.results.printable import printable

_HEAD = ("PID", "role", "threads", "CPUs", "ran", "wanted", "switches/s", "loaded")
_MOST_NAMES = 4


def inspection_text(report: Inspection, width: int = 80) -> str:
    """Return the report. `ran` and `wanted` are CPUs' worth of time; switches are voluntary + involuntary."""
    report = printable(report)
    lines = [*_table(report), ""]
    for process in report.processes:
        lines += _details(process, width)
    quota = "no quota" if report.quota is None else f"quota {report.quota:g}"
    throttled = ""
    if report.throttled is not None:
        throttled = f", throttled in {report.throttled[0]:,} of {report.throttled[1]:,} periods"
    lines.append(f"they may use {report.usable} of CPUs {format_cpus(report.cpus)} ({quota}{throttled})")
    lines += ["", *_wrapped(verdict_text(report), width)]
    for problem in report.problems:
        lines += _wrapped(f"! {problem.kind}: {problem_text(problem)}", width)
    if report.settings:
        lines += ["", "set:", *(f"  {line}" for line in report.settings)]
    return "\n".join(lines)


def inspection_document(report: Inspection) -> dict[str, Any]:
    """Return the `cpuperf/inspection/1` document: facts, with the verdict and the problems in words too."""
    written = to_json(report, _in_words)
    return {"schema": SCHEMA, **written, "verdict": verdict_text(report)}


def _in_words(record: Any) -> Mapping[str, Any]:
    return {"name": record.kind, "message": problem_text(record)} if isinstance(record, Problem) else {}


def verdict_text(report: Inspection) -> str:
    """Return in a line whether workers are pinned, and what is worst."""
    workers = report.workers
    if not workers:
        return "nothing here computes: no process has torch, onnxruntime or OpenMP loaded"
    said = []
    count = "one worker" if len(workers) == 1 else f"{len(workers)} workers"
    if report.pinned:
        said.append(f"pinned: {count} on CPUs {' | '.join(format_cpus(w.cpus) for w in workers)}")
    elif len(workers) == 1 and report.one_per_core:
        said.append(
            f"not pinned: one worker on all {len(report.cpus)} CPUs of one node, where a pin has little to give"
        )
    else:
        said.append(f"not pinned: {count} may run on CPUs {format_cpus(c for w in workers for c in w.cpus)}")
    if any(isinstance(p, LauncherNotInEffect) for p in report.problems):
        said.append("launcher silently not in effect")
    if any(isinstance(p, LauncherOff) for p in report.problems):
        said.append("launcher off")
    crowded = next((p for p in report.problems if isinstance(p, Oversubscribed)), None)
    if crowded is not None:
        said.append(f"oversubscribed ×{crowded.factor:.1f}")
    return "; ".join(said)


@singledispatch
def problem_text(problem: Problem) -> str:
    """Return what is wrong, in words. Each kind registers its own function."""
    raise NotImplementedError(f"no words for {type(problem).__name__}")


@problem_text.register
def _(problem: LauncherOff) -> str:
    return f"{problem.config} does not set cpu_launcher_enable=true"


@problem_text.register
def _(problem: LauncherNotInEffect) -> str:
    return (
        f"{problem.config} enables the launcher, and {_those(problem.pids)} run without it: TorchServe fell back "
        "silently; its log says `run_cpu is not available`"
    )


@problem_text.register
def _(problem: Oversubscribed) -> str:
    factor = f"×{problem.factor:.1f}"
    if not problem.pids:
        return f"{factor}: their threads want {problem.wanted_cpus:.1f} CPUs, and {problem.usable} are usable"
    where = f"CPUs {format_cpus(problem.cpus)}" if len(problem.cpus) != 1 else f"CPU {problem.cpus[0]}"
    if problem.idle:
        return (
            f"{factor}: {problem.compute_threads} compute threads of {_those(problem.pids)} for {where}, idle for now"
        )
    return f"{factor}: threads of {_those(problem.pids)} want {problem.wanted_cpus:.1f} CPUs, and may use {where}"


@problem_text.register
def _(problem: Overlap) -> str:
    return f"{_those(problem.pids)} share CPUs {format_cpus(problem.cpus)}"


@problem_text.register
def _(problem: CrossesNodes) -> str:
    return f"{_those(problem.pids)} may run on nodes {format_cpus(problem.nodes)}"


@problem_text.register
def _(problem: SharedCores) -> str:
    return f"{_those(problem.pids)} run on hyperthreads of one core ({format_cpus(problem.cpus)})"


@problem_text.register
def _(problem: ThreadsApart) -> str:
    masks = "; ".join(f"{count} on {format_cpus(mask)}" for mask, count in problem.masks[:3])
    return f"threads of {_those(problem.pids)} have different masks: {masks}"


@problem_text.register
def _(problem: ThreadVariable) -> str:
    setting = f"{problem.variable}={problem.value}"
    if problem.binds:
        return f"{setting} put worker {problem.pid}'s main thread on one CPU"
    return f"{setting} in worker {problem.pid}, which may use CPUs {format_cpus(problem.cpus)}"


@problem_text.register
def _(problem: Throttled) -> str:
    return (
        f"the quota of {problem.quota:g} stopped them in {problem.periods:,} of {problem.of_periods:,} periods so far: "
        f"{problem.usable} busy threads at most, of {problem.cpus} CPUs"
    )


def _those(pids: Sequence[int]) -> str:
    shown = ", ".join(map(str, pids[:6])) + (f" and {len(pids) - 6} more" if len(pids) > 6 else "")
    return f"worker {shown}" if len(pids) == 1 else f"workers {shown}"


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
