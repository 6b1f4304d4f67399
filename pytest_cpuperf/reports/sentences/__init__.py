"""Facts as sentences: one function for each kind of remark, in a file for each room that makes remarks."""

import importlib
import pkgutil

from pytest_cpuperf.reports.sentences.base import sentence

__all__ = ["sentence"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
