"""CPU303 ort-session-per-call."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_cpuperf.static.rules.base import PythonRule, Report, Silence
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.chunks import Chunk
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import dotted, last_name
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.source.text import Words
from pytest_cpuperf.static.torch_code.handlers import Handlers, with_callers

_REQUEST_METHODS = frozenset(
    {"handle", "inference", "predict", "predict_batch", "__call__", "forward", "infer", "embed"}
)
_CACHES = frozenset({"cache", "lru_cache", "cached_property", "cache_resource", "singleton", "st_cache", "memoize"})
_KEEPERS = frozenset({"append", "add", "put", "put_nowait", "insert", "setdefault", "appendleft", "setattr", "update"})
# A test that asks whether something is there already.
_ASKS_FOR_PRESENCE = pattern(r"\bNone\b|\bnot\b|\bin\b|\bhasattr\b|\.get\s*\(|\bFalse\b")


class OrtSessionPerCall(PythonRule):
    """A session built inside a loop or a per-request function.

    ## What it does
    Finds `onnxruntime.InferenceSession(…)` built in a loop over other things than models, or in what answers requests:
    routes, views, tasks, handlers of model servers and cloud functions, methods such as `predict`, and functions that
    these call in the same file.

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
    Where the session depends on the loop's variable (several models, several settings), where it is kept and the
    function asks first whether it is there (`if … is None`, an early return, `except AttributeError`, `or`, a flag),
    where a loop ends with the first session it gets, and where the function is cached.

    ## References
    https://onnxruntime.ai/docs/performance/tune-performance/threading.html
    """

    code = "CPU303"
    name = "ort-session-per-call"
    heuristic = "ort-threads"
    trigger = (b"InferenceSession",)
    live = r"(?<!\w)InferenceSession\b"
    otherwise = "the class is named, not built, here"

    def may_concern(self, words: Words) -> bool:
        """The class is onnxruntime's, so the file says its name."""
        return b"onnx" in words and b"onnxruntime" in words and super().may_concern(words)

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

    def needed(self, chunks: set[Chunk], facts: Facts) -> set[Chunk]:
        """Also the functions that call those in which sessions are built: they may answer requests."""
        return with_callers(chunks, facts)

    def check(self, module: Module) -> Iterator[Report | Silence]:
        """Judge each session that is built."""
        handlers = Handlers(module)
        for call in module.nodes(cst.Call):
            if module.qualified(call.func) != "onnxruntime.InferenceSession" or not module.is_imported(call.func):
                continue
            because, where = _judge(module, handlers, call)
            if where is not None:
                yield Report(call, f"the session is built anew {where}", "build it once and keep it")
            else:
                yield Silence(call, because)


def _judge(module: Module, handlers: Handlers, call: cst.Call) -> tuple[str, str | None]:
    """Return why a session is left alone, or where it is built again and again."""
    looped = False
    function = module.function_of(call)
    if function is not None and _is_kept_once(module, function, call):
        return "it is built once and kept", None
    for parent in module.parents(call):
        if isinstance(parent, cst.While):
            return "it may be built again on purpose, as after an error", None
        if isinstance(parent, cst.For):
            if _depends_on(module, call, parent):
                return "each turn of the loop builds another session", None
            if module.is_inside(call, parent.body):
                if _ends_loop(module, call, parent):
                    return "the loop ends with the first session that is built", None
                if _stores(module, parent, call):
                    return "each turn's session is kept", None
                looped = True
        if isinstance(parent, cst.FunctionDef):
            return _judge_function(module, handlers, parent, looped)
    return ("", "in each turn of the loop") if looped else ("it is built once, when the file is imported", None)


def _judge_function(
    module: Module, handlers: Handlers, function: cst.FunctionDef, looped: bool
) -> tuple[str, str | None]:
    if any(last_name(d.decorator) in _CACHES for d in function.decorators):
        return "the function is cached", None
    if looped:
        return "", "in each turn of the loop"
    name = function.name.value
    if module.class_of(function) is not None and name in _REQUEST_METHODS:
        return "", f"in each call of {name}"
    handler = handlers.handler_reaching(function)
    if handler is function:
        return "", f"for each request to {name}"
    if handler is not None and not _returns(module, function):
        return "", f"for each request to {handler.name.value}, which calls {name}"
    return "nothing shows that it is built more than once", None


