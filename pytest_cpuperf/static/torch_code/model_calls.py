"""Which calls run a model.

There are no types to ask, so the evidence is what the file shows, best first: a function of the file that is called and
whose body runs a model; a name that the file itself treats as a module (`.eval()`, `from_pretrained`, `nn.…`); a method
that models have; and names, where nothing else is seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import dotted, last_name, string_value
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.torch_code.call_targets import CallTargets, callee
from pytest_cpuperf.static.torch_code.modules import module_names
from pytest_cpuperf.static.torch_code.vocabulary import (
    CALLERS,
    holds_model,
    is_model_name,
    runs_by_name,
    runs_on_model,
    runs_what_it_is_given,
)

# `self.mods.encoder(x)`: SpeechBrain keeps the modules of a model so.
_MODULE_DICTS = frozenset({"mods", "modules"})
_TEXT_RECEIVER = pattern(
    r"(?i)tokeniz|^tok$|_tok$|tokens?$|vocab|processor|codec|json|base64|string|str$|text$|url|label_?encoder|bpe|spm|sp$"
)
# In another thread or process a guard of this one does nothing: gradient modes are per thread.
ELSEWHERE = frozenset({"run_in_executor", "to_thread", "submit", "run_in_threadpool", "run_sync", "apply_async"})


class ModelCalls:
    """Answers for one file; remembers what it found of each helper."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._helpers: dict[int, bool] = {}
        self._modules = module_names(module.facts)
        self._targets = CallTargets(module)

    def within(self, node: cst.CSTNode) -> Iterator[cst.Call]:
        """Yield the calls inside a node that run a model, in source order."""
        for call in self._module.nodes(cst.Call, within=node):
            if self.runs_model(call):
                yield call

    def runs_model(self, call: cst.Call) -> bool:
        """Return whether a call runs a model."""
        function = callee(self._module, call)
        name = last_name(function)
        if name is None or name in ELSEWHERE:
            return False
        helpers = self._targets.of(call)
        if helpers:
            return any(self._helper_runs_model(h) for h in helpers) or self._builds_model(function, name)
        if isinstance(function, cst.Name):
            return self._names_model(function, name) or self._runs_argument(call, name)
        if isinstance(function, cst.Attribute):
            return self._method_runs_model(call, function)
        if isinstance(function, cst.Subscript):
            return self.is_model(function)
        # model.eval()(x), get_model()(x), wrap(model)(x)
        return isinstance(function, cst.Call) and (
            is_model_name(name) or name == "eval" or self._is_given_model(function)
        )

    def _builds_model(self, function: cst.BaseExpression, name: str) -> bool:
        """Return whether what is called is a torch module of this file, whose forward may be all arithmetic."""
        klass = self._module.facts.outline.instances.get(name)
        return klass is not None and klass.name in self._modules and not isinstance(function, cst.Call)

    def is_model(self, node: cst.BaseExpression) -> bool:
        """Return whether an expression is a model, by what the file shows of its name."""
        if isinstance(node, cst.Call) and dotted(node.func) == "super":
            return self._inherits_model(node)
        if isinstance(node, cst.Call):
            # model.eval().to(device), nets[0].module
            return isinstance(node.func, cst.Attribute) and self.is_model(node.func.value)
        if isinstance(node, cst.Name) and self._is_loop_over_models(node):
            return True
        name = last_name(node)
        return name in self._modules or is_model_name(name)

    def _inherits_model(self, node: cst.CSTNode) -> bool:
        """Return whether the class around a node derives from a model, by its bases' names."""
        around = self._module.class_of(node)
        klass = self._module.facts.outline.by_name.get(around.name.value) if around is not None else None
        return klass is not None and any(is_model_name(base.rpartition(".")[2]) for base in klass.bases)

    def _is_loop_over_models(self, name: cst.Name) -> bool:
        """Return whether a name is bound by a loop over models around it: `for m in [model]`."""
        if name.value not in _looped(self._module):
            return False
        for parent in self._module.parents(name):
            loops: list[cst.For | cst.CompFor] = [parent] if isinstance(parent, cst.For) else []
            if isinstance(parent, (cst.ListComp, cst.GeneratorExp, cst.SetComp, cst.DictComp)):
                loops = self._module.nodes(cst.CompFor, within=parent.for_in)
            for loop in loops:
                if isinstance(loop.target, cst.Name) and loop.target.value == name.value:
                    if isinstance(loop.iter, (cst.List, cst.Tuple)):
                        return any(is_model_name(last_name(e.value)) for e in loop.iter.elements)
                    name_of_all = last_name(loop.iter) or ""
                    return name_of_all.endswith("s") and is_model_name(name_of_all)
            if isinstance(parent, cst.FunctionDef):
                break
        return False

    def _names_model(self, function: cst.Name, name: str) -> bool:
        if name[:1].isupper():
            return False  # a class is built
        if self._is_loop_over_models(function):
            return True
        if name in self._module.functions and name not in self._modules:
            return False  # a function whose body was looked at
        if name in self._module.imports:
            return False
        return self.is_model(function)

    def _method_runs_model(self, call: cst.Call, function: cst.Attribute) -> bool:
        method, receiver = function.attr.value, function.value
        if method[:1].isupper():
            return False
        name = last_name(receiver) or ""
        if self._module.is_imported(function):
            # A library's function, not an object's method; some call what they are given.
            return method in CALLERS and self._is_given_model(call)
        if _is_in_module_dict(receiver, name) and runs_on_model(method):
            return True
        if method == "__call__":
            return self.is_model(receiver)
        is_text = bool(call.args) and string_value(call.args[0].value) is not None
        if method in ("encode", "decode", "evaluate"):
            # str.encode and tokenizer.encode are everywhere: only a model's counts.
            return not is_text and (self.is_model(receiver) or _is_own(receiver))
        if runs_by_name(method):
            return not _TEXT_RECEIVER.search(name) and not isinstance(receiver, (cst.SimpleString, cst.FormattedString))
        if self.is_model(receiver) and call.args and runs_on_model(method) and not is_text:
            return not _TEXT_RECEIVER.search(method)
        bare = method.lstrip("_")
        return (bare in self._modules and runs_on_model(bare)) or is_model_name(bare) or self._runs_argument(call, bare)

    def _runs_argument(self, call: cst.Call, name: str) -> bool:
        """Return whether a function that evaluates, predicts or embeds is handed a model."""
        if name in CALLERS:
            return self._is_given_model(call)
        return runs_what_it_is_given(name) and any(
            holds_model(last_name(a.value)) for a in call.args if isinstance(a.value, (cst.Name, cst.Attribute))
        )

    def _is_given_model(self, call: cst.Call) -> bool:
        return any(self.is_model(a.value) for a in call.args if isinstance(a.value, (cst.Name, cst.Attribute)))

    def _helper_runs_model(self, helper: cst.FunctionDef) -> bool:
        known = self._helpers.get(id(helper))
        if known is None:
            self._helpers[id(helper)] = False  # a helper that calls itself proves nothing by that
            known = self._helpers[id(helper)] = any(True for _ in self.within(helper.body))
        return known

    def helpers(self, call: cst.Call) -> list[cst.FunctionDef]:
        """Return the functions and methods of this file that a call goes to."""
        return self._targets.of(call)

    def helper(self, call: cst.Call) -> cst.FunctionDef | None:
        """Return the function or method of this file that a call goes to, or None."""
        return next(iter(self._targets.of(call)), None)

    def runs_elsewhere(self, call: cst.Call) -> bool:
        """Return whether a call hands a model to another thread or process."""
        return last_name(call.func) in ELSEWHERE and (
            self._is_given_model(call) or any(isinstance(a.value, cst.Lambda) for a in call.args)
        )


@lru_cache(maxsize=4)  # asked for each call of a file
def _looped(module: Module) -> frozenset[str]:
    """Return the names that loops of a file bind, one by one."""
    loops = module.nodes(cst.For, cst.CompFor)
    return frozenset(loop.target.value for loop in loops if isinstance(loop.target, cst.Name))


def _is_in_module_dict(receiver: cst.BaseExpression, name: str) -> bool:
    if name in _MODULE_DICTS and isinstance(receiver, cst.Attribute):
        return True
    return isinstance(receiver, cst.Attribute) and last_name(receiver.value) in _MODULE_DICTS


def _is_own(receiver: cst.BaseExpression) -> bool:
    """Return whether a receiver is the object itself, or what it inherits from."""
    return dotted(receiver) in ("self", "cls") or (isinstance(receiver, cst.Call) and dotted(receiver.func) == "super")
