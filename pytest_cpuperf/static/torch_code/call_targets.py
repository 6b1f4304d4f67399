"""Which function of the same file a call goes to: methods of any class of it, inherited and abstract ones included."""

from __future__ import annotations

from functools import cached_property, lru_cache

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.chunks import Chunk, Class
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import dotted, last_name

_PROPERTIES = frozenset({"property", "cached_property", "setter"})
_CALLS = ("forward", "__call__")


class CallTargets:
    """Answers for one file. Classes and who derives from whom are known by the file's outline."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._outline = module.facts.outline
        self._known: dict[int, list[cst.FunctionDef]] = {}

    def of(self, call: cst.Call) -> list[cst.FunctionDef]:
        """Return the functions of this file that a call goes to, where that is plain; abstract ones left out."""
        known = self._known.get(call.number)
        if known is None:
            known = self._known[call.number] = self._find(call)
        return known

    def _find(self, call: cst.Call) -> list[cst.FunctionDef]:
        function = callee(self._module, call)
        if isinstance(function, cst.Name):
            return self._of_name(call, function.value)
        if isinstance(function, cst.Attribute):
            return self._of_attribute(call, function)
        return []

    def _of_name(self, call: cst.Call, name: str) -> list[cst.FunctionDef]:
        if name == "self":
            return self._method_of(call, _CALLS)
        if self._is_local(call, name):
            return self._on_instance(name)
        for candidate in self._module.functions.get(name, ()):
            if self._module.class_of(candidate) is None and not self._is_abstract(candidate):
                return [candidate]
        return self._on_instance(name)

    @cached_property
    def _locals(self) -> frozenset[str | None]:
        """The names of all parameters of the file, and what its loops bind."""
        looped = (dotted(loop.target) for loop in self._module.nodes(cst.For, cst.CompFor))
        return frozenset((*looped, *(p.name.value for p in self._module.nodes(cst.Param))))

    def _is_local(self, node: cst.CSTNode, name: str) -> bool:
        """Return whether a name is a parameter or a loop's variable around a node, which hides a function."""
        if name not in self._locals:
            return False
        for parent in self._module.parents(node):
            if isinstance(parent, cst.For) and dotted(parent.target) == name:
                return True
            if isinstance(parent, (cst.ListComp, cst.GeneratorExp, cst.SetComp, cst.DictComp)):
                loops = self._module.nodes(cst.CompFor, within=parent.for_in)
                if any(dotted(loop.target) == name for loop in loops):
                    return True
            if isinstance(parent, cst.FunctionDef) and any(
                p.name.value == name for p in self._module.nodes(cst.Param, within=parent.params)
            ):
                return True
        return False

    def _of_attribute(self, call: cst.Call, function: cst.Attribute) -> list[cst.FunctionDef]:
        receiver, method = function.value, function.attr.value
        if dotted(receiver) in ("self", "cls"):
            return self._method_of(call, (method,)) or self._on_instance(method)
        if isinstance(receiver, cst.Call) and dotted(receiver.func) == "super":
            return self._method_of(call, (method,), inherited_only=True)
        klass = self._class_of_value(receiver)
        if klass is not None:
            return self._nodes(self._outline.method(klass, method))
        return self._on_instance(method)

    def _class_of_value(self, value: cst.BaseExpression) -> Class | None:
        if isinstance(value, cst.Call):
            return self._outline.by_name.get(last_name(value.func) or "")
        if isinstance(value, (cst.Name, cst.Attribute)):
            name = last_name(value) or ""
            return self._outline.instances.get(name) or self._outline.by_name.get(name)
        return None

    def _on_instance(self, name: str) -> list[cst.FunctionDef]:
        """Return what calling an object of a class of this file goes to."""
        klass = self._outline.instances.get(name)
        if klass is None:
            return []
        return next((found for m in _CALLS if (found := self._nodes(self._outline.method(klass, m)))), [])

    def _method_of(
        self, node: cst.CSTNode, names: tuple[str, ...], inherited_only: bool = False
    ) -> list[cst.FunctionDef]:
        around = self._module.class_of(node)
        klass = self._outline.by_name.get(around.name.value) if around is not None else None
        if klass is None:
            return []
        return next(
            (found for n in names if (found := self._nodes(self._outline.method(klass, n, inherited_only)))), []
        )

    def _nodes(self, chunks: list[Chunk]) -> list[cst.FunctionDef]:
        nodes = [node for chunk in chunks if (node := self._node(chunk)) is not None]
        # What a property returns is called, not the property.
        return [n for n in nodes if not any(last_name(d.decorator) in _PROPERTIES for d in n.decorators)]

    def _node(self, chunk: Chunk) -> cst.FunctionDef | None:
        """Return a chunk's node in the tree; None where its class was cut away."""
        owner = chunk.owner.name if chunk.owner is not None else None
        same = [
            f
            for f in self._module.functions.get(chunk.name, ())
            if (around.name.value if (around := self._module.class_of(f)) is not None else None) == owner
        ]
        siblings = chunk.owner.methods[chunk.name] if chunk.owner is not None else [chunk]
        position = siblings.index(chunk)
        return same[position] if position < len(same) else same[0] if same else None

    def _is_abstract(self, function: cst.FunctionDef) -> bool:
        known = self._outline.functions.get(function.name.value, ())
        return bool(known) and all(chunk.is_abstract for chunk in known)


def callee(module: Module, call: cst.Call) -> cst.BaseExpression:
    """Return what is called, through a local name that holds a function or method: `run = model.forward`."""
    function = call.func
    if not isinstance(function, cst.Name):
        return function
    around = module.function_of(call)
    held = None if around is None else _held_attribute(module, function.value, around)
    return function if held is None else held


@lru_cache(maxsize=256)
def _held_attribute(module: Module, name: str, function: cst.FunctionDef) -> cst.Attribute | None:
    """Return the attribute that a local name of a function holds, where that is all it holds."""
    named = (module.parent(n) for n in module.named(name, within=function))
    targets = [t for t in named if isinstance(t, cst.AssignTarget)]
    bound = [a.value for t in targets if isinstance(a := module.parent(t), cst.Assign)]
    return bound[0] if len(bound) == 1 and isinstance(bound[0], cst.Attribute) else None
