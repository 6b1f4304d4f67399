"""Parameters and modules that are made, updated, loaded or moved under a guard."""

from __future__ import annotations

from functools import lru_cache

from pytest_cpuperf.static.rules.cpu101_no_grad_inference.case import Case
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import dotted, last_name
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.torch_code.dataflow import assigned_names
from pytest_cpuperf.static.torch_code.training import trains
from pytest_cpuperf.static.torch_code.vocabulary import makes_parameters, words

# `nn.Parameter(self.cache_keys.t())`: what the object was given by a method becomes a parameter in another.
_PARAMETER_OF_ATTRIBUTE = pattern(r"Parameter(?<!\wParameter)\s*\(\s*self\s*\.\s*(\w+)")
_IN_PLACE = pattern(r"[a-z]\w*[a-z0-9]_")
_PARAMETER_WORDS = frozenset(
    [
        "weight",
        "weights",
        "bias",
        "biases",
        "param",
        "params",
        "parameter",
        "parameters",
        "buffer",
        "buffers",
        "embed",
        "p",
        "ema",
    ]
)
_CALIBRATES = frozenset(["fit", "calibrate", "calibration"])
_MOVES = frozenset({"half", "bfloat16", "float", "double", "to", "cuda", "cpu", "to_empty", "quantize"})
_WITH_PARAMETERS = (
    *(
        "Linear",
        "Conv",
        "Embedding",
        "LSTM",
        "GRU",
        "RNN",
        "Transformer",
        "Multihead",
        "Bilinear",
        "PReLU",
        "BatchNorm",
    ),
    *("LayerNorm", "GroupNorm", "InstanceNorm", "RMSNorm", "Lazy", "Parameter", "Sequential", "Module"),
)
_LOADS = frozenset(
    [
        "from_pretrained",
        "load_state_dict",
        "load_adapter",
        "load_pretrained",
        "load_weights",
        "load_from_checkpoint",
        "add_adapter",
        "merge_and_unload",
        "fuse_lora",
        "load_lora_weights",
        "resize_token_embeddings",
        "tie_weights",
        "init_weights",
        "reset_parameters",
    ]
)


def touches_parameters(case: Case) -> str | None:
    """Return how the guarded code makes, initialises or updates parameters."""
    name = set(words(case.function.name.value)) if case.function is not None else set()
    if case.function is not None and makes_parameters(case.function.name.value):
        return "it makes or initialises parameters"
    if name & _CALIBRATES and _sets_attributes(case):
        return "it calibrates: its results become parameters"
    for call in case.module.nodes(cst.Call, within=case.body):
        function = call.func
        full = case.module.qualified(function) or ""
        if full.startswith(("torch.nn.init.", "nn.init.", "init.")):
            return "it initialises parameters"
        if full in ("torch.nn.Parameter", "torch.nn.parameter.Parameter", "torch.nn.Buffer"):
            return "it makes parameters"
        if not isinstance(function, cst.Attribute):
            continue
        method = function.attr.value
        if method in ("register_buffer", "register_parameter"):
            return "it makes parameters or buffers"
        if _IN_PLACE.fullmatch(method) and _is_parameter(case, function.value):
            return f"it updates parameters or buffers in place ({method})"
        if method == "step" and "optim" in (last_name(function.value) or ""):
            return "it takes an optimizer step"
    for assign in case.module.nodes(cst.Assign, cst.AugAssign, within=case.body):
        targets = [t.target for t in assign.targets] if isinstance(assign, cst.Assign) else [assign.target]
        for target in targets:
            written = target.value if isinstance(target, cst.Subscript) else target
            if isinstance(written, cst.Attribute) and written.attr.value in ("data", "weight", "bias"):
                return f"it writes to .{written.attr.value}"
            if isinstance(target, cst.Subscript) and _is_parameter(case, written):
                return "it writes into parameters or buffers"
    return _put_into_model(case) or _results_become_parameters(case)


def _put_into_model(case: Case) -> str | None:
    """Return which result is handed to a model to keep: `model.set_prompts(mean)`."""
    returned = case.module.nodes(cst.Return, cst.Yield, within=case.function or case.body)
    if any(r.value is not None and case.module.function_of(r) is case.function for r in returned):
        return None  # it answers: what it keeps beside is its own affair
    computed = case.outputs
    for call in case.module.nodes(cst.Call, within=case.body):
        if not isinstance(call.func, cst.Attribute) or not case.calls.is_model(call.func.value):
            continue
        if words(call.func.attr.value)[:1] in (["set"], ["register"], ["initialize"], ["init"]):
            given = {n.value for a in call.args for n in case.module.nodes(cst.Name, within=a.value)}
            if given & computed:
                return f"its results become part of the model ({call.func.attr.value})"
    return None


