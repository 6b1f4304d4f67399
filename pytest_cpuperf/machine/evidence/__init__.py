"""What the machine did while something was timed: steal, other processes, waiting, throttling, pressure, migrations.

All of it is read from counters before and after; the difference is the evidence. A counter that a system does not
have is None, never zero. Each file in `quantities/` is one quantity.
"""

import importlib
import pkgutil

from pytest_cpuperf.machine.evidence import quantities
from pytest_cpuperf.machine.evidence.base import Moment, Quantity
from pytest_cpuperf.machine.evidence.disturbance import with_disturbance
from pytest_cpuperf.machine.evidence.processes import ProcessCounters, read_process
from pytest_cpuperf.machine.evidence.watch import Watch, total

__all__ = ["Moment", "ProcessCounters", "Quantity", "Watch", "read_process", "total", "with_disturbance"]

for _module in pkgutil.iter_modules(quantities.__path__):
    importlib.import_module(f"{quantities.__name__}.{_module.name}")
