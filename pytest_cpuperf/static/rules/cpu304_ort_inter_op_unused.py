"""CPU304 ort-inter-op-unused."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_cpuperf.static.rules.base import PythonRule, Report, Silence
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import dotted


class OrtInterOpUnused(PythonRule):
    """`inter_op_num_threads` without `ORT_PARALLEL`.

    ## What it does
    Finds session options on which `inter_op_num_threads` is set above 1 while the execution mode stays sequential.

    ## Why is this bad?
    The default mode runs one operator after another and never looks at the setting: whoever set it believes in threads
    that do not exist.

    ## Example
    ```python
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = 4
    ```

    ## Use instead
    ```python
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 4
    ```

    ## When it stays silent
    Where the options come from elsewhere, `execution_mode` is set in the same scope, or the number is 0 or 1.

    ## References
    https://onnxruntime.ai/docs/performance/tune-performance/threading.html
    """

    code = "CPU304"
    name = "ort-inter-op-unused"
    heuristic = "ort-threads"
    trigger = (b"inter_op_num_threads",)
    live = r"inter_op_num_threads\b"
    otherwise = "it is not set here"
    VALID = (
        """
        import onnxruntime as ort
        def load(given):
            a = ort.SessionOptions()
            a.inter_op_num_threads = 2
            a.execution_mode = ort.ExecutionMode.ORT_PARALLEL
            b = ort.SessionOptions()
            b.inter_op_num_threads = 1
            given.inter_op_num_threads = 4
        """,
    )
    INVALID = (
        """
        import onnxruntime as ort
        def load(path):
            options = ort.SessionOptions()
            options.inter_op_num_threads = 4  # <-
            return ort.InferenceSession(path, options)
        """,
    )

    def check(self, module: Module) -> Iterator[Report | Silence]:
        """Judge each assignment to inter_op_num_threads."""
        for assign in module.nodes(cst.Assign):
            target = assign.targets[0].target
            if not (isinstance(target, cst.Attribute) and target.attr.value == "inter_op_num_threads"):
                continue
            because = self._silent_because(module, assign, dotted(target.value))
            if because:
                yield Silence(target, because)
            else:
                yield Report(
                    target,
                    "the sequential execution mode never uses inter_op_num_threads",
                    "set intra_op_num_threads, or execution_mode = ORT_PARALLEL where the graph has parallel branches",
                )

    def _silent_because(self, module: Module, assign: cst.Assign, name: str | None) -> str | None:
        if isinstance(assign.value, cst.Integer) and assign.value.value in ("0", "1"):
            return "0 and 1 ask for no threads"
        scope: cst.CSTNode = module.function_of(assign) or module.tree
        made = [
            a
            for a in module.nodes(cst.Assign, within=scope)
            if name is not None and any(dotted(t.target) == name for t in a.targets)
        ]
        fresh = [a.value for a in made if isinstance(a.value, cst.Call)]
        if not fresh or any(module.qualified(call.func) != "onnxruntime.SessionOptions" for call in fresh):
            return "the options come from elsewhere"
        for node in module.nodes(cst.Attribute, within=scope):
            if node.attr.value == "execution_mode" and dotted(node.value) == name:
                return "the execution mode is set too"
        return None
