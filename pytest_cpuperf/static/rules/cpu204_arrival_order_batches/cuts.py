"""Where a batch comes from: which list it is cut from by position, or which parameter it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import dotted, last_name
from pytest_cpuperf.static.torch_code.call_targets import CallTargets
from pytest_cpuperf.static.torch_code.dataflow import assigned_names

# Functions that cut what they are given into parts of one size, in its order: itertools, more_itertools, toolz, numpy.
CUTTERS = frozenset(
    (
        *("batched", "chunked", "chunked_even", "ichunked", "sliced", "grouper", "partition_all", "split_every"),
        *("array_split", "islice", "chunks", "chunked_iter", "minibatch", "divide"),
    )
)
# What hands on the items it is given, in their order.
_HANDS_ON = frozenset(
    {"list", "tuple", "iter", "enumerate", "tqdm", "trange", "track", "array", "asarray", "zip", "map", "str", "len"}
)
_METHODS_HANDING_ON = frozenset({"tolist", "to_list", "copy", "to_pylist", "get"})
_DEPTH = 8


@dataclass(frozen=True)
class Cut:
    """A part of a list, taken by position, another at each turn of a loop."""

    items: cst.BaseExpression
    """The list."""
    is_of_one: bool = False


@dataclass(frozen=True)
class Parameter:
    """What the function was given."""

    function: cst.FunctionDef
    name: str


class Origins:
    """Answers for one file."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._targets = CallTargets(module)

    def of(self, value: cst.BaseExpression, depth: int = _DEPTH) -> Cut | Parameter | None:
        """Return where a batch comes from; None where it is neither cut by position nor a parameter."""
        if depth == 0:
            return None
        if isinstance(value, cst.Name):
            return self._of_name(value, depth)
        if isinstance(value, cst.Subscript):
            return self._of_subscript(value, depth)
        if isinstance(value, (cst.ListComp, cst.GeneratorExp)):
            return None if self._cut_of_element(value) else self.of(value.for_in.iter, depth - 1)
        if isinstance(value, cst.NamedExpr):
            return self.of(value.value, depth - 1)
        if isinstance(value, cst.IfExp):
            return self.of(value.body, depth - 1) or self.of(value.orelse, depth - 1)
        if isinstance(value, cst.Dict):
            return next((o for e in value.elements if (o := self.of(e.value, depth - 1)) is not None), None)
        if isinstance(value, cst.Call):
            return self._of_call(value, depth)
        return None

    def _of_call(self, call: cst.Call, depth: int) -> Cut | Parameter | None:
        name = last_name(call.func) or ""
        if isinstance(call.func, cst.Attribute) and name in _METHODS_HANDING_ON:
            return self.of(call.func.value, depth - 1)
        if name == "islice" and call.args:
            return Cut(self._first_made_of(call.args[0].value))
        if name == "map" and len(call.args) == 2:
            return self.of(call.args[1].value, depth - 1)
        if name in _HANDS_ON and call.args:
            return self.of(call.args[0].value, depth - 1)
        return None

    def _of_name(self, name: cst.Name, depth: int) -> Cut | Parameter | None:
        function = self._module.function_of(name)
        for parent in self._module.parents(name):
            if isinstance(parent, cst.For) and _binds(parent.target, name.value):
                return self._of_turn(parent.iter, depth)
            if isinstance(parent, (cst.ListComp, cst.GeneratorExp, cst.DictComp, cst.SetComp)):
                for loop in self._module.nodes(cst.CompFor, within=parent):
                    if _binds(loop.target, name.value):
                        return self._of_turn(loop.iter, depth)
            if parent is function:
                break
        scope: cst.CSTNode = function.body if function is not None else self._module.tree
        values = [v for v in assigned_names(self._module, scope).get(name.value, []) if not _contains(v, name)]
        for value in reversed([v for v in values if self._module.is_after(name, v)] or values):
            origin = self.of(value, depth - 1)
            if origin is not None:
                return origin
        if function is not None and not values and _is_parameter(self._module, function, name.value):
            return Parameter(function, name.value)
        return None

    def _of_subscript(self, value: cst.Subscript, depth: int) -> Cut | Parameter | None:
        element = value.slice[0].slice
        if not isinstance(element, cst.Slice):
            # A column of a batch of rows: `rows[i : i + n]["text"]`.
            return self.of(value.value, depth - 1) if isinstance(element, cst.Index) else None
        if len(value.slice) != 1 or not self._varies(value, element):
            return None
        return Cut(value.value, _is_of_one(self._module, element))

    def _varies(self, node: cst.Subscript, part: cst.Slice) -> bool:
        """Return whether a slice takes another part at each turn of a loop around it."""
        used = {n.value for bound in (part.lower, part.upper) if bound is not None for n in self._names(bound)}
        for parent in self._module.parents(node):
            if isinstance(parent, (cst.For, cst.While)):
                moving = set(assigned_names(self._module, parent.body))
                moving |= {n.value for n in self._names(parent.target)} if isinstance(parent, cst.For) else set()
                # `texts = texts[n:]` moves on by what it leaves.
                if used & moving or (isinstance(parent, cst.While) and dotted(node.value) in moving):
                    return True
            if isinstance(parent, (cst.ListComp, cst.GeneratorExp)):
                loops = self._module.nodes(cst.CompFor, within=parent)
                if used & {n.value for loop in loops for n in self._names(loop.target)}:
                    return True
            if isinstance(parent, (cst.FunctionDef, cst.Lambda)):
                return False
        return False

    def _names(self, node: cst.CSTNode) -> Iterator[cst.Name]:
        yield from self._module.nodes(cst.Name, within=node)

    def _of_turn(self, source: cst.BaseExpression, depth: int) -> Cut | Parameter | None:
        """Return where what a loop goes over comes from, where each turn's item is a batch."""
        if depth == 0:
            return None
        if isinstance(source, cst.Name):
            function = self._module.function_of(source)
            scope: cst.CSTNode = function.body if function is not None else self._module.tree
            for value in reversed(assigned_names(self._module, scope).get(source.value, [])):
                origin = self._of_turn(value, depth - 1) if not _contains(value, source) else None
                if origin is not None:
                    return origin
            return None
        if isinstance(source, (cst.ListComp, cst.GeneratorExp)):
            return self._cut_of_element(source)
        if not isinstance(source, cst.Call) or not source.args:
            return None
        targets = self._targets.of(source)
        if targets:
            return next((c for t in targets if (c := self._cut_by(t, source)) is not None), None)
        name, first = last_name(source.func) or "", source.args[0]
        if name == "zip" and first.star == "*":
            # `zip(*[iter(texts)] * n)`
            inner = next(iter(self._module.nodes(cst.Call, within=first.value)), None)
            if inner is not None and dotted(inner.func) == "iter" and inner.args:
                return Cut(self._first_made_of(inner.args[0].value))
            return None
        if name == "islice":
            return None
        if name in CUTTERS:
            return Cut(self._first_made_of(first.value), _ends_in_one(source))
        return self._of_turn(first.value, depth - 1) if name in _HANDS_ON else None

    def _cut_of_element(self, value: cst.ListComp | cst.GeneratorExp) -> Cut | None:
        """Return what a list of batches is cut from: `[texts[i : i + n] for i in …]`."""
        element = value.elt
        if isinstance(element, cst.Subscript):
            origin = self._of_subscript(element, 2)
            return origin if isinstance(origin, Cut) else None
        return None

    def _cut_by(self, function: cst.FunctionDef, call: cst.Call) -> Cut | None:
        """Return what a function of the file cuts into the batches it yields or returns."""
        for given in self._module.nodes(cst.Yield, cst.Return, within=function.body):
            value = given.value
            origin: Cut | Parameter | None = None
            if isinstance(value, cst.Subscript):
                origin = self._of_subscript(value, 2)
            elif isinstance(value, (cst.ListComp, cst.GeneratorExp)):
                origin = self._cut_of_element(value)
            elif isinstance(value, cst.BaseExpression):
                origin = self.of(value, 3) if isinstance(given, cst.Yield) else None
            if isinstance(origin, Cut):
                return Cut(call.args[0].value if call.args else origin.items, origin.is_of_one)
        return None

    def _first_made_of(self, value: cst.BaseExpression) -> cst.BaseExpression:
        """Return the list behind an iterator: `it = iter(texts)`."""
        if isinstance(value, cst.Call) and value.args and last_name(value.func) in _HANDS_ON:
            return self._first_made_of(value.args[0].value)
        function = self._module.function_of(value)
        if isinstance(value, cst.Name) and function is not None:
            for made in assigned_names(self._module, function.body).get(value.value, []):
                if isinstance(made, cst.Call) and dotted(made.func) == "iter" and made.args:
                    return made.args[0].value
        return value


def _is_parameter(module: Module, function: cst.FunctionDef, name: str) -> bool:
    return any(p.name.value == name for p in module.nodes(cst.Param, within=function.params))


def _binds(target: cst.BaseExpression, name: str) -> bool:
    if isinstance(target, (cst.Tuple, cst.List)):
        return any(_binds(e.value, name) for e in target.elements)
    return dotted(target) == name


def _contains(value: cst.BaseExpression, name: cst.Name) -> bool:
    return value is name


def _is_of_one(module: Module, part: cst.Slice) -> bool:
    """Return whether a slice is `i : i + 1`."""
    if part.lower is None or part.upper is None:
        return False
    return module.code(part.upper).replace(" ", "") == module.code(part.lower).replace(" ", "") + "+1"


def _ends_in_one(call: cst.Call) -> bool:
    last = call.args[-1].value
    return isinstance(last, cst.Integer) and last.value == "1"
