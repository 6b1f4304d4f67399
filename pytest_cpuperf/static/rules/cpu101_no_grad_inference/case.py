"""One guard with what its judgement asks about."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import last_name
from pytest_cpuperf.static.torch_code.dataflow import assigned_names, is_plain
from pytest_cpuperf.static.torch_code.guards import Guard
from pytest_cpuperf.static.torch_code.model_calls import ModelCalls

_PARAMETER_LISTS = frozenset(["parameters", "named_parameters", "buffers", "named_buffers", "state_dict"])


@dataclass(frozen=True)
class Case:
    """A guard, the file it is in, and the model calls under it."""

    module: Module
    calls: ModelCalls
    guard: Guard

    @property
    def body(self) -> cst.CSTNode:
        """The guarded code."""
        return self.guard.body

    @property
    def function(self) -> cst.FunctionDef | None:
        """The function that the guard is in, or decorates."""
        return self.guard.function

    @cached_property
    def model_calls(self) -> list[cst.Call]:
        """The calls under the guard that run a model."""
        return list(self.calls.within(self.body))

    @cached_property
    def outputs(self) -> frozenset[str]:
        """Names that the guarded code binds to what a model returned, or to what is computed from it."""
        bound = dict(assigned_names(self.module, self.body))
        for call in self.module.nodes(cst.Call, within=self.body):
            # rows.append(output)
            if isinstance(call.func, cst.Attribute) and call.func.attr.value in ("append", "extend") and call.args:
                if isinstance(call.func.value, cst.Name):
                    name = call.func.value.value
                    bound[name] = [*bound.get(name, ()), call.args[0].value]
        made: frozenset[str] = frozenset()
        while True:
            found = made | {n for n, values in bound.items() if any(self._is_output(v, made) for v in values)}
            if found == made:
                return made
            made = found

    def _is_output(self, value: cst.BaseExpression, made: frozenset[str]) -> bool:
        if is_plain(self.module, value):
            return False
        if any(name.value in made for name in self.module.nodes(cst.Name, within=value)):
            return True
        return any(call in self.model_calls for call in self.module.nodes(cst.Call, within=value))

    @cached_property
    def loop_parameters(self) -> frozenset[str]:
        """Names of loops over parameters: `for p, q in zip(a.parameters(), b.parameters())`."""
        return frozenset(
            name.value
            for loop in self.module.nodes(cst.For, within=self.function or self.body)
            if any(last_name(c.func) in _PARAMETER_LISTS for c in self.module.nodes(cst.Call, within=loop.iter))
            for name in self.module.nodes(cst.Name, within=loop.target)
        )
