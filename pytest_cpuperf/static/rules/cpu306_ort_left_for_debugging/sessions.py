"""Whether a session that gets a setting serves, or is one of a script that compares or measures."""

from __future__ import annotations

import re

from pytest_cpuperf.static.ort_code.held_sessions import Keeper, kept_by
from pytest_cpuperf.static.ort_code.session_options import SESSION
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.chunks import Chunk
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import argument, dotted, last_name
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.torch_code.vocabulary import words

# What code does that is not serving: it may look closer, or keep graphs as they are.
NOT_SERVING = frozenset(
    (
        *("test", "tests", "bench", "benchmark", "benchmarks", "profile", "profiler", "profiling", "prof", "perf"),
        *("verify", "verification", "check", "validate", "validation", "compare", "export", "exporter", "convert"),
        *("converter", "conversion", "quantize", "quantization", "quantizer", "calibrate", "calibration", "debug"),
        *("optimize", "optimizer", "optimise", "trace", "parity", "accuracy", "evaluate", "evaluation", "experiment"),
        *("measure", "timeit"),
    )
)
# What a function is given that reads a model's values to quantize it.
CALIBRATES = frozenset({"calibration", "calibrator", "calib", "quantizer"})
_RUNS = pattern(r"\.\s*run(?:_with_iobinding)?\s*\(")
# A loop without an end, or a function within a function, which may answer requests.
_GOES_ON = pattern(r"\bwhile\b|(?m:^[ \t]+(?:async[ \t]+)?def\b)|\b(?:uvicorn|app|server|asyncio)\s*\.\s*run\b")


def is_compared(module: Module, assign: cst.Assign, function: cst.FunctionDef | None) -> bool:
    """Return whether one model has a session that gets a setting and one beside it that gets another value, or none."""
    by_model: dict[str, list[cst.Call]] = {}
    for call in module.nodes(cst.Call, within=function or module.tree):
        model = argument(call, "path_or_bytes", 0)
        if module.qualified(call.func) == SESSION and module.function_of(call) is function and model is not None:
            by_model.setdefault(module.code(model), []).append(call)
    for calls in by_model.values():
        given = [(call, _set_before(module, call, assign)) for call in calls]
        own = [call for call, setting in given if setting is assign]
        others = [c for c, other in given if other is None or module.code(other.value) != module.code(assign.value)]
        if any(_stand_beside(module, call, other) for call in own for other in others):
            return True
    return False


def _set_before(module: Module, call: cst.Call, like: cst.Assign) -> cst.Assign | None:
    """Return what sets, for a session's options, the attribute that another assignment sets; the last before it."""
    options, setting = dotted(argument(call, "sess_options", 1)), like.targets[0].target
    assert isinstance(setting, cst.Attribute)
    last = None
    for assign in module.nodes(cst.Assign, within=module.function_of(call) or module.tree):
        if options is None or module.number(assign) > module.number(call):
            break
        target = dotted(assign.targets[0].target)
        if target == options:
            last = None  # made anew
        elif target == f"{options}.{setting.attr.value}":
            last = assign
    return last


def _stand_beside(module: Module, call: cst.Call, other: cst.Call) -> bool:
    """Return whether two sessions are there at once: under different names, or in one dictionary or list."""
    held, others_held = ({module.code(t) for t in _held_as(module, c)} for c in (call, other))
    if not held or not others_held:
        return False
    together = module.around(call, cst.Assign)
    in_one = together is not None and module.is_inside(other, together) and not isinstance(together.value, cst.IfExp)
    return held.isdisjoint(others_held) or in_one


def is_kept(module: Module, options: cst.BaseExpression, scope: cst.CSTNode, around: cst.ClassDef | None) -> bool:
    """Return whether options go to a session that is returned, stored or global."""
    name = dotted(options)
    if name is None:
        return False
    for call in module.nodes(cst.Call, within=around if name.startswith("self.") and around is not None else scope):
        if module.qualified(call.func) != SESSION or dotted(argument(call, "sess_options", 1)) != name:
            continue
        if isinstance(scope, cst.Module):
            if _serves_from_top(module, call):
                return True
            continue
        keeper = kept_by(module, call)
        if isinstance(keeper, cst.Return):
            return True
        if keeper is not None and _is_stored(module, keeper, scope):
            return True
    return False


