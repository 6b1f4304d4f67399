"""Signals for processes that tests start."""

import signal


def hear_ctrl_c():
    """Undo what a shell does to what it runs in the background: it ignores Ctrl-C, and so do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
