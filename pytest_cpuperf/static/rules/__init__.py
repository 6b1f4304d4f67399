"""The rules. One file is one rule; a file dropped in here is found."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from inspect import isabstract

from pytest_cpuperf.static.rules.base import Rule, RuleOptions


@cache
def all_rules(options: RuleOptions | None = None) -> tuple[Rule, ...]:
    """Return one of each rule, ordered by code."""
    for module in pkgutil.iter_modules(__path__):
        if module.name.startswith("cpu"):
            importlib.import_module(f"{__name__}.{module.name}")
    made = [kind(options or RuleOptions()) for kind in _kinds(Rule) if not isabstract(kind)]
    return tuple(sorted(made, key=lambda r: r.code))


def _kinds(base: type[Rule]) -> Iterator[type[Rule]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _kinds(kind)
