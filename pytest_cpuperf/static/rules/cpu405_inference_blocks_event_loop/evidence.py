"""What shows that a run holds the event loop up, and what speaks against it."""

from __future__ import annotations

from pytest_cpuperf.static.rules.cpu405_inference_blocks_event_loop.runs import (
    is_generator,
    is_gone_over,
    runs_at_once,
    unproven,
)
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import dotted, last_name
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.torch_code.handlers import Handlers
from pytest_cpuperf.static.torch_code.model_calls import ELSEWHERE, ModelCalls

# What speaks to a model elsewhere, or is asynchronous itself, by what it is made from or how it is named.
_REMOTE = pattern(
    r"(?i)client|openai|anthropic|genai|generativemodel|(?<![a-z])async|http|remote|grpc|triton"
    r"|parser|endpoint|\bapi\b|handle\b|proxy|queue|agent|chain\b|\bllm_?chain|langchain|invoke|ollama"
)
# Functions that are given coroutines, or generators that they run in threads.
_TAKES_COROUTINES = frozenset(
    (
        *("gather", "create_task", "ensure_future", "wait_for", "shield", "run_coroutine_threadsafe", "as_completed"),
        *(
            "iterate_in_threadpool",
            "StreamingResponse",
            "EventSourceResponse",
            "start_soon",
            "run",
            "run_until_complete",
        ),
    )
)
_MAKES = pattern(
    r"_*(?:get|load|build|create|init\w*|make|warm_?up|setup)_?(?:\w*(?:model|pipeline|session|engine)s?)?$"
)


def silent_because(
    module: Module, handlers: Handlers, calls: ModelCalls, function: cst.FunctionDef, call: cst.Call, local: bool
) -> str | None:
    """Return why a call that runs a model is left alone, or None where it is to be reported."""
    if not local:
        return "no library that runs models in this process is imported"
    node: cst.CSTNode = call
    is_argument = False
    for parent in module.parents(call):
        is_argument = is_argument or isinstance(parent, cst.Arg)
        if isinstance(parent, cst.Await) and node is parent.expression and not is_argument:
            return "it is awaited"
        if isinstance(parent, (cst.For, cst.CompFor)) and parent.asynchronous is not None and node is parent.iter:
            return "its results come by async for"
        if isinstance(parent, cst.With) and parent.asynchronous is not None and not module.is_inside(call, parent.body):
            return "it is entered by async with"
        if isinstance(parent, cst.Call) and last_name(parent.func) in _TAKES_COROUTINES | ELSEWHERE:
            return f"it is handed to {last_name(parent.func)}"
        if isinstance(parent, cst.Lambda):
            return "it stands in a lambda, which a thread may run"
        if isinstance(parent, cst.FunctionDef):
            if parent is not function:
                return f"it stands in {parent.name.value}, which a thread may run"
            break
        node = parent
    targets = calls.helpers(call)
    if targets and all(target.asynchronous is not None for target in targets):
        return "it is asynchronous itself"
    if targets and not any(runs_at_once(module, calls, target) for target in targets):
        return "the function that it calls is not seen to run a model itself"
    if targets and all(is_generator(module, target) for target in targets) and not is_gone_over(module, call):
        return "it makes a generator, which is gone over elsewhere"
    if _MAKES.match(last_name(call.func) or ""):
        return "it loads a model, or makes one"
    if _is_remote(module, function, call):
        return "what is called may be a client of another service, or asynchronous"
    if not targets and (missing := unproven(module, calls, call)):
        return missing
    if _iterated_later(module, function, call):
        return "its results come by async for, or are handed to what runs them in a thread"
    if handlers.handler_reaching(function) is None:
        return "no handler is seen to call the function it stands in"
    return None


def _is_remote(module: Module, function: cst.FunctionDef, call: cst.Call) -> bool:
    name = dotted(call.func) or module.code(call.func)
    first = name.split(".")[1] if name.startswith("self.") and name.count(".") > 1 else name.split(".")[0]
    made = [
        module.code(a.value)
        for a in module.nodes(cst.Assign, within=function.body)
        if any(dotted(t.target) == first for t in a.targets)
    ]  # what the function itself binds counts before what the file does
    return any(_REMOTE.search(m.split("(")[0]) for m in (name, *(made or [module.facts.made_from(first)])))


def _iterated_later(module: Module, function: cst.FunctionDef, call: cst.Call) -> bool:
    """Return whether what a call returns is kept, and awaited, iterated with `async for` or handed on later."""
    assign = next((p for p in module.parents(call) if isinstance(p, (cst.Assign, cst.AnnAssign))), None)
    if assign is None or assign.value is not call:
        return False
    targets = [t.target for t in assign.targets] if isinstance(assign, cst.Assign) else [assign.target]
    names = {name for t in targets if (name := dotted(t))}
    for loop in module.nodes(cst.For, within=function.body):
        if loop.asynchronous is not None and dotted(loop.iter) in names:
            return True
    if any(dotted(wait.expression) in names for wait in module.nodes(cst.Await, within=function.body)):
        return True
    if "stream" not in (last_name(call.func) or "").lower():
        return False
    return any(
        last_name(taker.func) in _TAKES_COROUTINES and any(dotted(a.value) in names for a in taker.args)
        for taker in module.nodes(cst.Call, within=function.body)
    )
