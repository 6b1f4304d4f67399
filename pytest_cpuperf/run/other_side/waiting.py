"""Waiting for a process by no clock that tests freeze."""

from __future__ import annotations

import subprocess
import threading
from typing import Any


def wait_for(process: subprocess.Popen[Any], seconds: float) -> bool:
    """Wait until a process has ended, for so many seconds at most, and return whether it has."""
    waiting = threading.Thread(target=process.wait, name="cpuperf-wait", daemon=True)
    waiting.start()
    waiting.join(seconds)
    return not waiting.is_alive()
