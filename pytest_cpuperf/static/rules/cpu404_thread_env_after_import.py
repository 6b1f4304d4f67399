"""CPU404 thread-env-after-import."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_cpuperf.static.rules.base import PythonRule, Report, Silence
from pytest_cpuperf.static.source.lazy_libcst import cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import dotted, string_value

_VARIABLE = re.compile(
    r"OMP_(NUM_THREADS|PROC_BIND|PLACES|SCHEDULE|WAIT_POLICY|DYNAMIC)|MKL_(NUM_THREADS|DYNAMIC)|KMP_(?!DUPLICATE_LIB_OK|WARNINGS)\w+|GOMP_\w+"
)


class ThreadEnvAfterImport(PythonRule):
    """OMP, MKL or KMP variables set after torch is imported, when they do nothing.

    ## What it does
    Finds `os.environ["OMP_NUM_THREADS"] = …` and its kin at the top of a file, after `import torch`.

    ## Why is this bad?
    The OpenMP and MKL runtimes read these variables once, when torch's libraries are loaded. Set later they change
    nothing in this process, and whoever set them believes otherwise.

    ## Example
    ```python
    import torch
    os.environ["OMP_NUM_THREADS"] = "4"
    ```

    ## Use instead
    ```python
    os.environ["OMP_NUM_THREADS"] = "4"
    import torch
    ```
    or `torch.set_num_threads(4)`, which works at any time.

    ## When it stays silent
    In functions, which may set them for processes they start; where torch is not imported at the top of the file
    before; where the file starts processes.

    ## References
    https://docs.pytorch.org/docs/stable/threading_environment_variables.html
    """

    code = "CPU404"
    name = "thread-env-after-import"
    heuristic = "core-pinning"
    trigger = (b"OMP_", b"MKL_", b"KMP_")
    live = r"""["'](?:G?OMP|MKL|KMP)_\w+["']"""
    VALID = (
        """
        import os
        os.environ["OMP_NUM_THREADS"] = "4"
        import torch
        """,
        """
        import os, torch
        def spawn(n):
            os.environ["OMP_NUM_THREADS"] = str(n)
        print(os.environ["OMP_NUM_THREADS"])
        """,
        """
        import os, torch, subprocess
        os.environ["OMP_NUM_THREADS"] = "1"
        subprocess.run(["worker"])
        """,
        """
        import os
        import torch
        os.environ["KMP_DUPLICATE_LIB_OK"] = "TRUE"  # read when a second OpenMP is loaded, not by torch's own
        """,
    )
    INVALID = (
        """
        import os
        import torch
        os.environ["OMP_NUM_THREADS"] = "4"  # <-
        os.environ.setdefault("KMP_AFFINITY", "compact")  # <-
        """,
    )

    def check(self, module: Module) -> Iterator[Report | Silence]:
        """Judge each setting of a thread variable."""
        for node, variable in _settings(module):
            because = self._silent_because(module, node)
            if because:
                yield Silence(node, because)
            else:
                yield Report(
                    node,
                    f"{variable} is set after torch was imported, when it does nothing",
                    "set it before the import, or call torch.set_num_threads",
                )

    def _silent_because(self, module: Module, node: cst.CSTNode) -> str | None:
        if module.function_of(node) is not None or module.class_of(node) is not None:
            return "a function may set it for processes that it starts"
        imported = [
            i
            for i in module.nodes(cst.Import, cst.ImportFrom)
            if module.function_of(i) is None
            and re.match(r"(import|from) torch\b", module.code(i))
            and module.is_after(node, i)
        ]
        if not imported:
            return "torch is not imported before it"
        if re.search(
            r"\b(subprocess|multiprocessing|mp|Popen|spawn|Process|ProcessPoolExecutor|exec[lv]\w*)\b",
            module.facts.code,
        ):
            return "the file starts processes, which read it"
        return None


def _settings(module: Module) -> Iterator[tuple[cst.CSTNode, str]]:
    for assign in module.nodes(cst.Assign):
        target = assign.targets[0].target
        if isinstance(target, cst.Subscript) and module.qualified(target.value) == "os.environ":
            element = target.slice[0].slice
            variable = string_value(element.value) if isinstance(element, cst.Index) else None
            if variable and _VARIABLE.fullmatch(variable):
                yield target, variable
    for call in module.nodes(cst.Call):
        name = module.qualified(call.func) or dotted(call.func) or ""
        if name in ("os.environ.setdefault", "os.putenv", "os.environ.__setitem__") and call.args:
            variable = string_value(call.args[0].value)
            if variable and _VARIABLE.fullmatch(variable):
                yield call, variable
