"""Where the values of a guarded block go: names assigned in it, and what is done with them afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import dotted, last_name

# Methods and functions whose result is no tensor any more.
_PLAIN_METHODS = frozenset({"item", "tolist", "numpy"})
_PLAIN_FUNCTIONS = frozenset({"float", "int", "str", "bool", "len", "print", "list"})
# What makes text of ids, or ids of scores: a result, though it may be a tensor still.
_DECIDES = frozenset(
    (
        *("argmax", "topk", "multinomial", "generate", "decode", "batch_decode", "post_process", "postprocess", "cpu"),
        *(
            "softmax",
            "sigmoid",
            "log_softmax",
            "argsort",
            "round",
            "sort",
            "convert_ids_to_tokens",
            "to_dict",
            "sample",
        ),
        *("predict", "transcribe", "translate", "beam_search"),
    )
)


@lru_cache(maxsize=32)  # asked for each place in a function
def assigned_names(module: Module, within: cst.CSTNode) -> dict[str, list[cst.BaseExpression]]:
    """Return the local names bound inside a node, each with the values it is bound to."""
    names: dict[str, list[cst.BaseExpression]] = {}
    for assign in module.nodes(cst.Assign, cst.AnnAssign, cst.AugAssign, cst.NamedExpr, within=within):
        if assign.value is None:
            continue
        targets = [t.target for t in assign.targets] if isinstance(assign, cst.Assign) else [assign.target]
        for target in targets:
            for name in _bound(target):
                names.setdefault(name, []).append(assign.value)
    for with_item in module.nodes(cst.For, within=within):
        for name in _bound(with_item.target):
            names.setdefault(name, []).append(with_item.iter)
    return names


def _bound(target: cst.CSTNode) -> Iterator[str]:
    if isinstance(target, cst.Name):
        yield target.value
    elif isinstance(target, (cst.Tuple, cst.List)):
        for element in target.elements:
            yield from _bound(element.value)


def uses_after(module: Module, name: str, block: cst.CSTNode, function: cst.CSTNode) -> list[cst.Name]:
    """Return the places after a block, in the function around it, that read a local name.

    A name bound anew after the block, before it is read, is not the block's value any more.
    """
    found: list[cst.Name] = []
    for node in module.named(name, within=function):
        if not module.is_after(node, block):
            continue
        parent = module.parent(node)
        if isinstance(parent, (cst.Attribute, cst.Arg)) and _is_label(node, parent):
            continue
        if isinstance(parent, cst.AssignTarget):
            assign = module.parent(parent)
            if assign is not None and not module.named(name, within=assign.value):  # type: ignore[attr-defined]
                if module.parent(module.parent(assign) or assign) is module.parent(block):
                    break
                continue
            continue
        if not _is_bound_by_loop(module, node, block):
            found.append(node)
    return found


def _is_bound_by_loop(module: Module, use: cst.Name, block: cst.CSTNode) -> bool:
    """Return whether a loop after a block, around a use, binds its name anew."""
    for parent in module.parents(use):
        loops: list[cst.For | cst.CompFor] = [parent] if isinstance(parent, cst.For) else []
        if isinstance(parent, (cst.ListComp, cst.GeneratorExp, cst.SetComp, cst.DictComp)):
            loops = module.nodes(cst.CompFor, within=parent.for_in)
        for loop in loops:
            if module.is_after(loop, block) and use.value in _bound(loop.target):
                return True
        if isinstance(parent, cst.FunctionDef):
            break
    return False


def _is_label(node: cst.Name, parent: cst.CSTNode) -> bool:
    """Return whether a name is an attribute's or a keyword's, which reads no variable."""
    if isinstance(parent, cst.Attribute):
        return parent.attr is node
    return isinstance(parent, cst.Arg) and parent.keyword is node


def is_plain(module: Module, node: cst.CSTNode) -> bool:
    """Return whether an expression is plain data: a number, text, a list or an array, whatever it was made from."""
    if isinstance(node, cst.Call):
        if isinstance(node.func, cst.Attribute) and node.func.attr.value in _PLAIN_METHODS:
            return True
        name = dotted(node.func) or ""
        if name in _PLAIN_FUNCTIONS:
            return True
        full = module.qualified(node.func) or ""
        if full.startswith("numpy."):
            return True
        if isinstance(node.func, cst.Attribute):
            return is_plain(module, node.func.value)
        return False
    if isinstance(node, (cst.Integer, cst.Float, cst.SimpleString, cst.FormattedString)):
        return True
    if isinstance(node, cst.BinaryOperation):
        return is_plain(module, node.left) and is_plain(module, node.right)
    if isinstance(node, cst.Comparison):
        return all(is_plain(module, n) for n in (node.left, *(c.comparator for c in node.comparisons)))
    if isinstance(node, (cst.ListComp, cst.GeneratorExp)):
        return is_plain(module, node.elt)
    if isinstance(node, (cst.Subscript, cst.Attribute)):
        return is_plain(module, node.value)
    if isinstance(node, (cst.Tuple, cst.List)):
        return bool(node.elements) and all(is_plain(module, e.value) for e in node.elements)
    return False


def _around() -> tuple[type[cst.CSTNode], ...]:
    """Return the expressions around a value that still are of it."""
    return (
        *(cst.Attribute, cst.Subscript, cst.Arg, cst.BinaryOperation, cst.UnaryOperation, cst.Comparison),
        *(cst.ComparisonTarget, cst.BooleanOperation),
    )


def becomes_plain(module: Module, use: cst.Name) -> bool:
    """Return whether the expression around a use turns it into plain data: `x.cpu().numpy()`, `float(x)`."""
    node: cst.CSTNode = use
    for parent in module.parents(use):
        if isinstance(parent, (cst.If, cst.While, cst.IfExp, cst.Assert)) and parent.test is node:
            return True  # a tensor's truth is a bool
        if (
            isinstance(parent, _around())
            or (isinstance(parent, cst.Call) and parent.func is node)
            or (isinstance(parent, cst.Call) and node in parent.args)
        ):
            node = parent
        elif isinstance(parent, cst.SubscriptElement | cst.Index):
            return False
        else:
            return False
        if isinstance(node, cst.Call) and is_plain(module, node):
            return True
    return False


def all_plain(module: Module, values: Iterable[cst.BaseExpression]) -> bool:
    """Return whether every value a name is bound to is plain data."""
    return all(is_plain(module, v) for v in values)


def is_result(module: Module, node: cst.CSTNode) -> bool:
    """Return whether an expression is what inference is for: plain data, or ids, scores and texts made of an output."""
    if is_plain(module, node):
        return True
    if isinstance(node, (cst.Tuple, cst.List)):
        return bool(node.elements) and all(is_result(module, e.value) for e in node.elements)
    if isinstance(node, cst.IfExp):
        return is_result(module, node.body) or is_result(module, node.orelse)
    if isinstance(node, (cst.Subscript, cst.Attribute)):
        return is_result(module, node.value)
    if isinstance(node, cst.Call):
        name = last_name(node.func)
        if name in _DECIDES:
            return True
        return isinstance(node.func, cst.Attribute) and is_result(module, node.func.value)
    return False


def spread(module: Module, names: Iterable[str], block: cst.CSTNode, function: cst.CSTNode) -> set[str]:
    """Return names, and those that are bound after a block to what is made of them without becoming plain data."""
    found = set(names)
    later = [
        a
        for a in module.nodes(cst.Assign, cst.AnnAssign, cst.AugAssign, within=function)
        if a.value is not None and module.is_after(a, block)
    ]
    for assign in later:
        if is_plain(module, assign.value):
            continue
        read = [n for n in module.nodes(cst.Name, within=assign.value) if n.value in found]
        if any(not becomes_plain(module, n) for n in read):
            targets = [t.target for t in assign.targets] if isinstance(assign, cst.Assign) else [assign.target]
            found |= {name for target in targets for name in _bound(target)}
    return found
