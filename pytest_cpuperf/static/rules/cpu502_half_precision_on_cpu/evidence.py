"""What shows that half precision is computed with on the CPU, and what speaks against it."""

from __future__ import annotations

import re
from functools import lru_cache

from pytest_cpuperf.static.rules.cpu502_half_precision_on_cpu.requests import LOADERS, Request
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import last_name, string_value
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.torch_code.devices import moved_to_cpu, names_cpu, names_other_device, on_cpu
from pytest_cpuperf.static.torch_code.held_models import is_moved_off_cpu, is_run, is_saved, runs_a_model
from pytest_cpuperf.static.torch_code.model_calls import ModelCalls
from pytest_cpuperf.static.torch_code.vocabulary import runs_what_it_is_given

# The author knows what the CPU can do, or asks it.
_KNOWS_CPU = pattern(
    r"\bintel_extension_for_pytorch\b|\bipex\b|\b_is_amx_\w+|\bamx\w*|\bavx512\w*|\bcpuinfo\b|\bget_cpu_capability\b"
)
_KNOWING_WORDS = ("intel_extension_for_pytorch", "ipex", "amx", "avx512", "cpuinfo", "get_cpu_capability")
# A test by which the user of the code chooses the precision.
_CHOOSES = pattern(r"(?i)precision|dtype|bf_?16|fp_?16|bfloat16|float16|\bhalf\b|is_half|use_half|\bamp\b|autocast")
# What a tensor has, and a module has not.
_OF_TENSORS = frozenset(
    (
        *("T", "data", "detach", "numpy", "reshape", "view", "permute", "transpose"),
        *("contiguous", "squeeze", "unsqueeze", "flatten", "clone"),
    )
)
_TRAINS = pattern(r"\.\s*backward\s*\(|\boptim(?:izer)?s?\s*\.\s*step\s*\(|\bTrainer\s*\(|\bGradScaler\b")


@lru_cache(maxsize=8)  # asked for each request of a file
def knows_cpu(facts: Facts) -> bool:
    """Return whether a file asks what its CPU can do, or was written for one that computes in half precision."""
    return any(word in facts.code for word in _KNOWING_WORDS) and _KNOWS_CPU.search(facts.code) is not None


def silent_because(module: Module, calls: ModelCalls, request: Request) -> str | None:
    """Return why a request is left alone, or None where it is to be reported."""
    if knows_cpu(module.facts):
        return "the file asks what the CPU can do, or was written for one that computes in half precision"
    function = module.function_of(request.call)
    if function is not None and function.name.value.startswith("test_"):
        return "it is a test"
    scope = module.code(function) if function is not None else module.facts.code
    if _TRAINS.search(scope):
        return "it trains"
    if any(
        isinstance(p, (cst.If, cst.IfExp)) and _CHOOSES.search(module.code(p.test))
        for p in module.parents(request.call)
    ):
        return "the precision is chosen by a setting"
    return _of_autocast(module, calls, request.call) if request.is_autocast else _of_model(module, request)


def _of_autocast(module: Module, calls: ModelCalls, call: cst.Call) -> str | None:
    if "cpu" not in module.code(call.func) and not _is_for_cpu(module, call):
        return "autocast is for another device, or one that is chosen elsewhere"
    for parent in module.parents(call):
        block = parent.body if isinstance(parent, (cst.With, cst.FunctionDef)) else None
        if block is not None and (isinstance(parent, cst.With) or _decorates(module, call, parent)):
            return None if next(calls.within(block), None) is not None else "no model is seen to run under it"
    return "what runs under it is not seen"


def _is_for_cpu(module: Module, call: cst.Call) -> bool:
    first = call.args[0].value if call.args and call.args[0].keyword is None else None
    return (first is not None and string_value(first) == "cpu") or on_cpu(module, call)


def _decorates(module: Module, call: cst.Call, function: cst.CSTNode) -> bool:
    return isinstance(function, cst.FunctionDef) and any(module.is_inside(call, d) for d in function.decorators)


