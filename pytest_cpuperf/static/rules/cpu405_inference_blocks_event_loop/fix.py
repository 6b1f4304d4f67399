"""The fix: a handler becomes a plain function."""

from __future__ import annotations

import re

from pytest_cpuperf.static.rules.base import Mend
from pytest_cpuperf.static.source.lazy_libcst import cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import last_name
from pytest_cpuperf.static.torch_code.handlers import Handlers, packages

_THREADED_FRAMEWORKS = frozenset({"fastapi", "starlette"})
_ROUTE_VERBS = frozenset({"get", "post", "put", "patch", "delete", "api_route", "route"})
_AWAITS = re.compile(r"\bawait\b|\basync\s+(?:for|with)\b")


def mend(module: Module, handlers: Handlers, function: cst.FunctionDef) -> Mend | None:
    """Return the fix: a route of FastAPI or Starlette that awaits nothing becomes a plain function."""
    if _THREADED_FRAMEWORKS.isdisjoint(packages(module.facts)) or module.class_of(function) is not None:
        return None
    if not any(last_name(d.decorator) in _ROUTE_VERBS for d in function.decorators):
        return None
    if _AWAITS.search(module.code(function.body)) or function.asynchronous is None:
        return None
    word = module.position(function.asynchronous)
    after = function.asynchronous.whitespace_after
    if not isinstance(after, cst.SimpleWhitespace) or "\n" in after.value:
        return None
    place = word._replace(end_column=word.column + len("async") + len(after.value))
    return Mend("unsafe", "let the framework run the handler in a thread", ((place, ""),))
