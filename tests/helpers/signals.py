"""Signals for processes that tests start."""

import signal


def hear_signals():
    """Undo what a shell does to what it runs in the background, and nohup to all: children ignore signals, too."""
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_DFL)
