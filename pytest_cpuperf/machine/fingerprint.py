"""What this machine is: it travels with every result, because speed and accuracy depend on it."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from importlib import metadata

from pytest_cpuperf.machine.limits import read_limits
from pytest_cpuperf.machine.placement import usable_cpus
from pytest_cpuperf.machine.topology import read_topology
from pytest_cpuperf.results.machine import Machine

_PACKAGES = ("torch", "onnxruntime", "transformers", "numpy")
# The instruction sets that decide which kernels inference libraries take.
_INSTRUCTION_SETS = (
    *("avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_tile", "amx_int8", "amx_bf16"),
    *("asimd", "asimddp", "sve", "sve2", "i8mm", "bf16"),
)


def describe_machine() -> Machine:
    """Return the machine's description: CPUs, limits, instruction set, and versions of what runs on it.

    `fingerprint` is a hash of what absolute figures depend on; two runs with different ones cannot be compared in
    absolute figures.
    """
    topology, limits = read_topology(), read_limits()
    model, instruction_set = _processor()
    nodes = {str(n): cpus for n, cpus in topology.numa_nodes.items()}
    usable = usable_cpus(topology, limits)
    hardware = {
        "processor": model,
        "instruction_set": instruction_set,
        "cpus": topology.cpus,
        "cores": len(topology.cores),
        "numa_nodes": nodes,
        "quota": limits.quota,
        "usable": usable,
    }
    text = json.dumps(hardware, sort_keys=True)
    return Machine(
        fingerprint=hashlib.sha256(text.encode()).hexdigest()[:16],
        processor=model,
        instruction_set=instruction_set,
        cpus=tuple(topology.cpus),
        cores=len(topology.cores),
        numa_nodes={node: tuple(cpus) for node, cpus in nodes.items()},
        quota=limits.quota,
        usable=usable,
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        versions={name: _version(name) for name in _PACKAGES},
        thread_variables={k: v for k, v in sorted(os.environ.items()) if k.startswith(("OMP_", "MKL_", "KMP_"))},
    )


def _processor() -> tuple[str, tuple[str, ...]]:
    """Return the processor's name and the instruction sets above it that matter here (`/proc/cpuinfo`)."""
    name, flags = platform.processor() or platform.machine(), ""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                key, _, value = line.partition(":")
                key = key.strip()
                if key == "model name":
                    name = value.strip()
                elif key in ("flags", "Features"):
                    flags = value
                    break
    except OSError:
        pass
    present = set(flags.split())
    return name, tuple(i for i in _INSTRUCTION_SETS if i in present)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
