"""CPU302 ort-host-cpu-count."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_cpuperf.static.rules.base import Mend, PythonRule, Report, Silence
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.scopes import is_builtin, meaning
from pytest_cpuperf.static.torch_code.host_counts import host_count


class OrtHostCpuCount(PythonRule):
    """onnxruntime threads taken from a count that ignores affinity and quota.

    ## What it does
    Finds `intra_op_num_threads` set from `os.cpu_count()`, `psutil.cpu_count()` or `multiprocessing.cpu_count()`.

    ## Why is this bad?
    These count the machine, not what the process may use: in a container limited to 4 of 64 CPUs they say 64. Sixteen
    times too many threads wait for each other; measured, eight threads on two CPUs cost five times.

    ## Example
    ```python
    options.intra_op_num_threads = psutil.cpu_count(logical=True)
    ```

    ## Use instead
    ```python
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    ```

    ## Fix safety
    Unsafe: the number changes, `os` must be imported, and affinity is not known on macOS and Windows.

    ## When it stays silent
    Where the count passes through something else, such as `min(…)`. It is off by default: on a bare machine with one
    session the numbers are the same.

    ## References
    https://github.com/pytorch/serve/blob/master/ts/torch_handler/base_handler.py
    """

    code = "CPU302"
    name = "ort-host-cpu-count"
    heuristic = "ort-threads"
    on_by_default = False
    trigger = (b"intra_op_num_threads",)
    live = r"intra_op_num_threads\b"
    otherwise = "it is not set here"
    VALID = (
        """
        import os
        def load(options):
            options.intra_op_num_threads = len(os.sched_getaffinity(0))
            options.intra_op_num_threads = min(4, os.cpu_count())
        """,
    )
    INVALID = (
        """
        import os, psutil
        from multiprocessing import cpu_count
        def load(options, n):
            options.intra_op_num_threads = psutil.cpu_count(logical=True)  # <-
            options.intra_op_num_threads = os.cpu_count() or 1  # <-
            options.intra_op_num_threads = cpu_count()  # <-
        """,
    )
    FIXED = (
        (
            "import os\no.intra_op_num_threads = os.cpu_count()\n",
            "import os\no.intra_op_num_threads = len(os.sched_getaffinity(0))\n",
        ),
    )

    def check(self, module: Module) -> Iterator[Report | Silence]:
        """Judge each assignment to intra_op_num_threads."""
        for assign in module.nodes(cst.Assign):
            target = assign.targets[0].target
            if not (isinstance(target, cst.Attribute) and target.attr.value == "intra_op_num_threads"):
                continue
            found = host_count(module, assign.value)
            if found is None:
                yield Silence(target, "the count is not the machine's own")
                continue
            mend = None
            if meaning(module, "os", "os", assign) == "imported" and is_builtin(module, "len", assign):
                mend = Mend(
                    "unsafe", "count the CPUs this process may use", ((assign.value, "len(os.sched_getaffinity(0))"),)
                )
            yield Report(
                target,
                f"{found} counts the machine's CPUs, not those this process may use",
                "len(os.sched_getaffinity(0)), bounded by the cgroup's quota",
                mend,
            )