def _of_model(module: Module, request: Request) -> str | None:
    if _is_of_a_tensor(request.call):
        return "what is converted is a tensor"
    names, runs_at_once = _held_as(module, request.call)
    if not on_cpu(module, request.call):
        if not any(moved_to_cpu(module, request.call, n) for n in names):
            return "no device is named beside it, or another than the CPU"
        if _is_put_elsewhere(module, request.call, names) and not _is_moved_before_it_runs(module, request.call, names):
            return "it runs on another device, and is moved to the CPU when it is done"
    facts = module.facts
    if any(is_saved(facts, n) for n in names):
        return "the model is saved or converted"
    if any(is_moved_off_cpu(facts, n) for n in names):
        return "the model is moved to another device as well"
    if any(re.search(rf"\b{re.escape(n)}\s*\.\s*float\s*\(|\b{re.escape(n)}[^\n=]*float32", facts.code) for n in names):
        return "the model is turned to full precision, too"
    if not (runs_at_once or any(is_run(facts, n) for n in names)):
        return "nothing here shows that what is converted is a model that runs on the CPU"
    return None


def _is_of_a_tensor(call: cst.Call) -> bool:
    """Return whether the chain that a call ends was a tensor on its way: `layer.weight.detach().half()`."""
    chain: cst.BaseExpression = call.func.value if isinstance(call.func, cst.Attribute) else call
    first = chain
    while isinstance(chain, (cst.Call, cst.Attribute)):
        if isinstance(chain, cst.Call):
            chain = chain.func
            continue
        name = chain.attr.value
        if name in _OF_TENSORS and (name != "data" or chain is first):
            return True
        chain = chain.value
    return False


def _is_put_elsewhere(module: Module, call: cst.Call, names: set[str]) -> bool:
    """Return whether what makes a model, in the function around a call, puts it on another device than the CPU."""
    scope: cst.CSTNode = module.function_of(call) or module.tree
    made = [a for a in module.nodes(cst.Assign, within=scope) if any(last_name(t.target) in names for t in a.targets)]
    return any(names_other_device(module, a.value) for a in made)


def _is_moved_before_it_runs(module: Module, call: cst.Call, names: set[str]) -> bool:
    """Return whether the function around a call moves a model to the CPU and runs it after that, or leaves it there."""
    function = module.function_of(call)
    moved = ran = False
    for other in module.nodes(cst.Call, within=function or module.tree):
        if module.function_of(other) is not function:
            continue
        receiver = other.func.value if isinstance(other.func, cst.Attribute) else None
        method = last_name(other.func) or ""
        is_held = receiver is not None and last_name(receiver) in names
        if is_held and names_cpu(module, other):
            moved = True
        elif method in names or (is_held and runs_a_model(method)) or _is_handed(other, names):
            if moved:
                return True
            ran = True
    return moved and not ran


def _is_handed(call: cst.Call, names: set[str]) -> bool:
    """Return whether a function that runs what it is given is handed a model."""
    return runs_what_it_is_given(last_name(call.func) or "") and any(last_name(a.value) in names for a in call.args)


def _held_as(module: Module, call: cst.Call) -> tuple[set[str], bool]:
    """Return the names under which a model is held that a call loads or converts, and whether it is run at once."""
    names: set[str] = set()
    receiver = call.func.value if isinstance(call.func, cst.Attribute) else None
    while isinstance(receiver, cst.Call):
        receiver = receiver.func.value if isinstance(receiver.func, cst.Attribute) else None
    if isinstance(receiver, (cst.Name, cst.Attribute)) and last_name(call.func) not in LOADERS:
        names.add(last_name(receiver) or "")
    node: cst.CSTNode = call
    for parent in module.parents(call):
        if isinstance(parent, (cst.Assign, cst.AnnAssign, cst.NamedExpr)):
            targets = [t.target for t in parent.targets] if isinstance(parent, cst.Assign) else [parent.target]
            names |= {name for t in targets if (name := last_name(t))}
            return names - {""}, False
        if isinstance(parent, cst.Call) and node is parent.func and isinstance(node, cst.Call):
            return names - {""}, True
        if isinstance(parent, (cst.FunctionDef, cst.Arg)):
            break
        node = parent
    return names - {""}, False
