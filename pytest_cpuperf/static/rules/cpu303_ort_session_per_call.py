"""CPU303 ort-session-per-call."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_cpuperf.static.rules.base import PythonRule, Report, Silence
from pytest_cpuperf.static.source.lazy_libcst import cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import last_name

_REQUEST_METHODS = frozenset(
    {"handle", "inference", "predict", "predict_batch", "__call__", "forward", "infer", "embed"}
)
_ROUTES = frozenset({"get", "post", "put", "route", "websocket", "api_view"})
_CACHES = frozenset({"cache", "lru_cache", "cached_property", "cache_resource", "singleton", "st_cache", "memoize"})


class OrtSessionPerCall(PythonRule):
    """A session built inside a loop or a per-request function.

    ## What it does
    Finds `onnxruntime.InferenceSession(…)` built in a loop over other things than models, in a route of a web
    framework, or in a method that answers requests.

    ## Why is this bad?
    Building a session reads the model, optimises its graph and starts a thread pool: hundreds of times the work of one
    small inference.

    ## Example
    ```python
    class Handler:
        def predict(self, feeds):
            return onnxruntime.InferenceSession(self.path).run(None, feeds)
    ```

    ## Use instead
    ```python
    class Handler:
        def __init__(self, path):
            self.session = onnxruntime.InferenceSession(path, options)
        def predict(self, feeds):
            return self.session.run(None, feeds)
    ```

    ## When it stays silent
    Where the session depends on the loop's variable (several models, several settings), is kept under an
    `if … is None`, or the function is cached.

    ## References
    https://onnxruntime.ai/docs/performance/tune-performance/threading.html
    """

    code = "CPU303"
    name = "ort-session-per-call"
    heuristic = "ort-threads"
    trigger = (b"InferenceSession",)
    live = r"(?<!\w)InferenceSession\b"

    def may_concern(self, data: bytes) -> bool:
        """The class is onnxruntime's, so the file says its name."""
        return b"onnxruntime" in data and super().may_concern(data)

    VALID = (
        """
        import onnxruntime as ort
        def load(paths, options):
            return [ort.InferenceSession(p, options) for p in paths]
        class Handler:
            def predict(self, x, options):
                if self.session is None:
                    self.session = ort.InferenceSession(self.path, options)
                return self.session.run(None, x)
        """,
    )
    INVALID = (
        """
        import onnxruntime as ort
        def run(path, batches, options):
            for batch in batches:
                ort.InferenceSession(path, options).run(None, batch)  # <-
        class Handler:
            def predict(self, x, options):
                return ort.InferenceSession(self.path, options).run(None, x)  # <-
        @app.post("/embed")
        def embed(body, options):
            return ort.InferenceSession("m.onnx", options).run(None, body)  # <-
        """,
    )

    def check(self, module: Module) -> Iterator[Report | Silence]:
        """Judge each session that is built."""
        for call in module.nodes(cst.Call):
            if module.qualified(call.func) != "onnxruntime.InferenceSession" or not module.is_imported(call.func):
                continue
            because, where = self._judge(module, call)
            if where is not None:
                yield Report(call, f"the session is built anew {where}", "build it once and keep it")
            else:
                yield Silence(call, because)

    def _judge(self, module: Module, call: cst.Call) -> tuple[str, str | None]:
        used = {n.value for n in module.nodes(cst.Name, within=call)}
        looped = False
        for parent in module.parents(call):
            if isinstance(parent, cst.If):
                test = module.code(parent.test)
                if " is None" in test or test.startswith("not ") or " not in " in test:
                    return "it is built once and kept", None
            if isinstance(parent, cst.For):
                if used & {n.value for n in module.nodes(cst.Name, within=parent.target)}:
                    return "each turn of the loop builds another session", None
                looped = looped or module.is_inside(call, parent.body)
            if isinstance(parent, cst.While):
                return "it may be built again on purpose, as after an error", None
            if isinstance(parent, cst.FunctionDef):
                return self._judge_function(module, parent, looped)
        return ("", "in each turn of the loop") if looped else ("it is built once, when the file is imported", None)

    def _judge_function(self, module: Module, function: cst.FunctionDef, looped: bool) -> tuple[str, str | None]:
        for decorator in function.decorators:
            name = last_name(decorator.decorator) or ""
            if name in _CACHES:
                return "the function is cached", None
            if name in _ROUTES and isinstance(decorator.decorator, cst.Call):
                return "", f"for each request to {function.name.value}"
        if looped:
            return "", "in each turn of the loop"
        if module.class_of(function) is not None and function.name.value in _REQUEST_METHODS:
            return "", f"in each call of {function.name.value}"
        return "nothing shows that it is built more than once", None
