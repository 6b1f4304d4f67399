"""The edit from `no_grad` to `inference_mode`."""

from __future__ import annotations

import re
from typing import Literal

from pytest_cpuperf.static.rules.base import Mend
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import dotted
from pytest_cpuperf.static.source.scopes import import_above, meaning
from pytest_cpuperf.static.torch_code.guards import Guard

_INFERENCE_MODE = "torch.inference_mode"


def mend(module: Module, guard: Guard, safe: bool) -> Mend | None:
    """Return the edit to `inference_mode()`, in the way the guard was imported; None where that is too odd to edit."""
    mention = guard.trigger.func if isinstance(guard.trigger, cst.Call) else guard.trigger
    safety: Literal["safe", "unsafe"] = "safe" if safe else "unsafe"
    name = dotted(mention)
    if name is None:
        return None
    owner = name.rpartition(".")[0]
    if owner:
        if module.facts.full_name(owner) != "torch":
            return None
        return Mend(safety, "use torch.inference_mode()", ((guard.trigger, f"{owner}.inference_mode()"),))
    known = [local for local, full in module.imports.items() if full == _INFERENCE_MODE]
    for local in known:
        if meaning(module, local, _INFERENCE_MODE, guard.trigger) == "imported":
            return Mend(safety, "use torch.inference_mode()", ((guard.trigger, f"{local}()"),))
    binding = import_above(module, name, guard.trigger)
    if binding is None or binding.full != "torch.no_grad" or not _is_free(module, "inference_mode"):
        return None
    for statement in module.nodes(cst.ImportFrom):
        if isinstance(statement.names, cst.ImportStar) or module.position(statement).line != binding.line:
            continue
        for alias in statement.names:
            own = dotted(alias.asname.name) if alias.asname is not None else dotted(alias.name)
            if own != name:
                continue
            uses = len(re.findall(rf"(?<![\w.]){name}\b", module.facts.code))
            # The import itself is one use (of the alias, where there is one) and this guard another.
            only_here = uses == 2
            plain = f"{dotted(alias.name)} as {name}" if alias.asname is not None else name
            imported: cst.CSTNode = alias.name if alias.asname is None else alias
            new = "inference_mode" if only_here else f"{plain}, inference_mode"
            return Mend(safety, "use torch.inference_mode()", ((guard.trigger, "inference_mode()"), (imported, new)))
    return None


def _is_free(module: Module, name: str) -> bool:
    """Return whether the file has no name of its own like one that is to be imported; attributes do not count."""
    return re.search(rf"(?<![\w.]){name}\b", module.facts.code) is None
