"""Invented and captured machines."""

from pathlib import Path


def two_sockets():
    """Return the files of 2 packages x 2 cores x 2 threads, one NUMA node each; siblings are n and n+4."""
    files = {"sys/devices/system/cpu/online": "0-7\n"}
    for cpu in range(8):
        core, package = cpu % 4, cpu % 4 // 2
        topology = f"sys/devices/system/cpu/cpu{cpu}/topology"
        files[f"{topology}/core_cpus_list"] = f"{core},{core + 4}\n"
        files[f"{topology}/package_cpus_list"] = (
            f"{2 * package}-{2 * package + 1},{2 * package + 4}-{2 * package + 5}\n"
        )
    files["sys/devices/system/node/node0/cpulist"] = "0-1,4-5\n"
    files["sys/devices/system/node/node1/cpulist"] = "2-3,6-7\n"
    return files


CAPTURED = Path(__file__).parents[2].parent / "shared/topology"