def _sets_attributes(case: Case) -> bool:
    return any(
        isinstance(target.target, cst.Attribute)
        for assign in case.module.nodes(cst.Assign, within=case.body)
        for target in assign.targets
    )


@lru_cache(maxsize=4)
def _attributes_made_parameters(facts: Facts) -> frozenset[str]:
    code = facts.code
    return frozenset(_PARAMETER_OF_ATTRIBUTE.findall(code) if "Parameter" in code else ())


def _results_become_parameters(case: Case) -> str | None:
    if case.function is None:
        return None
    names = assigned_names(case.module, case.body)
    if _attributes_made_parameters(case.module.facts) & {
        n.value for n in case.module.nodes(cst.Name, within=case.body)
    }:
        return "its results become parameters"
    for call in _calls_of_parameter(case.module, case.function):
        if case.module.is_after(call, case.body):
            read = {n.value for n in case.module.nodes(cst.Name, within=call)}
            if read & names.keys() or case.model_calls:
                return "its results become parameters"
    return None


@lru_cache(maxsize=16)  # asked for each guard of a function
def _calls_of_parameter(module: Module, function: cst.FunctionDef) -> list[cst.Call]:
    names = ("torch.nn.Parameter", "torch.nn.parameter.Parameter")
    return [call for call in module.nodes(cst.Call, within=function) if module.qualified(call.func) in names]


def _is_parameter(case: Case, node: cst.CSTNode) -> bool:
    """Return whether an expression reads as a parameter or buffer: `case.weight`, `p.data`, `case.running_mean`."""
    while isinstance(node, (cst.Subscript, cst.Call)):
        node = node.value if isinstance(node, cst.Subscript) else node.func
    name = dotted(node) or last_name(node) or ""
    parts = name.split(".")
    if parts[0] in case.loop_parameters:
        return True
    if len(parts) == 1 and _is_computed(case, name):
        return False  # arithmetic on what was computed here
    if any(set(words(part)) & _PARAMETER_WORDS for part in parts) or "data" in parts[1:]:
        return True
    return len(parts) > 1 and parts[0] == "self"


def _is_computed(case: Case, name: str) -> bool:
    """Return whether a local name is bound in the guarded code to what a call or arithmetic made."""
    values = assigned_names(case.module, case.body).get(name, [])
    return bool(values) and all(
        isinstance(v, (cst.Call, cst.BinaryOperation)) and not _reads_parameters(case, v) for v in values
    )


def _reads_parameters(case: Case, value: cst.BaseExpression) -> bool:
    named = {n.attr.value for n in case.module.nodes(cst.Attribute, within=value)}
    return bool(named & {"weight", "bias", "data", "parameters", "state_dict", "named_parameters", "buffers"})


def builds_or_moves_modules(case: Case) -> str | None:
    """Return how the guarded code builds or loads modules, or converts one that may be trained later."""
    for call in case.module.nodes(cst.Call, within=case.body):
        function = call.func
        name = last_name(function) or ""
        if name in _LOADS:
            owner = last_name(function.value) if isinstance(function, cst.Attribute) else ""
            if not {"tokenizer", "processor", "config"} & set(words(owner or "")):
                return f"it loads or builds modules ({name})"
        full = case.module.qualified(function) or ""
        last = full.rsplit(".", 1)[-1]
        if full.startswith("torch.nn.") and last.startswith(_WITH_PARAMETERS):
            return f"it builds modules ({name})"
        if full == "torch.load":
            return "it loads weights (torch.load)"
        if isinstance(function, cst.Attribute) and name in _MOVES and _is_module(case, function.value):
            if _is_handed_on(case, call) or trains(case.module.facts):
                return f"it moves or converts a module ({name}): its parameters would become inference tensors"
    return None


def _is_handed_on(case: Case, call: cst.Call) -> bool:
    """Return whether a moved module leaves the guarded code: it is returned, with nothing run."""
    return isinstance(case.module.parent(call), cst.Return)


def _is_module(case: Case, node: cst.CSTNode) -> bool:
    if not isinstance(node, (cst.Name, cst.Attribute)):
        return False
    if isinstance(node, cst.Name) and node.value == "self":
        around = case.module.class_of(case.guard.holder)
        return around is not None and "to" not in {
            f.name.value for f in case.module.nodes(cst.FunctionDef, within=around)
        }
    return case.calls.is_model(node)
