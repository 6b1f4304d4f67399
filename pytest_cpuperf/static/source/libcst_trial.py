"""libcst's parser, tried on a text in a process of its own. Run as a script; it imports nothing else of the package.

The parser is native and recursive. Deep nesting overflows its stack, which ends the process with no exception to
catch, and some nesting takes it exponential time. What it survives here it survives in the process that asks.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading

STACK_BYTES = 256 << 20
"""The stack that a text is parsed on, here and in the process that asks."""
_MOST_SECONDS = 10


class Refusal(Exception):
    """libcst does not take a text. The message is one line; `line` is where it says so."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def try_libcst(text: str) -> None:
    """Return where libcst parses a text. Raises Refusal where it does not, and RecursionError where it dies of it."""
    asked = json.dumps([sys.path, text])  # escaped: half a character is no UTF-8
    command = [sys.executable, "-I", __file__]
    try:
        done = subprocess.run(command, input=asked, capture_output=True, text=True, timeout=_MOST_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise RecursionError from None
    if done.returncode != 0:
        raise RecursionError
    refusal = json.loads(done.stdout)
    if refusal is not None:
        raise Refusal(*refusal)


def _main() -> None:
    sys.path[:], text = json.load(sys.stdin)
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.stack_size(STACK_BYTES)
    thread = threading.Thread(target=lambda: print(json.dumps(_refusal(text))))
    thread.start()
    thread.join()


def _refusal(text: str) -> tuple[str, int | None] | None:
    """Return what libcst says against a text; None where it parses it."""
    import libcst

    try:
        libcst.parse_module(text)
    except libcst.ParserSyntaxError as error:
        return error.message, error.raw_line
    except BaseException as error:  # its native part raises panics, which are no Exception
        return str(error) or type(error).__name__, None
    return None


if __name__ == "__main__":
    _main()
