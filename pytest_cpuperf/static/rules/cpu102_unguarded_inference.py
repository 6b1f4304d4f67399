"""CPU102 unguarded-inference."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_cpuperf.static.rules.base import PythonRule, Report, Silence
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.chunks import Chunk
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import dotted, last_name
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.torch_code.guards import guarded
from pytest_cpuperf.static.torch_code.model_calls import ModelCalls
from pytest_cpuperf.static.torch_code.screening import may_run_model

_METHODS = frozenset({"handle", "inference", "predict", "predict_batch", "embed", "encode"})
_CLASS = pattern(r"(?:Handler|Predictor|Service|Servicer|Embedder)$")
# These carry a guard of their own.
_GUARDED_METHODS = frozenset({"generate", "encode", "predict", "embed", "transcribe", "translate"})


class UnguardedInference(PythonRule):
    """A handler's or predictor's forward under neither `inference_mode` nor `no_grad`.

    ## What it does
    Finds, in classes named as handlers, predictors or services are, methods that answer requests and call a torch
    model with no gradient guard around the call.

    ## Why is this bad?
    Autograd then records every operation of every request: memory grows with the model's depth, and each operator
    costs more.

    ## Example
    ```python
    class Handler:
        def handle(self, rows):
            return self.model(self.prepare(rows)).tolist()
    ```

    ## Use instead
    ```python
    class Handler:
        @torch.inference_mode()
        def handle(self, rows):
            return self.model(self.prepare(rows)).tolist()
    ```

    ## When it stays silent
    Where a guard is around the call or on the method, where the file switches gradients off, where the method trains,
    and for calls that carry a guard of their own, as `generate` does. A guard in a caller elsewhere cannot be seen:
    that is why the rule is off by default.

    ## References
    https://docs.pytorch.org/docs/stable/notes/autograd.html#inference-mode
    """

    code = "CPU102"
    name = "unguarded-inference"
    heuristic = "inference-mode"
    on_by_default = False
    trigger = (b"Handler", b"Predictor", b"Service", b"Embedder")
    live = r"class[ \t]+\w*(?:Handler|Predictor|Service|Servicer|Embedder)\b"
    VALID = (
        """
        import torch
        class Handler:
            @torch.inference_mode()
            def handle(self, rows):
                return self.model(rows)
            def predict(self, rows):
                with torch.no_grad():
                    return self.model(rows)
        """,
        """
        import onnxruntime
        class Predictor:
            def predict(self, rows):
                return self.session.run(None, rows)
        """,
    )
    INVALID = (
        """
        import torch
        class EmbeddingHandler:
            def handle(self, rows):
                return self.model(rows).tolist()  # <-
        """,
    )

    def may_report(self, facts: Facts) -> bool:
        """A file with no request method that may run a model has nothing to report."""
        return _uses_torch(facts) and any(c.name in _METHODS and may_run_model(c, facts) for c in _of_handlers(facts))

    def needed(self, chunks: set[Chunk], facts: Facts) -> set[Chunk]:
        """All methods of classes so named, and what they call."""
        return facts.outline.closure(chunks | _of_handlers(facts))

    def check(self, module: Module) -> Iterator[Report | Silence]:
        """Judge each request method of a handler."""
        calls = ModelCalls(module)
        for function in module.nodes(cst.FunctionDef):
            around = module.class_of(function)
            if around is None or not _CLASS.search(around.name.value) or function.name.value not in _METHODS:
                continue
            if module.function_of(function) is not None:
                continue
            for call in calls.within(function.body):
                if (
                    calls.helper(call) is not None
                    or _is_inherited(call.func)
                    or (isinstance(call.func, cst.Attribute) and last_name(call.func) in _GUARDED_METHODS)
                ):
                    continue
                because = self._silent_because(module, function, call)
                if because:
                    yield Silence(call, because)
                else:
                    yield Report(
                        call,
                        f"{module.code(call.func)} runs with autograd recording",
                        "decorate the method with @torch.inference_mode()",
                    )

    def _silent_because(self, module: Module, function: cst.FunctionDef, call: cst.Call) -> str | None:
        if not _uses_torch(module.facts):
            return "the file does not use torch"
        if guarded(module, call):
            return "a guard is around it"
        if re.search(r"set_grad_enabled\s*\(\s*False|requires_grad_\s*\(\s*False", module.facts.code):
            return "the file switches gradients off"
        if re.search(r"\.\s*backward\s*\(", module.code(function)):
            return "the method trains"
        return None


def _uses_torch(facts: Facts) -> bool:
    return any(full.split(".")[0] == "torch" for full in facts.imports.values())


def _of_handlers(facts: Facts) -> set[Chunk]:
    """Return the methods of the classes that are named as handlers are."""
    return {c for c in facts.outline.chunks if c.owner is not None and _CLASS.search(c.owner.name)}


def _is_inherited(function: cst.BaseExpression) -> bool:
    """Return whether a call is `super().method`, which has a guard of its own or is told where it is written."""
    return (
        isinstance(function, cst.Attribute)
        and isinstance(function.value, cst.Call)
        and dotted(function.value.func) == "super"
    )