def _is_stored(module: Module, keeper: Keeper, scope: cst.CSTNode) -> bool:
    """Return whether what keeps a session in a function outlives it: an attribute, a global, what is returned."""
    if isinstance(keeper, cst.Call):
        if not isinstance(keeper.func, cst.Attribute):
            return True  # setattr(self, name, session)
        targets = [keeper.func.value]
    elif isinstance(keeper, (cst.Assign, cst.AnnAssign)):
        targets = _targets(keeper)
    else:
        around = module.around(keeper, cst.Assign)
        targets = _targets(around) if around is not None else []
    if any(isinstance(t, (cst.Attribute, cst.Subscript)) for t in targets):
        return True
    held = {dotted(t) for t in targets}
    shared = {n.name.value for g in module.nodes(cst.Global, within=scope) for n in g.names}
    return bool(held & shared) or _leaves(module, scope, held)


def _serves_from_top(module: Module, call: cst.Call) -> bool:
    """Return whether a session of a module's own level may serve: not where the script runs or measures it and ends."""
    if module.function_of(call) is not None:
        return True
    held = {name for t in _held_as(module, call) if (name := dotted(t.value if isinstance(t, cst.Subscript) else t))}
    held |= _looped(module, held)
    if any(_uses_global(chunk, name) for name in held for chunk in module.facts.outline.chunks):
        return True
    if isinstance(module.parent(call), cst.Attribute) or any(
        isinstance(p, cst.Call) and NOT_SERVING & set(words(last_name(p.func) or "")) for p in module.parents(call)
    ):
        return False
    for other in module.nodes(cst.Call):
        if module.function_of(other) is not None or any(isinstance(p, cst.While) for p in module.parents(other)):
            continue
        called = dotted(other.func) or ""
        if called.endswith((".run", ".run_with_iobinding")) and called.rpartition(".")[0] in held:
            return False
        if any(dotted(a.value) in held for a in other.args) and (
            NOT_SERVING & set(words(called)) or _runs_and_returns(module, called)
        ):
            return False
    return True


def _looped(module: Module, held: set[str]) -> set[str]:
    """Return the names that a loop of the module's own level gives what is held: `for s in (encoder, decoder)`."""
    found = set()
    for loop in module.nodes(cst.For):
        names = module.nodes(cst.Name, within=loop.iter)
        if module.function_of(loop) is None and any(n.value in held for n in names):
            found |= {n.value for n in module.nodes(cst.Name, within=loop.target)}
    return found


def _uses_global(chunk: Chunk, name: str) -> bool:
    """Return whether a function uses a name of the module, which none of its parameters hides."""
    name = re.escape(name)
    is_parameter = re.search(rf"\bdef\s+\w+\s*\([^)]*\b{name}\b", chunk.code) is not None
    return not is_parameter and re.search(rf"\b{name}\b", chunk.code) is not None


def _runs_and_returns(module: Module, name: str) -> bool:
    """Return whether a function of the file runs a session and comes back: nothing in it goes on to serve."""
    chunks = module.facts.outline.functions.get(name, ())
    return any(_RUNS.search(c.code) and not _GOES_ON.search(c.code) for c in chunks)


def _held_as(module: Module, call: cst.Call) -> list[cst.BaseExpression]:
    """Return what a session is bound to where it is built."""
    assign = next((p for p in module.parents(call) if isinstance(p, (cst.Assign, cst.AnnAssign))), None)
    return _targets(assign) if assign is not None else []


def _targets(assign: cst.Assign | cst.AnnAssign) -> list[cst.BaseExpression]:
    return [t.target for t in assign.targets] if isinstance(assign, cst.Assign) else [assign.target]


def _leaves(module: Module, scope: cst.CSTNode, held: set[str | None]) -> bool:
    """Return whether what is held under a name is returned, stored or built into something that is."""
    for node in module.nodes(cst.Name, within=scope):
        keeper = kept_by(module, node) if node.value in held else None
        if isinstance(keeper, cst.Return):
            return True
        if isinstance(keeper, cst.Assign) and module.is_inside(node, keeper.value):
            if any(isinstance(t, (cst.Attribute, cst.Subscript)) for t in _targets(keeper)):
                return True
    return False
