"""CPU404 thread-env-after-import."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_cpuperf.static.rules.base import PythonRule, Report, Silence
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import dotted, string_value
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.source.text import Words

_VARIABLE = pattern(
    r"OMP_(NUM_THREADS|PROC_BIND|PLACES|SCHEDULE|WAIT_POLICY|DYNAMIC)|MKL_(NUM_THREADS|DYNAMIC)|KMP_(?!DUPLICATE_LIB_OK|WARNINGS)\w+|GOMP_\w+"
)

_STARTS_PROCESSES = pattern(r"\b(subprocess|multiprocessing|mp|Popen|spawn|Process|ProcessPoolExecutor|exec[lv]\w*)\b")
# Packages whose import loads torch: each was imported and `"torch" in sys.modules` looked at. transformers' and
# optimum's own imports load it later.
_IMPORT_TORCH = frozenset(
    (
        *("torch", "torchvision", "torchaudio", "sentence_transformers", "timm", "lightning", "pytorch_lightning"),
        *("accelerate", "torchmetrics", "kornia", "open_clip", "easyocr", "whisper", "flair", "peft", "diffusers"),
    )
)


class ThreadEnvAfterImport(PythonRule):
    """OMP, MKL or KMP variables set after torch is imported, when they do nothing.

    ## What it does
    Finds `os.environ["OMP_NUM_THREADS"] = …` and its kin (`setdefault`, `update`, `|=`, `putenv`) at the top of a file,
    after torch was imported, by its name or by a package that imports it.

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
    live = r"""["'](?:G?OMP|MKL|KMP)_\w+["']|(?:G?OMP|MKL|KMP)_\w+[ \t]*="""
    otherwise = "the variable is not set here"

    def may_concern(self, words: Words) -> bool:
        """Two words stand for three, and most files hold neither."""
        return (b"MP_" in words or b"MKL_" in words) and super().may_concern(words)

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
        """
        import os, torch
        os.environ.update({"OMP_NUM_THREADS": "4", "MKL_NUM_THREADS": "4"})  # <-
        os.environ.update(OMP_NUM_THREADS="4")  # <-
        os.environ |= {"KMP_BLOCKTIME": "1"}  # <-
        """,
        """
        from os import environ as variables
        if True: from sentence_transformers import SentenceTransformer
        variables["OMP_NUM_THREADS"] = "4"  # <-
        """,
    )

    def check(self, module: Module) -> Iterator[Report | Silence]:
        """Judge each setting of a thread variable."""
        for node, variable in _settings(module):
            importer = _imported_before(module, node)
            because = self._silent_because(module, node, importer)
            if because:
                yield Silence(node, because)
            else:
                by = "" if importer == "torch" else f", by {importer}"
                yield Report(
                    node,
                    f"{variable} is set after torch was imported{by}, when it does nothing",
                    "set it before the import, or call torch.set_num_threads",
                )

    def _silent_because(self, module: Module, node: cst.CSTNode, importer: str | None) -> str | None:
        if module.function_of(node) is not None or module.class_of(node) is not None:
            return "a function may set it for processes that it starts"
        if importer is None:
            return "torch is not imported before it"
        if _STARTS_PROCESSES.search(module.facts.code):
            return "the file starts processes, which read it"
        return None


def _imported_before(module: Module, node: cst.CSTNode) -> str | None:
    """Return the package whose import at the file's own level, before a place, has loaded torch; or None."""
    for statement in module.nodes(cst.Import, cst.ImportFrom):
        if module.function_of(statement) is not None or not module.is_after(node, statement):
            continue
        for imported in _packages(statement):
            first = imported.partition(".")[0]
            if first in _IMPORT_TORCH:
                return first
    return None


def _packages(statement: cst.Import | cst.ImportFrom) -> list[str]:
    if isinstance(statement, cst.ImportFrom):
        return [] if statement.relative else [dotted(statement.module) or ""]
    return [dotted(alias.name) or "" for alias in statement.names]


def _settings(module: Module) -> Iterator[tuple[cst.CSTNode, str]]:
    for assign in module.nodes(cst.Assign):
        target = assign.targets[0].target
        if isinstance(target, cst.Subscript) and _is_environment(module, target.value):
            element = target.slice[0].slice
            variable = _variable(element.value) if isinstance(element, cst.Index) else None
            if variable:
                yield target, variable
    for update in module.nodes(cst.AugAssign):
        if isinstance(update.operator, cst.BitOrAssign) and _is_environment(module, update.target):
            yield from _of_dictionary(update, update.value)
    for call in module.nodes(cst.Call):
        name = module.qualified(call.func) or dotted(call.func) or ""
        if name in ("os.environ.setdefault", "os.putenv", "os.environ.__setitem__") and call.args:
            variable = _variable(call.args[0].value)
            if variable:
                yield call, variable
        if name == "os.environ.update":
            for arg in call.args:
                if arg.keyword is not None and _VARIABLE.fullmatch(arg.keyword.value):
                    yield call, arg.keyword.value
                    break
                found = list(_of_dictionary(call, arg.value))
                if found:
                    yield found[0]
                    break


def _of_dictionary(node: cst.CSTNode, value: cst.BaseExpression) -> Iterator[tuple[cst.CSTNode, str]]:
    """Yield a place, with the first thread variable of a dictionary that is written out."""
    if isinstance(value, cst.Dict):
        variables = (_variable(e.key) for e in value.elements if isinstance(e, cst.DictElement))
        first = next((v for v in variables if v), None)
    elif isinstance(value, cst.Call) and dotted(value.func) == "dict":
        keywords = (a.keyword.value for a in value.args if a.keyword is not None)
        first = next((k for k in keywords if _VARIABLE.fullmatch(k)), None)
    else:
        first = None
    if first:
        yield node, first


def _variable(node: cst.BaseExpression) -> str | None:
    text = string_value(node)
    return text if text and _VARIABLE.fullmatch(text) else None


def _is_environment(module: Module, node: cst.BaseExpression) -> bool:
    return module.qualified(node) == "os.environ" and module.is_imported(node)
