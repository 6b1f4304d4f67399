"""What would be right: lines to paste or to run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_cpuperf.machine.limits import Limits
from pytest_cpuperf.machine.placement import Request, place
from pytest_cpuperf.machine.slots import divide
from pytest_cpuperf.machine.topology import Topology
from pytest_cpuperf.results.figures import format_cpus
from pytest_cpuperf.results.inspection import InspectedProcess
from pytest_cpuperf.servers.torchserve import TorchServe

_OPENMP = frozenset({"torch", "GNU OpenMP", "Intel OpenMP", "LLVM OpenMP"})


def settings_for(
    workers: Sequence[InspectedProcess],
    topology: Topology,
    limits: Limits,
    torchserve: TorchServe | None,
) -> Iterator[str]:
    """Yield settings that give each worker CPUs of its own; nothing where there are no workers."""
    if not workers:
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
