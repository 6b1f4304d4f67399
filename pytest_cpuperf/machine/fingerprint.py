"""What this machine is, as plain data: it travels with every result, because speed and accuracy depend on it."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from importlib import metadata
from typing import Any

from pytest_cpuperf.machine.limits import read_limits
from pytest_cpuperf.machine.placement import usable_cpus
from pytest_cpuperf.machine.topology import read_topology

_PACKAGES = ("torch", "onnxruntime", "transformers", "numpy")
# The instruction sets that decide which kernels inference libraries take.
_INSTRUCTION_SETS = (
    *("avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_tile", "amx_int8", "amx_bf16"),
    *("asimd", "asimddp", "sve", "sve2", "i8mm", "bf16"),
)


def describe_machine() -> dict[str, Any]:
    """Return the machine's description: CPUs, limits, instruction set, and versions of what runs on it.

    `fingerprint` is a hash of what absolute figures depend on; two runs with different ones cannot be compared in
    absolute figures.
    """
    topology, limits = read_topology(), read_limits()
    model, instruction_set = _processor()
    hardware = {
        "processor": model,
        "instruction_set": instruction_set,
        "cpus": list(topology.cpus),
        "cores": len(topology.cores),
        "numa_nodes": {str(n): list(cpus) for n, cpus in topology.numa_nodes.items()},
        "quota": limits.quota,
        "usable": usable_cpus(topology, limits),
    }
    text = json.dumps(hardware, sort_keys=True)
    return {
        "fingerprint": hashlib.sha256(text.encode()).hexdigest()[:16],
        **hardware,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in _PACKAGES},
        "thread_variables": {k: v for k, v in sorted(os.environ.items()) if k.startswith(("OMP_", "MKL_", "KMP_"))},
    }


def _processor() -> tuple[str, list[str]]:
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
    return name, [i for i in _INSTRUCTION_SETS if i in present]


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
