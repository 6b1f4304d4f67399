"""Where a session's options come from, and whether they may carry a thread setting."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_cpuperf.static.ort_code.providers import gpu_only
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import argument, dotted, has_unpacking, string_value
from pytest_cpuperf.static.source.patterns import pattern

SESSION = "onnxruntime.InferenceSession"
OPTIONS = "onnxruntime.SessionOptions"
_VARIABLE = pattern(r"""["']ORT_INTRA_OP_NUM_THREADS["']""")
_COUNTS_CPUS = pattern(r"(?:\w+\s*\.\s*)?cpu_count\([^()]*\)(?:\s*or\s*\d+)?")
_GLOBAL_POOLS = pattern(r"\b(set_global_thread_pool_sizes|use_global_thread_pools|disable_per_session_threads)\b")


@dataclass(frozen=True)
class Asked:
    """What is asked about a session's options."""

    what: str
    """In words: `threads`."""
    attribute: str
    """The attribute of the options that sets it."""
    entries: tuple[str, ...]
    """The session config entries that set it."""
    value: str | None = None
    """The value that the attribute must be given; None for any."""


THREADS = Asked(
    "threads", "intra_op_num_threads", ("session.intra_op_thread_affinities", "session.use_per_session_threads")
)
# A session of one thread has no pool that could spin.
SPINNING = Asked(
    "spinning",
    "intra_op_num_threads",
    ("session.intra_op.allow_spinning", "session.intra_op.spin_duration_us", "session.force_spinning_stop"),
    value="1",
)


def set_for_all(module: Module) -> str | None:
    """Return how the file sets threads for all its sessions, or None."""
    if _VARIABLE.search(module.facts.text):
        return "the file sets ORT_INTRA_OP_NUM_THREADS"
    if _GLOBAL_POOLS.search(module.facts.code):
        return "the file uses global thread pools"
    return None


def silent_because(module: Module, call: cst.Call, asked: Asked = THREADS) -> str | None:
    """Return why a session may have what is asked about set, or None where it has not."""
    if has_unpacking(call):
        return "unpacked arguments may hold options"
    if gpu_only(module, call, argument(call, "providers", 2)):
        return "it runs on GPU providers only"
    options = argument(call, "sess_options", 1)
    if options is None or (isinstance(options, cst.Name) and options.value == "None"):
        return None
    if _is_fresh(module, options):
        return None
    if isinstance(options, cst.Name):
        return _judge_name(module, call, options.value, asked)
    if isinstance(options, cst.Attribute):
        return _judge_attribute(module, call, options, asked)
    return "the options come from elsewhere"


def _is_fresh(module: Module, value: cst.BaseExpression) -> bool:
    return isinstance(value, cst.Call) and module.qualified(value.func) == OPTIONS


def _judge_name(module: Module, call: cst.CSTNode, name: str, asked: Asked) -> str | None:
    function = module.function_of(call)
    scope: cst.CSTNode = function if function is not None else module.tree
    if function is not None and any(p.name.value == name for p in module.nodes(cst.Param, within=function.params)):
        return "the options come from a parameter"
    values = [
        a.value
        for a in module.nodes(cst.Assign, cst.AnnAssign, within=scope)
        if a.value is not None and name in {dotted(t) for t in _targets(a)}
    ]
    if not values:
        if function is None:
            return "the options come from elsewhere"
        if module.function_of(function) is not None:
            return _judge_name(module, function, name, asked)  # a function within the one that makes them
        return _judge_module_options(module, name, asked)
    if not all(_is_fresh(module, v) for v in values):
        return "the options come from elsewhere"
    return _may_be_set(module, scope, name, asked)


def _judge_module_options(module: Module, name: str, asked: Asked) -> str | None:
    """Options made at the top of the file and used in a function of it."""
    values = [
        a.value
        for a in module.nodes(cst.Assign)
        if module.function_of(a) is None and name in {dotted(t) for t in _targets(a)}
    ]
    if not values or not all(_is_fresh(module, v) for v in values):
        return "the options come from elsewhere"
    return _may_be_set(module, module.tree, name, asked)


def _judge_attribute(module: Module, call: cst.Call, options: cst.Attribute, asked: Asked) -> str | None:
    name = dotted(options)
    around = module.class_of(call)
    if name is None or around is None or not name.startswith("self."):
        return "the options come from elsewhere"
    values = [a.value for a in module.nodes(cst.Assign, within=around) if name in {dotted(t) for t in _targets(a)}]
    if not values or not all(_is_fresh(module, v) for v in values):
        return "the options are an attribute set elsewhere"
    return _may_be_set(module, around, name, asked)


def sets_spinning(module: Module, call: cst.Call) -> bool:
    """Return whether options of this call, or of its function, say whether threads spin."""
    scope: cst.CSTNode = module.function_of(call) or module.tree
    return any(
        dotted(c.func) is not None
        and (dotted(c.func) or "").endswith(".add_session_config_entry")
        and bool(c.args)
        and (string_value(c.args[0].value) or "").endswith("allow_spinning")
        for c in module.nodes(cst.Call, within=scope)
    )


def _targets(assign: cst.Assign | cst.AnnAssign) -> list[cst.BaseExpression]:
    return [t.target for t in assign.targets] if isinstance(assign, cst.Assign) else [assign.target]


def _may_be_set(module: Module, scope: cst.CSTNode, name: str, asked: Asked) -> str | None:
    """Return why options called `name` may set what is asked about, or None where the scope does not."""
    for node in module.nodes(cst.Attribute, within=scope):
        if node.attr.value == asked.attribute and dotted(node.value) == name and _is_given(module, node, asked.value):
            given = _value_given(module, node)
            if asked.value is None:
                return f"its options set {asked.attribute}"
            sure = isinstance(given, cst.Integer)
            return f"its options set {asked.attribute}{' = ' if sure else ', which may be '}{asked.value}"
    for call in module.nodes(cst.Call, within=scope):
        function = dotted(call.func) or ""
        if function == f"{name}.add_session_config_entry" and call.args:
            key = string_value(call.args[0].value)
            if key is None or key in asked.entries:
                return f"its options set a session entry for {asked.what}"
        if function in (f"{name}.add_provider_for_devices", f"{name}.set_provider_selection_policy"):
            return "its options choose the devices it runs on"
        first = dotted(call.args[0].value) if call.args else None
        if function == "setattr" and first == name:
            key = string_value(call.args[1].value) if len(call.args) > 1 else None
            if key in (None, asked.attribute):
                return f"setattr may set its {asked.what}"
        elif module.qualified(call.func) != SESSION and any(dotted(a.value) == name for a in call.args):
            return f"its options are handed to {function or 'a function'}, which may set {asked.what}"
    return None


def _is_given(module: Module, node: cst.Attribute, value: str | None) -> bool:
    """Return whether an attribute is given a value, or one that is not told; any counts where none is asked for."""
    if value is None:
        return True
    given = _value_given(module, node)
    if given is None:
        return True
    if isinstance(given, cst.Integer):
        return given.value == value
    return _COUNTS_CPUS.fullmatch(module.code(given)) is None  # no machine worth a thought has one


def _value_given(module: Module, node: cst.CSTNode) -> cst.BaseExpression | None:
    """Return what an assignment gives to an attribute; None where it is none."""
    assign = next((p for p in module.parents(node) if isinstance(p, (cst.Assign, cst.AnnAssign))), None)
    return assign.value if assign is not None else None
