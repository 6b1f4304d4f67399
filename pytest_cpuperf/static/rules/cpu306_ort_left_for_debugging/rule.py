"""Profiling on, or an optimization level below ALL, left in code that serves."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_cpuperf.static.rules.base import Mend, PythonRule, Report, Silence
from pytest_cpuperf.static.rules.cpu306_ort_left_for_debugging.sessions import (
    CALIBRATES,
    NOT_SERVING,
    is_compared,
    is_kept,
)
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.chunks import Chunk
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import dotted, last_name
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.source.text import Words
from pytest_cpuperf.static.torch_code.vocabulary import words

_NOT_KEPT = "the session is not kept, or a script runs it and ends: nothing shows that it serves"
_LEVELS = frozenset({"ORT_DISABLE_ALL", "ORT_ENABLE_BASIC", "ORT_ENABLE_EXTENDED"})
_ON_PURPOSE = pattern(
    r"\bend_profiling\b|\bprofile_file_prefix\b|\boptimized_model_filepath\b|\bregister_custom_ops_library\b"
    r"|\bgraph\s*\.\s*output\s*\.\s*(?:append|extend|add|insert)\b"
)
_OTHER_PROVIDERS = pattern(
    r"\b(?!CPU|CUDA|ROCM|Dml)\w+ExecutionProvider\b|\badd_provider(?:_for_devices)?\b|\bhas_trt\b"
)


class OrtLeftForDebugging(PythonRule):
    """Profiling on, or an optimization level below ALL, left in code that serves.

    ## What it does
    Finds `enable_profiling = True` and `graph_optimization_level` set to `ORT_DISABLE_ALL`, `ORT_ENABLE_BASIC` or
    `ORT_ENABLE_EXTENDED` on `onnxruntime.SessionOptions` whose session is kept: returned, stored in an attribute or a
    container, or global.

    ## Why is this bad?
    Profiling writes an event for each operator of each run into a file that grows without end. Levels below ALL leave
    out fusions and memory layouts that the default has: it is ALL.

    ## Example
    ```python
    options = onnxruntime.SessionOptions()
    options.enable_profiling = True
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    self.session = onnxruntime.InferenceSession(path, options)
    ```

    ## Use instead
    ```python
    options = onnxruntime.SessionOptions()
    self.session = onnxruntime.InferenceSession(path, options)
    ```

    ## Fix safety
    Safe for profiling, which changes no result. Unsafe for the level: fused operators change results in their last
    digits.

    ## When it stays silent
    Where it is set on a condition, where the profile is read (`end_profiling`, `profile_file_prefix`), the optimized
    graph is saved or outputs are added to the graph, where another provider optimises graphs itself (TensorRT,
    OpenVINO, QNN, …), where the session is not kept (only its inputs are read, or a function is given it), or a script
    runs it and ends, where one model has a session with the setting and one without, and in code that tests, measures,
    calibrates, exports, converts or compares.

    ## References
    https://onnxruntime.ai/docs/performance/model-optimizations/graph-optimizations.html
    https://onnxruntime.ai/docs/performance/tune-performance/profiling-tools.html
    """

    code = "CPU306"
    name = "ort-left-for-debugging"
    heuristic = None
    trigger = (b"enable_profiling", b"ORT_DISABLE_ALL", b"ORT_ENABLE_BASIC", b"ORT_ENABLE_EXTENDED")
    live = r"\benable_profiling\b|\bORT_(?:DISABLE_ALL|ENABLE_BASIC|ENABLE_EXTENDED)\b"
    otherwise = "it is not switched on here"

    def may_concern(self, words: Words) -> bool:
        """The options are onnxruntime's, so the file says its name."""
        return b"onnx" in words and b"onnxruntime" in words and super().may_concern(words)

    def needed(self, chunks: set[Chunk], facts: Facts) -> set[Chunk]:
        """The other methods of their classes, too: one may build the session."""
        return chunks | {s for c in chunks for s in facts.outline.siblings(c)}

    VALID = (
        """
        import onnxruntime as ort
        def load(path, profile):
            options = ort.SessionOptions()
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
            if profile:
                options.enable_profiling = True
            return ort.InferenceSession(path, options)
        def optimize(path, out):
            options = ort.SessionOptions()
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
            options.optimized_model_filepath = out
            ort.InferenceSession(path, options)
        """,
    )
    INVALID = (
        """
        import onnxruntime as ort
        class Embedder:
            def __init__(self, path):
                options = ort.SessionOptions()
                options.enable_profiling = True  # <-
                options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL  # <-
                self.session = ort.InferenceSession(path, options)
        """,
    )
    FIXED = (
        (
            "import onnxruntime as ort\no = ort.SessionOptions()\no.enable_profiling = True\n"
            "o.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC\n"
            "session = ort.InferenceSession(path, o)\n",
            "import onnxruntime as ort\no = ort.SessionOptions()\no.enable_profiling = False\n"
            "o.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL\n"
            "session = ort.InferenceSession(path, o)\n",
        ),
    )

    def check(self, module: Module) -> Iterator[Report | Silence]:
        """Judge each such setting."""
        for assign in module.nodes(cst.Assign):
            target = assign.targets[0].target
            if not isinstance(target, cst.Attribute):
                continue
            setting, value = target.attr.value, assign.value
            if setting == "enable_profiling" and dotted(value) == "True":
                message, help_ = (
                    "profiling is left on: each run is written to a file",
                    "leave it off, or set it on demand",
                )
                mend = Mend("safe", "switch profiling off", ((value, "False"),))
            elif (
                setting == "graph_optimization_level"
                and isinstance(value, cst.Attribute)
                and last_name(value) in _LEVELS
            ):
                message = f"graphs are optimised less than by default ({last_name(value)})"
                help_ = "leave the level out: the default is ORT_ENABLE_ALL"
                mend = Mend("unsafe", "optimise graphs as by default", ((value.attr, "ORT_ENABLE_ALL"),))
            else:
                continue
            because = _silent_because(module, assign, target.value, setting)
            yield Silence(assign, because) if because else Report(assign, message, help_, mend)
        for mention in module.nodes(cst.Attribute):
            if mention.attr.value in _LEVELS and not any(
                isinstance(p, cst.Assign) and p.value is mention for p in module.parents(mention)
            ):
                yield Silence(mention, "the level is chosen elsewhere, or is none that a session gets here")


def _silent_because(module: Module, assign: cst.Assign, options: cst.BaseExpression, setting: str) -> str | None:
    function = module.function_of(assign)
    around = module.class_of(assign)
    scope: cst.CSTNode = function or module.tree
    for parent in module.parents(assign):
        if parent is function:
            break
        if isinstance(parent, (cst.If, cst.ExceptHandler, cst.Else)):
            return "it is set on a condition"
    named = [n.name.value for n in (function, around) if n is not None]
    named += [last_name(base.value) or "" for base in around.bases] if around is not None else []
    given = [p.name.value for p in module.nodes(cst.Param, within=function.params)] if function is not None else []
    if any(NOT_SERVING & set(words(name)) for name in named) or any(CALIBRATES & set(words(p)) for p in given):
        return "the code tests, measures or converts: it does not serve"
    if _ON_PURPOSE.search(module.facts.code):
        return "it is set on purpose: the profile or the optimised graph is kept, or operators or outputs are added"
    if setting == "graph_optimization_level" and _OTHER_PROVIDERS.search(module.code(around or scope)):
        return "another provider may optimise the graph itself"
    if is_compared(module, assign, function):
        return "one model has a session with it and one without: they are compared"
    return None if is_kept(module, options, scope, around) else _NOT_KEPT
