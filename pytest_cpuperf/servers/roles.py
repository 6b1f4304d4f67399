"""What each process of a server does: computes, launches, or waits for those it started."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pytest_cpuperf.machine.topology import Topology
from pytest_cpuperf.results.inspection import InspectedProcess
from pytest_cpuperf.servers.processes import Process, Thread

LAUNCHERS = ("torch.backends.xeon.run_cpu", "torch.distributed.run", "torchrun")
SERVER = "org.pytorch.serve.ModelServer"
"""The class that TorchServe's front end runs."""
# Named by torch itself; pools that are made later inherit the name of the thread that makes them.
_POOL_NAMES = ("pt_main_thread", "pt_autograd")
_IDLE = 0.02
_BUSY = 0.05


def with_roles(processes: Sequence[Process], ours: Topology, seconds: float) -> list[InspectedProcess]:
    """Return the processes with their roles, as they were over some seconds."""
    parents = {p.parent for p in processes if p.libraries and not _is_launcher(p)}
    any_library = any(p.libraries and not _is_launcher(p) for p in processes)
    found = []
    for process in processes:
        ran = sum(t.ran_seconds for t in process.threads) / seconds
        if SERVER in process.command:
            role = "server"
        elif _is_launcher(process):
            role = "launcher"
        elif process.pid in parents and ran < _IDLE:
            role = "parent"
        else:
            # A program with its libraries built in shows none: then all that was named computes.
            role = "worker" if process.libraries or not any_library else "other"
        found.append(_seen(process, role, ours, seconds))
    return found


def _is_launcher(process: Process) -> bool:
    return any(word.rsplit("/", 1)[-1] in LAUNCHERS for word in process.command)


def _seen(process: Process, role: str, ours: Topology, seconds: float) -> InspectedProcess:
    compute = [t for t in process.threads if _computes(t, process, seconds)]
    masks = Counter(tuple(sorted(t.cpus)) for t in compute or process.threads)
    cpus = sorted({cpu for mask in masks for cpu in mask} & set(ours.cpus))
    return InspectedProcess(
        pid=process.pid,
        parent=process.parent,
        role=role,
        command=" ".join(process.command) or process.name,
        libraries=process.libraries,
        threads=dict(Counter(t.name for t in process.threads).most_common()),
        compute_threads=len(compute),
        masks=tuple(masks.most_common()),
        cpus=tuple(cpus),
        nodes=tuple(n for n, members in ours.numa_nodes.items() if set(members) & set(cpus)),
        variables=process.variables,
        wanted_cpus=sum(t.ran_seconds + t.waited_seconds for t in process.threads) / seconds,
        ran_cpus=sum(t.ran_seconds for t in process.threads) / seconds,
        voluntary_per_second=sum(t.voluntary for t in process.threads) / seconds,
        involuntary_per_second=sum(t.involuntary for t in process.threads) / seconds,
    )


def _computes(thread: Thread, process: Process, seconds: float) -> bool:
    main = next((t.name for t in process.threads if t.tid == process.pid), process.name)
    named = thread.name == main or thread.name in _POOL_NAMES
    return named or thread.ran_seconds + thread.waited_seconds > _BUSY * seconds
