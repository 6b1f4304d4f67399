"""Where the values of a guarded block go: names assigned in it, and what is done with them afterwards."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import TypeAlias
from weakref import WeakKeyDictionary

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import dotted, last_name
from pytest_cpuperf.static.torch_code.guards import is_guard

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


_Assignment: TypeAlias = "cst.Assign | cst.AnnAssign | cst.AugAssign"


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
    replaced: cst.CSTNode = block  # what is left of this suite reads another value
    for node in module.named_after(name, block, within=function):
        if module.is_inside(node, replaced):
            continue
        parent = module.parent(node)
        if isinstance(parent, (cst.Attribute, cst.Arg)) and _is_label(node, parent):
            continue
        if isinstance(parent, cst.AssignTarget):
            assign = module.parent(parent)
            if assign is not None and not module.named(name, within=assign.value):  # type: ignore[attr-defined]
                suite = _suite_of(module, assign)
                if suite is not None and module.is_inside(block, suite):
                    if suite is getattr(function, "body", None):
                        break
                    replaced = suite
            continue
        if not _is_bound_by_loop(module, node, block):
            found.append(node)
    return found


def _suite_of(module: Module, statement: cst.CSTNode) -> cst.CSTNode | None:
    """Return the suite that a statement is in; what a gradient guard is around runs as if it were not."""
    for parent in module.parents(statement):
        if isinstance(parent, (cst.IndentedBlock, cst.SimpleStatementSuite)):
            holder = module.parent(parent)
            if not (isinstance(holder, cst.With) and all(is_guard(module, item.item) for item in holder.items)):
                return parent
    return None


def _is_bound_by_loop(module: Module, use: cst.Name, block: cst.CSTNode) -> bool:
    """Return whether a loop after a block, around a use, binds its name anew."""
    if use.value not in _loop_names(module):
        return False
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


@lru_cache(maxsize=4)
def _loop_names(module: Module) -> frozenset[str]:
    """Return the names that loops bind: most names are none, and what is around their uses need not be looked at."""
    return frozenset(name for loop in module.nodes(cst.For, cst.CompFor) for name in _bound(loop.target))


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


@cache
def _around() -> tuple[type[cst.CSTNode], ...]:
    """Return the expressions around a value that still are of it."""
    return (
        *(cst.Attribute, cst.Subscript, cst.Arg, cst.BinaryOperation, cst.UnaryOperation, cst.Comparison),
        *(cst.ComparisonTarget, cst.BooleanOperation),
    )


def becomes_plain(module: Module, use: cst.Name) -> bool:
    """Return whether the expression around a use turns it into plain data: `x.cpu().numpy()`, `float(x)`.

    Remembered: a name that many blocks bind has its uses asked about for each of them.
    """
    known = _plain_uses.setdefault(module, {})
    if use not in known:
        known[use] = _becomes_plain(module, use)
    return known[use]


_plain_uses: WeakKeyDictionary[Module, dict[cst.Name, bool]] = WeakKeyDictionary()


def _becomes_plain(module: Module, use: cst.Name) -> bool:
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
    readers: dict[int, _Assignment] = {}
    for name in found:
        readers |= _readers(module, name, block, function)
    # In source order: what an assignment binds is read by those after it alone.
    todo = list(readers)
    heapq.heapify(todo)
    while todo:
        assign = readers[heapq.heappop(todo)]
        targets = [t.target for t in assign.targets] if isinstance(assign, cst.Assign) else [assign.target]
        for name in {name for target in targets for name in _bound(target)} - found:
            found.add(name)
            more = _readers(module, name, assign, function)
            for number in more.keys() - readers.keys():
                heapq.heappush(todo, number)
            readers |= more
    return found


def _readers(module: Module, name: str, after: cst.CSTNode, function: cst.CSTNode) -> dict[int, _Assignment]:
    """Return the assignments after a node that bind what is made of a name and is no plain data, by number."""
    found: dict[int, _Assignment] = {}
    for node in uses_after(module, name, after, function):
        assign = _assigned_from(module, node)
        if assign is not None and assign.number not in found and not becomes_plain(module, node):
            if assign.value is not None and not is_plain(module, assign.value):
                found[assign.number] = assign
    return found


def _assigned_from(module: Module, node: cst.CSTNode) -> _Assignment | None:
    """Return the assignment that a node is in the value of, or None."""
    inner = node
    for parent in module.parents(node):
        if isinstance(parent, (cst.Assign, cst.AnnAssign, cst.AugAssign)):
            return parent if parent.value is inner else None
        if isinstance(parent, (cst.BaseSuite, cst.SimpleStatementLine)):
            return None
        inner = parent
    return None
