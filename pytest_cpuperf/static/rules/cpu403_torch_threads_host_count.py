"""CPU403 torch-threads-host-count."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_cpuperf.static.rules.base import Mend, PythonRule, Report, Silence
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.scopes import is_builtin, meaning
from pytest_cpuperf.static.torch_code.host_counts import host_count

_SETTERS = frozenset({"torch.set_num_threads", "torch.set_num_interop_threads"})


class TorchThreadsHostCount(PythonRule):
    """`torch.set_num_threads(os.cpu_count())` and its kin.

    ## What it does
    Finds torch thread counts taken from a count of the machine's CPUs.

    ## Why is this bad?
    The count ignores affinity and quota: in a container limited to 4 of 64 CPUs torch runs 64 threads on 4. torch's own
    default respects affinity already.

    ## Example
    ```python
    torch.set_num_threads(os.cpu_count())
    ```

    ## Use instead
    ```python
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    ```

    ## Fix safety
    Unsafe: the number changes, and affinity is not known on macOS and Windows.

    ## When it stays silent
    Where the count passes through something else. It is off by default: on a bare machine the numbers differ only by
    hyperthreads.

    ## References
    https://docs.pytorch.org/docs/stable/notes/cpu_threading_torchscript_inference.html
    """

    code = "CPU403"
    name = "torch-threads-host-count"
    heuristic = "core-pinning"
    on_by_default = False
    trigger = (b"set_num_threads", b"set_num_interop_threads")
    live = (r"set_num_threads\b", r"set_num_interop_threads\b")
    otherwise = "it is not set here"
    VALID = (
        """
        import os, torch
        torch.set_num_threads(4)
        torch.set_num_threads(len(os.sched_getaffinity(0)))
        """,
    )
    INVALID = (
        """
        import os, torch, psutil
        torch.set_num_threads(os.cpu_count())  # <-
        torch.set_num_interop_threads(psutil.cpu_count(logical=False) or 1)  # <-
        """,
    )
    FIXED = (
        (
            "import os, torch\ntorch.set_num_threads(os.cpu_count())\n",
            "import os, torch\ntorch.set_num_threads(len(os.sched_getaffinity(0)))\n",
        ),
    )

    def check(self, module: Module) -> Iterator[Report | Silence]:
        """Judge each call that sets torch's threads."""
        for call in module.nodes(cst.Call):
            if module.qualified(call.func) not in _SETTERS or not module.is_imported(call.func) or not call.args:
                continue
            value = call.args[0].value
            found = host_count(module, value)
            if found is None:
                yield Silence(call, "the count is not the machine's own")
                continue
            mend = None
            if meaning(module, "os", "os", call) == "imported" and is_builtin(module, "len", call):
                mend = Mend("unsafe", "count the CPUs this process may use", ((value, "len(os.sched_getaffinity(0))"),))
            yield Report(
                call,
                f"{found} counts the machine's CPUs, not those this process may use",
                "len(os.sched_getaffinity(0)), or leave torch its default",
                mend,
            )
