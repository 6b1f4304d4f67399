"""The fix: a handler becomes a plain function."""

from __future__ import annotations

import re

from pytest_cpuperf.static.rules.base import Mend
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import last_name
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.torch_code.handlers import packages

_THREADED_FRAMEWORKS = frozenset({"fastapi", "starlette"})
_ROUTE_VERBS = frozenset({"get", "post", "put", "patch", "delete", "api_route", "route"})
_AWAITS = pattern(r"\bawait\b|\basync\s+(?:for|with)\b")
# Libraries whose calls want the thread that the event loop runs in, and what is asked of a loop under any name.
_LOOPS = frozenset({"asyncio", "anyio", "trio", "uvloop"})
_ASKS_LOOP = r"create_task|ensure_future|get_running_loop|get_event_loop|run_in_executor|call_soon|call_later|call_at"


def mend(module: Module, function: cst.FunctionDef) -> Mend | None:
    """Return the fix: a route of FastAPI or Starlette becomes a plain function, where nothing wants it asynchronous."""
    if _THREADED_FRAMEWORKS.isdisjoint(packages(module.facts)) or module.class_of(function) is not None:
        return None
    # Another decorator may await what it decorates.
    if not all(last_name(d.decorator) in _ROUTE_VERBS for d in function.decorators) or not function.decorators:
        return None
    if _AWAITS.search(module.code(function.body)) or function.asynchronous is None:
        return None
    if _uses_loop(module.facts, function.name.value) or _is_used(module.facts, function.name.value):
        return None
    word = module.position(function.asynchronous)
    head = re.match(r"async[ \t]+", module.code(function))
    if head is None:
        return None
    place = word._replace(end_column=word.column + head.end())
    return Mend("unsafe", "let the framework run the handler in a thread", ((place, ""),))


def _uses_loop(facts: Facts, name: str) -> bool:
    """Return whether a function of the file, or one that it calls, uses the event loop or what belongs to one."""
    imported = {local for local, full in facts.imports.items() if full.partition(".")[0] in _LOOPS}
    loops = "|".join(map(re.escape, sorted(imported))) or "asyncio"
    made = re.findall(rf"(?<!\w)(\w+)[ \t]*(?::[^=\n]+)?=[ \t]*(?:{loops})\b", facts.code)  # `lock = asyncio.Lock()`
    wanted = re.compile(rf"\b(?:{_ASKS_LOOP}|{loops}{''.join(f'|{n}' for n in made)})\b")
    reached = facts.outline.closure(facts.outline.functions.get(name, ()))
    return any(wanted.search(chunk.code) for chunk in reached)


def _is_used(facts: Facts, name: str) -> bool:
    """Return whether the file names a function where it does not define it: it may be called there, and awaited."""
    return re.search(rf"(?<![\w.])(?<!def ){re.escape(name)}\b(?!\s*=(?!=))", facts.code) is not None
