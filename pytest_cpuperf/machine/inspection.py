"""What a live server's processes do with the machine: judged against what the machine would give them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from pytest_cpuperf.machine.limits import Limits, throttled_periods
from pytest_cpuperf.machine.placement import Request, place, usable_cpus
from pytest_cpuperf.machine.processes import Process, Thread
from pytest_cpuperf.machine.slots import divide
from pytest_cpuperf.machine.thread_variables import BINDING, COUNTING
from pytest_cpuperf.machine.topology import Topology
from pytest_cpuperf.results.figures import format_cpus
from pytest_cpuperf.results.inspection import InspectedProcess, Inspection, Problem

LAUNCHERS = ("torch.backends.xeon.run_cpu", "torch.distributed.run", "torchrun")
_OPENMP = frozenset({"torch", "GNU OpenMP", "Intel OpenMP", "LLVM OpenMP"})
SERVER = "org.pytorch.serve.ModelServer"
# Named by torch itself; pools that are made later inherit the name of the thread that makes them.
_POOL_NAMES = ("pt_main_thread", "pt_autograd")
_IDLE = 0.02
_BUSY = 0.05
# Threads that want this many times the CPUs they may use lose more to waiting than a noisy second explains.
_CROWDED = 1.25
# Idle pools cost nothing yet. Set right, a process has up to three of them: torch keeps two, onnxruntime one.
_POOLS = 3


@dataclass(frozen=True)
class TorchServe:
    """What is known of a TorchServe whose workers are looked at."""

    launcher_enabled: bool
    """Whether its configuration asks for the launcher."""
    config: str
    """Where that was read."""


def inspect(
    processes: Sequence[Process],
    topology: Topology,
    limits: Limits,
    seconds: float,
    torchserve: TorchServe | None = None,
) -> Inspection:
    """Judge processes that were looked at for some seconds. `limits` are those of their cgroup, without affinity."""
    ours = limits.within(topology)
    seen = sorted(_with_roles(processes, ours, seconds), key=lambda p: p.pid)
    workers = [p for p in seen if p.role == "worker"]
    usable = usable_cpus(topology, limits)
    launched = {p.pid for p in seen if p.role == "launcher"}
    problems = [
        *_launcher(workers, launched, torchserve),
        *_crowded(workers, usable),
        *_masks(workers, ours),
        *_variables(workers),
        *_quota(limits, usable, len(ours.cpus)),
    ]
    pinned = bool(workers) and _is_pinned(workers, ours)
    return Inspection(
        processes=tuple(seen),
        usable=usable,
        cpus=ours.cpus,
        quota=limits.quota,
        throttled=throttled_periods(limits),
        seconds=seconds,
        pinned=pinned,
        verdict=_verdict(workers, problems, pinned, ours),
        problems=tuple(problems),
        settings=tuple(_settings(workers, problems, topology, limits, torchserve)),
    )


def _with_roles(processes: Sequence[Process], ours: Topology, seconds: float) -> list[InspectedProcess]:
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


# --- what is wrong


def _launcher(
    workers: Sequence[InspectedProcess], launchers: set[int], torchserve: TorchServe | None
) -> Iterator[Problem]:
    if torchserve is None:
        return
    bare = [w for w in workers if w.parent not in launchers]
    if not torchserve.launcher_enabled:
        yield Problem("launcher-off", f"{torchserve.config} does not set cpu_launcher_enable=true")
    elif bare:
        yield Problem(
            "launcher-not-in-effect",
            f"{torchserve.config} enables the launcher, and {_those(bare)} run without it: TorchServe fell back "
            "silently; its log says `run_cpu is not available`",
        )


def _crowded(workers: Sequence[InspectedProcess], usable: int) -> Iterator[Problem]:
    """Too many threads: on each set of CPUs that workers share, and for the quota."""
    wanted = sum(w.wanted_cpus for w in workers)
    if wanted > _CROWDED * usable:
        text = f"×{wanted / usable:.1f}: their threads want {wanted:.1f} CPUs, and {usable} are usable"
        yield Problem("oversubscribed", text)
        return
    by_cpus: dict[tuple[int, ...], list[InspectedProcess]] = {}
    for worker in workers:
        by_cpus.setdefault(worker.cpus, []).append(worker)
    for cpus, sharing in by_cpus.items():
        room = min(len(cpus), usable) or 1
        want, threads = sum(w.wanted_cpus for w in sharing), sum(w.compute_threads for w in sharing)
        where = f"CPUs {format_cpus(cpus)}" if len(cpus) != 1 else f"CPU {cpus[0]}"
        if want > _CROWDED * room:
            text = f"×{want / room:.1f}: threads of {_those(sharing)} want {want:.1f} CPUs, and may use {where}"
            yield Problem("oversubscribed", text)
        elif threads > _POOLS * room * len(sharing) + 1:
            text = f"×{threads / room:.1f}: {threads} compute threads of {_those(sharing)} for {where}"
            yield Problem("oversubscribed", f"{text}, idle for now")


def _masks(workers: Sequence[InspectedProcess], ours: Topology) -> Iterator[Problem]:
    meeting = [(a, b) for a, b in combinations(workers, 2) if set(a.cpus) & set(b.cpus)]
    if meeting:
        involved = {w.pid: w for pair in meeting for w in pair}.values()
        shared = {cpu for a, b in meeting for cpu in set(a.cpus) & set(b.cpus)}
        yield Problem("overlap", f"{_those(involved)} share CPUs {format_cpus(shared)}")
    crossing = [w for w in workers if len(w.nodes) > 1]
    if crossing:
        nodes = {n for w in crossing for n in w.nodes}
        yield Problem("crosses-nodes", f"{_those(crossing)} may run on nodes {format_cpus(nodes)}")
    for core in ours.cores:
        on_it = [w for w in workers if set(w.cpus) & set(core)]
        apart = [(a, b) for a, b in combinations(on_it, 2) if not set(a.cpus) & set(b.cpus)]
        if apart:
            yield Problem("shared-cores", f"{_those(on_it)} run on hyperthreads of one core ({format_cpus(core)})")
            break
    strays = [w for w in workers if len(w.masks) > 1]
    if strays:
        said = "; ".join(f"{n} on {format_cpus(mask)}" for mask, n in strays[0].masks[:3])
        yield Problem("threads-apart", f"threads of {_those(strays)} have different masks: {said}")


def _variables(workers: Sequence[InspectedProcess]) -> Iterator[Problem]:
    for worker in workers:
        for name in COUNTING:
            value = worker.variables.get(name, "").split(",")[0]
            if value.isdigit() and worker.cpus and int(value) > len(worker.cpus):
                where = f"CPUs {format_cpus(worker.cpus)}"
                yield Problem("thread-variable", f"{name}={value} in worker {worker.pid}, which may use {where}")
        for name, harmless in BINDING.items():
            bound = worker.variables.get(name)
            one_cpu = worker.masks and len(worker.masks[0][0]) == 1
            if bound is not None and bound.lower() not in harmless and one_cpu and worker.compute_threads > 1:
                yield Problem("thread-variable", f"{name}={bound} put worker {worker.pid}'s main thread on one CPU")


def _quota(limits: Limits, usable: int, cpus: int) -> Iterator[Problem]:
    throttled = throttled_periods(limits)
    if throttled and throttled[0]:
        yield Problem(
            "throttled",
            f"the quota of {limits.quota:g} stopped them in {throttled[0]:,} of {throttled[1]:,} periods so far: "
            f"{usable} busy threads at most, of {cpus} CPUs",
        )


def _is_pinned(workers: Sequence[InspectedProcess], ours: Topology) -> bool:
    apart = not any(set(a.cpus) & set(b.cpus) for a, b in combinations(workers, 2))
    narrower = all(set(w.cpus) < set(ours.cpus) for w in workers)
    return apart and narrower and all(len(w.nodes) == 1 and len(w.masks) == 1 for w in workers)


def _verdict(workers: Sequence[InspectedProcess], problems: Sequence[Problem], pinned: bool, ours: Topology) -> str:
    if not workers:
        return "nothing here computes: no process has torch, onnxruntime or OpenMP loaded"
    said = []
    if pinned:
        places = " | ".join(format_cpus(w.cpus) for w in workers)
        said.append(f"pinned: {_count(len(workers))} on CPUs {places}")
    elif len(workers) == 1 and len(ours.numa_nodes) == 1 and all(len(core) == 1 for core in ours.cores):
        said.append(f"not pinned: one worker on all {len(ours.cpus)} CPUs of one node, where a pin has little to give")
    else:
        said.append(
            f"not pinned: {_count(len(workers))} may run on CPUs {format_cpus(c for w in workers for c in w.cpus)}"
        )
    for name, text in (("launcher-not-in-effect", "launcher silently not in effect"), ("launcher-off", "launcher off")):
        if any(p.name == name for p in problems):
            said.append(text)
    crowded = [p for p in problems if p.name == "oversubscribed"]
    if crowded:
        said.append(f"oversubscribed {crowded[0].message.split(':')[0]}")
    return "; ".join(said)


def _count(workers: int) -> str:
    return "one worker" if workers == 1 else f"{workers} workers"


def _those(workers: Iterable[InspectedProcess]) -> str:
    pids = [str(w.pid) for w in workers]
    shown = ", ".join(pids[:6]) + (f" and {len(pids) - 6} more" if len(pids) > 6 else "")
    return f"worker {shown}" if len(pids) == 1 else f"workers {shown}"


# --- what would be right


def _settings(
    workers: Sequence[InspectedProcess],
    problems: Sequence[Problem],
    topology: Topology,
    limits: Limits,
    torchserve: TorchServe | None,
) -> Iterator[str]:
    if not workers or not problems:
        return
    slots = divide(topology, limits, len(workers))
    if not slots:
        return
    if len(slots) < len(workers):
        yield f"# {len(workers)} workers for {len(slots)} cores' worth of CPUs: start {len(slots)}"
    places = [place(topology, slot.limits, Request()).cpus for slot in slots]
    each = min(len(cpus) for cpus in places)
    ours = limits.within(topology)
    if torchserve is not None:
        yield "cpu_launcher_enable=true"
        # The launcher takes core numbers for CPU numbers, and knows no quota; named CPUs leave it nothing to mistake.
        listed = ",".join(str(cpu) for cpus in places for cpu in cpus[:each])
        yield f"cpu_launcher_args=--core_list {listed} --ncores_per_instance {each}"
        yield f"default_workers_per_model={len(slots)}"
    else:
        for worker, cpus in zip(workers, places, strict=False):
            node = next((n for n, members in ours.numa_nodes.items() if cpus[0] in members), 0)
            if worker.cpus != cpus:
                yield f"taskset -apc {format_cpus(cpus)} {worker.pid}"
            if len(ours.numa_nodes) > 1:
                yield f"numactl --physcpubind={format_cpus(cpus)} --membind={node} …  # when worker {worker.pid} starts"
    libraries = {name for w in workers for name in w.libraries}
    if torchserve is None and (libraries & _OPENMP or not libraries):
        yield f"OMP_NUM_THREADS={each}"
    if "onnxruntime" in libraries:
        yield f"SessionOptions.intra_op_num_threads = {each}"
