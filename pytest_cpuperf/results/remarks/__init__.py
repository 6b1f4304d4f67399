"""What a reader should know of a figure: reasons and notes, as facts.

One small frozen record a kind, in a file for each room that makes remarks. `reports.sentences` words them.
"""

import importlib
import pkgutil

from pytest_cpuperf.results.remarks.base import Remark, Stated, stated

__all__ = ["Remark", "Stated", "stated"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
