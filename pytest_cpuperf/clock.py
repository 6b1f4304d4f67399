"""The clock that all seconds are read from: monotonic, and the one that was there when the package was loaded.

Tests replace clocks (`monkeypatch.setattr(time, "perf_counter", …)`), and freezegun replaces every function of `time`
that any loaded module has as a global. So nothing else in this package reads `time`, and the functions are kept inside
objects, where neither looks.
"""

from __future__ import annotations

import time
from functools import partial

now = partial(time.perf_counter)
"""Return seconds since some fixed moment; only differences mean something."""
process_seconds = partial(time.process_time)
"""Return the CPU time of this process in seconds."""
sleep = partial(time.sleep)
"""Wait for so many seconds."""
