"""The rules. One file is one rule; a file dropped in here is found."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from inspect import isabstract

from pytest_cpuperf.static.rules.base import Rule


@cache
def all_rules() -> tuple[Rule, ...]:
    """Return one of each rule, ordered by code."""
    for module in pkgutil.iter_modules(__path__):
        if module.name.startswith("cpu"):
            importlib.import_module(f"{__name__}.{module.name}")
    return tuple(sorted((r() for r in Rule.__subclasses__() if not isabstract(r)), key=lambda r: r.code))
