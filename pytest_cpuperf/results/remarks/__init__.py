"""What a reader should know of a figure: reasons and notes, as facts.

One small frozen record a kind, in the module of the room that finds it. `reports.sentences` words them.
"""

from pytest_cpuperf.results.remarks.base import Remark, Stated, stated

__all__ = ["Remark", "Stated", "stated"]
