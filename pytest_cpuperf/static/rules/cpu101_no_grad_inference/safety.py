"""Whether a fix is safe: no tensor that inference mode would mark outlives the guarded code.

Proven by an allow-list of what consumes a tensor without keeping it. A metric, a queue, a callback, `setattr` or `out=`
may keep one, and what is kept raises where it meets autograd later: all that is not on the list makes a fix unsafe.
"""

from __future__ import annotations

from collections.abc import Iterable

from pytest_cpuperf.static.rules.cpu101_no_grad_inference.case import Case
from pytest_cpuperf.static.rules.cpu101_no_grad_inference.results import leaves_only_plain_data
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.names import last_name
from pytest_cpuperf.static.torch_code.dataflow import assigned_names, is_plain
from pytest_cpuperf.static.torch_code.vocabulary import words

_BUILTINS = frozenset(
    (
        *("abs", "all", "any", "bool", "dict", "enumerate", "float", "format", "hasattr", "int", "isinstance"),
        *("len", "list", "max", "min", "next", "iter", "print", "range", "repr", "reversed", "round", "set"),
        *("sorted", "str", "sum", "tuple", "type", "zip"),
    )
)
# On a tensor that was made here; on anything else a method of that name may do as it likes.
_TENSOR_METHODS = frozenset(
    (
        *("abs", "all", "amax", "amin", "any", "argmax", "argmin", "argsort", "bfloat16", "bool", "chunk", "clamp"),
        *("clone", "contiguous", "cpu", "cuda", "cumsum", "detach", "dim", "div", "double", "eq", "exp", "expand"),
        *("flatten", "float", "gather", "ge", "gt", "half", "index_select", "int", "isnan", "item", "le", "log"),
        *("log_softmax", "long", "lt", "masked_fill", "matmul", "max", "mean", "median", "min", "mul", "narrow"),
        *("ne", "nonzero", "norm", "numel", "numpy", "permute", "pow", "prod", "repeat", "reshape", "round"),
        *("sigmoid", "size", "softmax", "sort", "split", "sqrt", "squeeze", "std", "sub", "sum", "t", "tanh", "to"),
        *("tolist", "topk", "transpose", "type", "unbind", "unsqueeze", "var", "view", "view_as", "where"),
    )
)
_READS = frozenset(["get", "items", "keys", "values"])
_TOKENIZERS = frozenset(["tokenizer", "tokenizers", "tokenize", "tok", "processor", "extractor"])
_FUNCTIONS = ("torch.nn.functional.", "torch.special.", "torch.linalg.", "torch.fft.", "numpy.", "math.")


def is_safe(case: Case) -> bool:
    """Return whether nothing but plain data leaves the guarded code, by name, by return or by a call."""
    return leaves_only_plain_data(case) and _keeps_nothing(case, case.body, frozenset(), frozenset())


def _keeps_nothing(case: Case, body: cst.CSTNode, given: frozenset[str], seen: frozenset[int]) -> bool:
    """Return whether nothing in some code may keep a tensor: one that is made in it, or one of the names `given`."""
    module = case.module
    if module.nodes(cst.Lambda, cst.FunctionDef, cst.ClassDef, cst.Yield, cst.Global, cst.Nonlocal, within=body):
        return False  # what they do, and when, is not known
    made = _tensor_names(case, body, given)
    for assign in module.nodes(cst.Assign, cst.AnnAssign, cst.AugAssign, within=body):
        targets = [t.target for t in assign.targets] if isinstance(assign, cst.Assign) else [assign.target]
        outside = any(not isinstance(t, (cst.Name, cst.Tuple)) for t in targets)
        if outside and assign.value is not None and _may_hold(case, [assign.value], made):
            return False
    return all(_call_keeps_nothing(case, call, made, seen) for call in module.nodes(cst.Call, within=body))


def _call_keeps_nothing(case: Case, call: cst.Call, made: frozenset[str], seen: frozenset[int]) -> bool:
    if any(a.keyword is not None and a.keyword.value == "out" for a in call.args):
        return False
    if case.calls.runs_model(call):
        helper = case.calls.helper(call)
        if helper is None or helper.name.value == "forward" or id(helper) in seen:
            return True
        parameters = frozenset(p.name.value for p in case.module.nodes(cst.Param, within=helper.params))
        return _keeps_nothing(case, helper.body, parameters - {"self", "cls"}, seen | {id(helper)})
    if _consumes(case, call, made):
        return True
    # Unknown: it may keep what it is given, and the tensor it is a method of.
    receiver = [call.func.value] if isinstance(call.func, cst.Attribute) else []
    return not _may_hold(case, [*receiver, *(a.value for a in call.args)], made)


def _consumes(case: Case, call: cst.Call, made: frozenset[str]) -> bool:
    """Return whether what is called is known to keep nothing of what it is given."""
    function = call.func
    name = last_name(function) or ""
    if isinstance(function, cst.Name) and name in _BUILTINS and name not in case.module.functions:
        return True
    full = case.module.qualified(function) or ""
    if case.module.is_imported(function):
        plain_torch = full.startswith("torch.") and full.count(".") == 1 and full != "torch.save"
        return (plain_torch or full.startswith(_FUNCTIONS)) and not name.endswith("_")
    if not isinstance(function, cst.Attribute):
        return bool(_TOKENIZERS & set(words(name)))
    if _TOKENIZERS & {*words(name), *words(last_name(function.value) or "")} or name in _READS:
        return True
    return name in _TENSOR_METHODS and _may_hold(case, [function.value], made)


def _tensor_names(case: Case, body: cst.CSTNode, given: frozenset[str]) -> frozenset[str]:
    """Return the names `given`, and those bound to what may hold a tensor that is made in some code.

    What else there is was made before it, outside inference mode.
    """
    bound: dict[str, list[cst.BaseExpression]] = dict(assigned_names(case.module, body))
    for loop in case.module.nodes(cst.CompFor, within=body):
        for name in case.module.nodes(cst.Name, within=loop.target):
            bound.setdefault(name.value, []).append(loop.iter)
    made = given
    while True:
        found = made | {name for name, values in bound.items() if _may_hold(case, values, made)}
        if found == made:
            return made
        made = found


def _may_hold(case: Case, values: Iterable[cst.CSTNode], made: frozenset[str]) -> bool:
    """Return whether one of some expressions may hold a tensor that was made in the guarded code."""
    for value in values:
        if is_plain(case.module, value):
            continue
        if any(name.value in made for name in case.module.nodes(cst.Name, within=value)):
            return True
        for call in case.module.nodes(cst.Call, within=value):
            name = last_name(call.func) or ""
            builtin = isinstance(call.func, cst.Name) and name in _BUILTINS
            if not builtin and not is_plain(case.module, call) and not _TOKENIZERS & set(words(name)):
                return True
    return False