def _is_kept_once(module: Module, function: cst.FunctionDef, call: cst.Call) -> bool:
    """Return whether a session is stored beyond the call, where the function first asks whether it is there."""
    places = _stores(module, function, call)
    if not places:
        return False
    for parent in module.parents(call):
        if parent is function:
            break
        if isinstance(parent, cst.If) and _asks_for(module, function, parent.test, places):
            return True
        if isinstance(parent, cst.IfExp) and _asks_for(module, function, parent.test, places):
            return True
        if isinstance(parent, (cst.ExceptHandler, cst.BooleanOperation)):
            return True
    # `if self.session is not None: return …` before it
    return any(
        not module.is_inside(call, early)
        and module.is_after(call, early)
        and bool(module.nodes(cst.Return, cst.Raise, within=early.body))
        and _asks_for(module, function, early.test, places)
        for early in module.nodes(cst.If, within=function.body)
    )


def _asks_for(module: Module, function: cst.FunctionDef, test: cst.BaseExpression, places: set[str]) -> bool:
    """Return whether a test asks for what is kept, or for a flag that the function sets beside it."""
    flags = {
        last_name(t.target)
        for a in module.nodes(cst.Assign, within=function.body)
        for t in a.targets
        if isinstance(t.target, cst.Attribute)
    }
    code = module.code(test)
    named = {n.value for n in module.nodes(cst.Name, within=test)}
    return bool(named & (places | flags)) or _ASKS_FOR_PRESENCE.search(code) is not None


def _stores(module: Module, within: cst.CSTNode, call: cst.Call) -> set[str]:
    """Return the names of what a session is stored in beyond its block: attributes, containers, globals."""
    places: set[str] = set()
    held: set[str] = set()
    shared = {n.name.value for g in module.nodes(cst.Global, cst.Nonlocal, within=within) for n in g.names}
    for assign in module.nodes(cst.Assign, cst.AnnAssign, cst.NamedExpr, within=within):
        value = assign.value
        if value is None or not (module.is_inside(call, value) or dotted(value) in held):
            continue
        if isinstance(value, cst.Call) and value is not call and not _hands_on(value, call):
            continue  # what is kept is what the session said
        targets = [t.target for t in assign.targets] if isinstance(assign, cst.Assign) else [assign.target]
        for target in targets:
            name = last_name(target) or ""
            if isinstance(target, (cst.Attribute, cst.Subscript)) or name in shared:
                places.add(name)
            else:
                held.add(name)
    for keeper in module.nodes(cst.Call, within=within):
        if last_name(keeper.func) in _KEEPERS and any(
            arg.value is call or dotted(arg.value) in held for arg in keeper.args
        ):
            owner = keeper.func.value if isinstance(keeper.func, cst.Attribute) else keeper.args[0].value
            places.add(last_name(owner) or "")
    return places


def _hands_on(value: cst.Call, call: cst.Call) -> bool:
    """Return whether a call wraps a session in something that keeps it: `Wrapper(InferenceSession(…))`."""
    return any(arg.value is call for arg in value.args)


def _depends_on(module: Module, call: cst.Call, loop: cst.For) -> bool:
    """Return whether what a session is built of depends on a loop's variable, directly or by names set in its body."""
    varying = {n.value for n in module.nodes(cst.Name, within=loop.target)}
    assigns = module.nodes(cst.Assign, within=loop.body)
    for _ in range(len(assigns) + 1):
        before = len(varying)
        for assign in assigns:
            if varying & {n.value for n in module.nodes(cst.Name, within=assign.value)}:
                varying |= {n.value for t in assign.targets for n in module.nodes(cst.Name, within=t.target)}
        if len(varying) == before:
            break
    used = {n.value for arg in call.args for n in module.nodes(cst.Name, within=arg.value)}
    return bool(used & (varying - {"self"}))


def _ends_loop(module: Module, call: cst.Call, loop: cst.For) -> bool:
    """Return whether a loop is left once a session was built: by `return`, or by `break` after it."""
    for ending in module.nodes(cst.Return, cst.Break, within=loop.body):
        if module.function_of(ending) is not module.function_of(loop):
            continue
        if module.is_inside(call, ending):
            return True
        inner = next((p for p in module.parents(ending) if isinstance(p, (cst.For, cst.While))), None)
        if inner is not loop or not module.is_after(ending, call):
            continue
        if not any(isinstance(p, cst.If) and not module.is_inside(call, p) for p in module.parents(ending)):
            return True
    return False


def _returns(module: Module, function: cst.FunctionDef) -> bool:
    """Return whether a function hands a session it builds to its caller, who may keep it."""
    held = {
        last_name(t.target)
        for a in module.nodes(cst.Assign, within=function.body)
        if isinstance(a.value, cst.Call) and last_name(a.value.func) == "InferenceSession"
        for t in a.targets
    }
    for ending in module.nodes(cst.Return, within=function.body):
        value = ending.value
        if value is None:
            continue
        if isinstance(value, cst.Call) and last_name(value.func) == "InferenceSession":
            return True
        elements = [e.value for e in value.elements] if isinstance(value, cst.Tuple) else [value]
        if any(dotted(e) in held for e in elements):
            return True
    return False
