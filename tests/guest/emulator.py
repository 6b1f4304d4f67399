"""A small Linux in QEMU with the sockets, cores, threads, quota and cpuset asked for. It measures no speed.

Real kernel, `/sys`, `sched_setaffinity`, cgroups and page placement on machines that are not at hand. The image holds
this Python, its standard library, this package and what it needs to pin and to run pytest; no framework.
"""

from __future__ import annotations

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import pytest_cpuperf

PACKAGES = ("pytest", "pytest-xdist", "filelock", "psutil", "platformdirs", "rich", "PyYAML")
LEFT_OUT = shutil.ignore_patterns(
    *("test", "tests", "site-packages", "__pycache__", "idlelib", "tkinter", "ensurepip", "lib2to3", "config-*"),
    *("turtledemo", "pydoc_data"),
)
SECONDS = 600
# Now and then an emulated kernel hangs before its first process, which is usually there after 11 s.
BOOT_SECONDS = 90
BOOTS = 3


@dataclass(frozen=True)
class Machine:
    """What is emulated; one NUMA node a socket."""

    sockets: int
    cores: int
    threads: int
    quota: float | None = None
    cpuset: str | None = None

    def __str__(self) -> str:
        limits = [f"quota {self.quota:g}"] if self.quota else []
        limits += [f"cpuset {self.cpuset}"] if self.cpuset else []
        return " ".join([f"{self.sockets}x{self.cores}x{self.threads}", *limits])


def why_not() -> str | None:
    """Return why no guest can be started here, or None."""
    missing = [t for t in ("qemu-system-x86_64", "busybox", "cpio", "ldd") if shutil.which(t) is None]
    if missing:
        return f"{', '.join(missing)} missing: apt-get install qemu-system-x86 busybox-static cpio"
    if kernel() is None:
        return "no kernel: apt-get install linux-image-cloud-amd64, or name one in CPUPERF_GUEST_KERNEL"
    return None


def kernel() -> str | None:
    """Return the kernel guests boot."""
    named = os.environ.get("CPUPERF_GUEST_KERNEL")
    return named or next(iter(sorted(glob.glob("/boot/vmlinuz-*-cloud-amd64"))), None)


def build_image(folder: Path) -> Path:
    """Build the part of the guest's file system that all guests share."""
    root = folder / "root"
    for name in ("bin", "proc", "sys", "dev", "tmp"):
        (root / name).mkdir(parents=True)
    shutil.copy(shutil.which("busybox"), root / "bin/busybox")
    executable = Path(os.path.realpath(sys._base_executable))
    _copy_file(executable, root)
    library = Path(sysconfig.get_path("stdlib", vars={"base": sys.base_prefix, "installed_base": sys.base_prefix}))
    shutil.copytree(library, _inside(root, library), ignore=LEFT_OUT)
    site = root / "site"
    for name in _needed(PACKAGES):
        for file in metadata.distribution(name).files or ():
            source = Path(file.locate())
            if ".." not in file.parts and "__pycache__" not in file.parts and source.is_file():
                (site / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, site / file)
    package = Path(pytest_cpuperf.__file__).parent
    shutil.copytree(package, site / "pytest_cpuperf", ignore=LEFT_OUT)
    # An editable install has no files of its own; the entry point is what makes pytest load the plugin.
    information = site / "pytest_cpuperf-0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: pytest-cpuperf\nVersion: 0\n")
    (information / "entry_points.txt").write_text("[pytest11]\ncpuperf = pytest_cpuperf.plugin\n")
    (root / "inside").mkdir()
    shutil.copy(Path(__file__).with_name("inside.py"), root / "inside/test_inside.py")
    libraries = {found for binary in (executable, *root.rglob("*.so*")) for found in _libraries(binary)}
    for file in libraries:
        _copy_file(file, root)
    return _archive(root, folder / "base.cpio.gz")


