"""Where a padded batch goes: to a model with its mask, as ids alone, out of the file, or nowhere that is seen.

The evidence for a report. A batch is followed through names, subscripts, dictionaries and comprehensions, into helpers
of the file that it is handed to, and out to the callers of a function that returns it.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import dotted, last_name, string_value
from pytest_cpuperf.static.torch_code.model_calls import ModelCalls
from pytest_cpuperf.static.torch_code.vocabulary import words

_MOST_STEPS = 6
# What makes the same batch anew, or takes all of it.
_SAME = frozenset(
    (
        *(
            "dict",
            "list",
            "tuple",
            "BatchEncoding",
            "items",
            "to",
            "cuda",
            "cpu",
            "convert_to_tensors",
            "copy",
            "tensor",
        ),
        *(
            "from_numpy",
            "as_tensor",
            "array",
            "asarray",
            "numpy",
            "long",
            "int",
            "astype",
            "unsqueeze",
            "squeeze",
            "view",
        ),
        *("stack", "cat", "concat", "concatenate", "next", "iter", "tqdm", "zip", "enumerate", "send_to_device", "pop"),
        *("TensorDataset", "DataLoader", "move_to_device", "batch_to_device", "int64", "map", "get", "values", "pad"),
    )
)
_GENERATES = frozenset({"generate"})
_NO_MODELS = frozenset(
    {"tokenizer", "tok", "processor", "print", "len", "log", "debug", "info", "isinstance", "append"}
)


class Part(Enum):
    """What of a batch is followed."""

    WHOLE, IDS, MASK, OTHER = range(4)


class End(Enum):
    """Where something of a batch ends."""

    MODEL, GENERATION, OUT = range(3)


_PARTS = {"input_ids": Part.IDS, "ids": Part.IDS, "attention_mask": Part.MASK}


class Destination:
    """The ends of the batches that some tokenizer calls of a file make."""

    def __init__(self, module: Module, calls: ModelCalls) -> None:
        self._module = module
        self._calls = calls
        self.taken: set[Part] = set()
        """The parts that were taken out of the batches followed so far."""

    def ends(self, call: cst.Call) -> set[tuple[Part, End]]:
        """Return where what a tokenizer call returns goes, part by part."""
        return set(self._follow(call, Part.WHOLE, 0, frozenset()))

    def _follow(
        self, node: cst.CSTNode, part: Part, steps: int, seen: frozenset[tuple[int, Part]]
    ) -> Iterator[tuple[Part, End]]:
        """Follow the value of an expression to where it goes."""
        if steps > _MOST_STEPS or (id(node), part) in seen:
            return
        seen |= {(id(node), part)}
        parent = self._module.parent(node)
        if isinstance(parent, cst.Attribute) and parent.value is node:
            yield from self._follow_attribute(parent, part, steps, seen)
        elif isinstance(parent, cst.Subscript) and parent.value is node:
            key = _subscript_key(parent)
            self.taken |= {_PARTS[key]} if key in _PARTS else set()
            yield from self._follow(parent, _PARTS.get(key, Part.OTHER) if key else part, steps, seen)
        elif isinstance(parent, cst.Arg):
            yield from self._follow_argument(parent, part, steps, seen)
        elif isinstance(parent, (cst.Return, cst.Yield, cst.Lambda)):
            yield part, End.OUT
            yield from self._follow_out(parent, part, steps, seen)
        elif isinstance(parent, (cst.Assign, cst.AnnAssign, cst.NamedExpr)):
            yield from self._follow_names(parent, part, steps, seen)
            if isinstance(parent, cst.NamedExpr):
                yield from self._follow(parent, part, steps, seen)
        elif isinstance(parent, (cst.For, cst.CompFor)) and parent.iter is node:
            yield from self._follow_loop(parent, part, steps, seen)
        elif isinstance(parent, _carriers()):
            yield from self._follow(parent, part, steps, seen)

    def _follow_attribute(
        self, attribute: cst.Attribute, part: Part, steps: int, seen: frozenset[tuple[int, Part]]
    ) -> Iterator[tuple[Part, End]]:
        name = attribute.attr.value
        if name in _PARTS:
            self.taken.add(_PARTS[name])
            yield from self._follow(attribute, _PARTS[name], steps, seen)
        call = self._module.parent(attribute)
        if isinstance(call, cst.Call) and call.func is attribute and name in _SAME:
            key = string_value(call.args[0].value) if call.args and name in ("get", "pop") else None
            yield from self._follow(call, _PARTS.get(key, Part.OTHER) if key else part, steps, seen)

    def _follow_argument(
        self, arg: cst.Arg, part: Part, steps: int, seen: frozenset[tuple[int, Part]]
    ) -> Iterator[tuple[Part, End]]:
        call = self._module.parent(arg)
        if not isinstance(call, cst.Call):
            return
        name = last_name(call.func) or ""
        if arg.keyword is not None and arg.keyword.value in _PARTS and part is not Part.WHOLE:
            part = _PARTS[arg.keyword.value]
        helpers = self._calls.helpers(call)
        inside = [end for h in helpers for end in self._follow_parameter(h, call, arg, part, steps, seen)]
        yield from inside
        if not inside and self._runs(call, arg):
            yield part, End.GENERATION if name in _GENERATES else End.MODEL
            return
        if name in _SAME or (name[:1].isupper() and not helpers):
            yield from self._follow(call, part, steps, seen)
        elif name in ("append", "extend", "update", "add") and isinstance(call.func, cst.Attribute):
            yield from self._follow_uses(call.func.value, arg, part, steps, seen)

    def _runs(self, call: cst.Call, arg: cst.Arg) -> bool:
        """Return whether a call that is given (part of) a batch runs a model on it."""
        if self._calls.runs_model(call):
            return True
        name = last_name(call.func) or ""
        if name == "run" and isinstance(call.func, cst.Attribute) and len(call.args) > 1:
            return True  # an onnxruntime session, by any name: run(outputs, feeds)
        # Whatever takes a batch's entries as its own arguments and is no function of the file is a model.
        return (
            arg.star == "**"
            and isinstance(call.func, (cst.Name, cst.Attribute))
            and not self._calls.helpers(call)
            and not name[:1].isupper()
            and name not in _SAME
            and not _NO_MODELS & set(words(name))
        )

    def _follow_parameter(
        self,
        helper: cst.FunctionDef,
        call: cst.Call,
        arg: cst.Arg,
        part: Part,
        steps: int,
        seen: frozenset[tuple[int, Part]],
    ) -> Iterator[tuple[Part, End]]:
        """Follow a value into the function of the file that it is handed to."""
        parameters = [p.name.value for p in self._module.nodes(cst.Param, within=helper.params)]
        if parameters[:1] in (["self"], ["cls"]):
            parameters = parameters[1:]
        if arg.keyword is not None:
            name: str | None = arg.keyword.value
        else:
            position = list(call.args).index(arg)
            name = parameters[position] if position < len(parameters) else None
        if name in parameters:
            for use in self._uses(name, helper.body):
                yield from self._follow(use, part, steps + 1, seen)

    def _follow_names(
        self,
        assign: cst.Assign | cst.AnnAssign | cst.NamedExpr,
        part: Part,
        steps: int,
        seen: frozenset[tuple[int, Part]],
    ) -> Iterator[tuple[Part, End]]:
        targets = [t.target for t in assign.targets] if isinstance(assign, cst.Assign) else [assign.target]
        for target in targets:
            if isinstance(target, cst.Subscript):  # features["query"] = batch
                target = target.value
            if isinstance(target, cst.Tuple):
                # What several names take apart is both parts, as ids and mask are returned together.
                for element in target.elements:
                    yield from self._follow_uses(element.value, assign, _part_by_name(element.value), steps, seen)
            else:
                yield from self._follow_uses(target, assign, part, steps, seen)

    def _follow_uses(
        self, target: cst.BaseExpression, place: cst.CSTNode, part: Part, steps: int, seen: frozenset[tuple[int, Part]]
    ) -> Iterator[tuple[Part, End]]:
        name = dotted(target)
        if name is None:
            return
        if "." in name:
            around = self._module.class_of(place)
            if around is None:
                return
            uses: list[cst.CSTNode] = [
                a for a in self._module.nodes(cst.Attribute, within=around) if dotted(a) == name and a is not target
            ]
        else:
            scope = self._module.function_of(place) or self._module.tree
            uses = [u for u in self._uses(name, scope) if u is not target and not self._module.is_inside(u, place)]
        for use in uses:
            yield from self._follow(use, part, steps + 1, seen)

    def _follow_loop(
        self, loop: cst.For | cst.CompFor, part: Part, steps: int, seen: frozenset[tuple[int, Part]]
    ) -> Iterator[tuple[Part, End]]:
        # [model(**b) for b in batches], {k: v.to(device) for k, v in batch.items()}
        scope = self._module.parent(loop) if isinstance(loop, cst.CompFor) else loop.body
        if scope is None:
            return
        for name in self._module.nodes(cst.Name, within=loop.target):
            for use in self._uses(name.value, scope):
                if not self._module.is_inside(use, loop.target):
                    yield from self._follow(use, part, steps + 1, seen)

    def _follow_out(
        self, node: cst.CSTNode, part: Part, steps: int, seen: frozenset[tuple[int, Part]]
    ) -> Iterator[tuple[Part, End]]:
        """Follow what a function of the file returns to those who call it."""
        function = self._module.function_of(node)
        if isinstance(node, cst.Lambda) or function is None:
            return
        for call in self._module.nodes(cst.Call):
            if last_name(call.func) == function.name.value and not self._module.is_inside(call, function):
                yield from self._follow(call, part, steps + 1, seen)

    def _uses(self, name: str, scope: cst.CSTNode) -> list[cst.CSTNode]:
        """Return where a name is read inside a scope."""
        found: list[cst.CSTNode] = []
        for node in self._module.nodes(cst.Name, within=scope):
            if node.value != name:
                continue
            parent = self._module.parent(node)
            if isinstance(parent, (cst.AssignTarget, cst.Param)):
                continue
            if isinstance(parent, cst.Attribute) and parent.attr is node:
                continue
            if isinstance(parent, cst.Arg) and parent.keyword is node:
                continue
            found.append(node)
        return found


def _carriers() -> tuple[type[cst.CSTNode], ...]:
    """Return what holds a value and is followed in its place."""
    return (
        *(cst.Dict, cst.DictElement, cst.StarredDictElement, cst.List, cst.Tuple, cst.Element, cst.StarredElement),
        *(cst.ListComp, cst.DictComp, cst.GeneratorExp, cst.IfExp, cst.Await, cst.BooleanOperation),
    )


def _subscript_key(subscript: cst.Subscript) -> str | None:
    index = subscript.slice[0].slice
    return string_value(index.value) if isinstance(index, cst.Index) else None


def _part_by_name(target: cst.BaseExpression) -> Part:
    """Return which part of a batch a name takes, when several names take one apart."""
    name = last_name(target) or ""
    if "mask" in name:
        return Part.MASK
    return Part.IDS if "ids" in name else Part.WHOLE
