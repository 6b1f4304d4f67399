"""Parsing, with `ast` where it can and with libcst where it must, without being taken down by what is given."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

from pytest_cpuperf.static.source.from_ast import from_ast, parsed_by_ast
from pytest_cpuperf.static.source.text import SourceError, TooDeepError, first_line
from pytest_cpuperf.static.source.tree import Tree

# Enough for what people write and generate; a call needs less than 10 KB of the stack.
_DEEPEST_CALLS = 10_000
# What CPython says of nesting that no release of it takes.
_TOO_DEEP = ("too many nested parentheses", "too many levels of indentation")


def parse(text: str) -> Tree:
    """Return the tree of a source text. Raises SourceError, with the line, where it is not valid or too deep."""
    try:
        return from_ast(text)
    except (RecursionError, MemoryError):  # the latter is what CPython's parser raises on deep nesting
        return _on_large_stack(from_ast, text)
    except SyntaxError as error:
        if error.msg in _TOO_DEEP:
            raise _too_deep(error.lineno) from None
        return _by_libcst(text)
    except (ValueError, LookupError):  # LookupError: a node of `ast` that is newer than we know
        return _by_libcst(text)


def refuse_broken(text: str) -> None:
    """Raise what `parse` raises, without making the tree of a text that is valid."""
    try:
        parsed_by_ast(text)
    except (RecursionError, MemoryError, SyntaxError, ValueError):
        parse(text)


def _by_libcst(text: str) -> Tree:
    """Return the tree of what `ast` does not take: newer than this Python, or not valid."""
    from pytest_cpuperf.static.source.libcst_trial import Refusal, try_libcst  # few files need it

    try:
        try_libcst(text)
    except Refusal as refusal:
        raise SourceError(f"not valid Python: {first_line(refusal)}", refusal.line) from None
    except RecursionError:
        raise _too_deep() from None
    return _on_large_stack(_from_libcst, text)


def _from_libcst(text: str) -> Tree:
    import libcst  # deferred: its import costs more than checking a hundred files

    from pytest_cpuperf.static.source.from_libcst import from_libcst

    return from_libcst(libcst.parse_module(text))


def _on_large_stack(make: Callable[[str], Tree], text: str) -> Tree:
    """Call in a thread with a stack of its own, and as many calls within calls as that has room for."""
    from pytest_cpuperf.static.source.libcst_trial import STACK_BYTES

    outcome: list[Tree | Exception] = []

    def work() -> None:
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(max(limit, _DEEPEST_CALLS))
        try:
            outcome.append(make(text))
        except Exception as error:
            outcome.append(error)
        finally:
            sys.setrecursionlimit(limit)

    before = threading.stack_size(STACK_BYTES)
    try:
        thread = threading.Thread(target=work, name="cpuperf-parse")
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    (made,) = outcome
    if isinstance(made, Tree):
        return made
    if isinstance(made, MemoryError) or isinstance(made.__context__ or made, RecursionError):
        raise _too_deep() from None
    raise SourceError(f"not valid Python: {first_line(made)}") from None


def _too_deep(line: int | None = None) -> TooDeepError:
    return TooDeepError("nested too deeply to be parsed", line)