def run(machine: Machine, image: Path, folder: Path) -> tuple[int | None, str]:
    """Boot a guest, run the inside tests in it, and return their exit status and what they printed.

    A guest whose kernel hangs before anything of ours has run is booted anew.
    """
    top = folder / "top"
    top.mkdir()
    python = os.path.realpath(sys._base_executable)
    limit = ""
    if machine.quota or machine.cpuset:
        limit = "echo '+cpu +cpuset' > /sys/fs/cgroup/cgroup.subtree_control; mkdir /sys/fs/cgroup/limited\n"
        if machine.cpuset:
            limit += f"echo {machine.cpuset} > /sys/fs/cgroup/limited/cpuset.cpus\n"
        if machine.quota:
            limit += f"echo {int(machine.quota * 100_000)} 100000 > /sys/fs/cgroup/limited/cpu.max\n"
        limit += "echo $$ > /sys/fs/cgroup/limited/cgroup.procs\n"
    init = top / "init"
    init.write_text(f"""#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t cgroup2 none /sys/fs/cgroup
export PYTHONHOME={sys.base_prefix} PYTHONPATH=/site PYTHONDONTWRITEBYTECODE=1 HOME=/tmp PATH=/bin LANG=C.UTF-8
export GUEST='{json.dumps(asdict(machine))}'
ln -sf {python} /bin/python3
{limit}cd /inside
echo '=== guest'
python3 -m pytest -q --color=no -p no:cacheprovider -c /dev/null --rootdir /inside test_inside.py
echo "=== status $?"
poweroff -f
""")
    init.chmod(0o755)
    both = folder / "image.cpio.gz"
    # The kernel unpacks archives that follow each other.
    both.write_bytes(image.read_bytes() + _archive(top, folder / "top.cpio.gz").read_bytes())
    per_socket = machine.cores * machine.threads
    nodes = [
        word
        for s in range(machine.sockets)
        for word in (
            *("-object", f"memory-backend-ram,id=m{s},size=1G", "-numa"),
            f"node,nodeid={s},cpus={s * per_socket}-{s * per_socket + per_socket - 1},memdev=m{s}",
        )
    ]
    shape = f"sockets={machine.sockets},cores={machine.cores},threads={machine.threads}"
    command = ["qemu-system-x86_64", "-machine", "q35", "-cpu", "Skylake-Client-v3", "-accel", "tcg,thread=multi"]
    command += ["-smp", f"{machine.sockets * per_socket},{shape}", "-m", f"{machine.sockets}G", *nodes]
    command += ["-kernel", str(kernel()), "-initrd", str(both), "-append", "console=ttyS0 quiet panic=1"]
    command += ["-nographic", "-no-reboot"]
    for _ in range(BOOTS):
        text = _boot(command, folder / "console")
        if "=== guest\n" in text:
            break
    status = re.search(r"^=== status (\d+)$", text, re.MULTILINE)
    return (int(status[1]) if status else None), text.partition("=== guest\n")[2] or text[-3000:]


def _boot(command: list[str], console: Path) -> str:
    """Run the emulator until it ends, hangs, or its time is over, and return what came on the console."""

    def told() -> str:
        return console.read_bytes().decode("utf-8", "replace").replace("\r", "")

    with (
        open(console, "wb") as out,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT) as guest,
    ):
        began = time.monotonic()
        while guest.poll() is None:
            spent = time.monotonic() - began
            if spent > SECONDS or (spent > BOOT_SECONDS and "=== guest\n" not in told()):
                guest.kill()
            time.sleep(0.5)
    return told()


def _needed(names) -> set[str]:
    """Return distributions and, without extras and what other systems need, those they require."""
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        try:
            requires = metadata.distribution(name).requires or ()
        except metadata.PackageNotFoundError:
            continue  # for another Python or system
        if name.lower() in found:
            continue
        found.add(name.lower())
        todo += [re.split(r"[\s;<>=!~\[(]", r, maxsplit=1)[0] for r in requires if "extra ==" not in r]
    return found


def _libraries(binary: Path) -> list[Path]:
    text = subprocess.run(["ldd", binary], capture_output=True, text=True).stdout
    return [Path(p) for p in re.findall(r"(?:=> |^\s*)(/\S+)", text, re.MULTILINE)]


def _inside(root: Path, path: Path) -> Path:
    return root / str(path).lstrip("/")


def _copy_file(path: Path, root: Path) -> None:
    target = _inside(root, path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        shutil.copy(path, target)


def _archive(root: Path, target: Path) -> Path:
    with open(target, "wb") as file:
        subprocess.run("find . | cpio -o -H newc 2>/dev/null | gzip -1", shell=True, cwd=root, stdout=file, check=True)
    return target
