"""Processes of this machine as they run: threads, masks, thread variables, and what a sampling time tells of them.

Source of the files: proc(5) and Documentation/scheduler/sched-stats.rst. `schedstat` counts, per thread, nanoseconds
run and nanoseconds ready to run and not running.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from pytest_cpuperf.clock import sleep
from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.machine.thread_variables import BINDING, COUNTING

_PROC = Path("/proc")
_VARIABLES = (*COUNTING, *BINDING, "KMP_BLOCKTIME", "OMP_WAIT_POLICY", "CUDA_VISIBLE_DEVICES")
_LIBRARIES = {
    "libtorch_cpu": "torch",
    "libonnxruntime": "onnxruntime",
    "onnxruntime_pybind11_state": "onnxruntime",
    "libgomp": "GNU OpenMP",
    "libiomp5": "Intel OpenMP",
    "libomp.": "LLVM OpenMP",
    "libopenvino": "openvino",
    "libtensorflow": "tensorflow",
}


@dataclass(frozen=True)
class Thread:
    """One thread and what it did while it was looked at."""

    tid: int
    name: str
    cpus: frozenset[int]
    ran_seconds: float
    waited_seconds: float
    voluntary: int
    involuntary: int


@dataclass(frozen=True)
class Process:
    """One process and its threads."""

    pid: int
    parent: int
    name: str
    command: tuple[str, ...]
    folder: Path | None
    """Its working folder, where that can be read."""
    libraries: tuple[str, ...]
    variables: dict[str, str]
    threads: tuple[Thread, ...]


def families(pids: Iterable[int]) -> list[int]:
    """Return the processes and all that descend from them. Raises UsageError where one does not exist."""
    found: dict[int, None] = {}
    for pid in pids:
        try:
            process = psutil.Process(pid)
            for member in (process, *process.children(recursive=True)):
                found[member.pid] = None
        except psutil.NoSuchProcess:
            raise _ended(pid) from None
        except psutil.AccessDenied:
            raise _not_ours(pid) from None
    return list(found)


def ancestors(pid: int) -> list[tuple[int, tuple[str, ...]]]:
    """Return (pid, command) of a process's parents, nearest first; none where they cannot be read."""
    try:
        return [(parent.pid, tuple(parent.cmdline())) for parent in psutil.Process(pid).parents()]
    except psutil.Error:
        return []


def sample(pids: Iterable[int], seconds: float, required: Iterable[int] = ()) -> list[Process]:
    """Look at processes for some seconds. Those that end meanwhile are left out.

    Raises UsageError where a `required` one ends, or one belongs to somebody else.
    """
    required = set(required)
    before = {pid: _counters(pid) for pid in pids}
    sleep(seconds)
    found = []
    for pid, at_first in before.items():
        process = _read(pid, at_first)
        if process is not None:
            found.append(process)
        elif pid in required:
            raise _ended(pid)
    return found


def _read(pid: int, before: dict[int, tuple[float, float, int, int]]) -> Process | None:
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
            name, command, parent = process.name(), tuple(process.cmdline()), process.ppid()
        environment = process.environ()
        libraries = _libraries(pid)
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return None
    except (psutil.AccessDenied, PermissionError):
        raise _not_ours(pid) from None
    try:
        folder = Path(os.readlink(_PROC / str(pid) / "cwd"))
    except OSError:
        folder = None
    after = _counters(pid)
    threads = []
    for tid, now in after.items():
        then = before.get(tid, (0.0, 0.0, 0, 0))
        try:
            mask = frozenset(os.sched_getaffinity(tid))
            thread_name = (_PROC / str(pid) / "task" / str(tid) / "comm").read_text(errors="replace").strip()
        except OSError:
            continue
        ran, waited, voluntary, involuntary = (b - a for a, b in zip(then, now, strict=True))
        threads.append(Thread(tid, thread_name, mask, ran, waited, int(voluntary), int(involuntary)))
    if not threads:
        return None
    variables = {k: environment[k] for k in _VARIABLES if k in environment}
    return Process(pid, parent, name, command, folder, libraries, variables, tuple(threads))


def _counters(pid: int) -> dict[int, tuple[float, float, int, int]]:
    """Return (seconds run, seconds waited, voluntary and involuntary switches) of each thread."""
    found = {}
    folder = _PROC / str(pid) / "task"
    try:
        tids = [int(t) for t in os.listdir(folder)]
    except OSError:
        return {}
    for tid in tids:
        try:
            ran, waited = (folder / str(tid) / "schedstat").read_text().split()[:2]
            status = (folder / str(tid) / "status").read_text(errors="replace")
        except (OSError, ValueError):
            continue
        switches = [int(line.split()[-1]) for line in status.splitlines() if "_ctxt_switches" in line]
        voluntary, involuntary = switches if len(switches) == 2 else (0, 0)
        found[tid] = (int(ran) / 1e9, int(waited) / 1e9, voluntary, involuntary)
    return found


def _libraries(pid: int) -> tuple[str, ...]:
    maps = (_PROC / str(pid) / "maps").read_text(errors="replace")
    return tuple(dict.fromkeys(name for piece, name in _LIBRARIES.items() if piece in maps))


def _ended(pid: int) -> UsageError:
    return UsageError(f"there is no process {pid}: it never was, or has ended", "ps aux lists what runs")


def _not_ours(pid: int) -> UsageError:
    try:
        owner = psutil.Process(pid).username()
    except psutil.Error:
        owner = "somebody else"
    return UsageError(f"process {pid} belongs to {owner}: its threads cannot be read", f"run this as {owner} or root")
