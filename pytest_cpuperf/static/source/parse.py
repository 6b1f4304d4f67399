"""Parsing, with `ast` where it can and with libcst where it must, without being taken down by what is given.

libcst's parser is native and recursive: an expression some thousand levels deep overflows the stack and ends the
process, with no exception to catch. So depth is looked at before, and the parser gets a stack of its own.
"""

from __future__ import annotations

import sys
import threading

from pytest_cpuperf.static.source.from_ast import from_ast
from pytest_cpuperf.static.source.live import code_only
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.source.text import SourceError
from pytest_cpuperf.static.source.tree import Tree

# What `ast` raises, and what our own reading of its nodes does for a kind that is newer than we know.
_REFUSED = (SyntaxError, ValueError, RecursionError, MemoryError, LookupError)
_STACK_BYTES = 256 << 20
_DEEPEST_CALLS = 100_000
# CPython itself refuses more brackets within brackets (its tokenizer's MAXLEVEL).
_MOST_BRACKETS = 200
# Operators in one expression, each a level of the tree; the parser takes quadratic time in them.
_MOST_LINKS = 1000
_MOST_ELIFS = 10_000
_SHALLOW = 100
_TOKEN = pattern(r"[(\[{]|[)\]}]|[,=;\n]|[-+*/%|&^@.<>]+|\b(?:not|and|or|if|lambda|await|elif)\b")


def parse(text: str) -> Tree:
    """Return the tree of a source text. Raises SourceError, with the line, where it is not valid or too deep."""
    try:
        return from_ast(text)
    except _REFUSED:
        return _result(_parse_deep(text) if _is_deep(text) else _by_libcst(text))


def _parse_deep(text: str) -> Tree | BaseException:
    """Parse in a thread with a stack of its own, and as many calls within calls as that has room for."""
    outcome: list[Tree | BaseException] = []

    def work() -> None:
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(_DEEPEST_CALLS)
        try:
            outcome.append(from_ast(text))
        except _REFUSED:
            outcome.append(_by_libcst(text))
        finally:
            sys.setrecursionlimit(limit)

    before = threading.stack_size(_STACK_BYTES)
    try:
        thread = threading.Thread(target=work, name="cpuperf-parse")
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    return outcome[0]


def _by_libcst(text: str) -> Tree | BaseException:
    """Return the tree of what `ast` does not take: newer than this Python, too deep for it, or not valid."""
    import libcst  # deferred: its import costs more than checking a hundred files

    from pytest_cpuperf.static.source.from_libcst import from_libcst

    try:
        return from_libcst(libcst.parse_module(text))
    except libcst.ParserSyntaxError as error:
        return SourceError(f"not valid Python: {_first_line(error.message)}", error.raw_line)
    except BaseException as error:
        return error


def _result(result: Tree | BaseException) -> Tree:
    if isinstance(result, SourceError):
        raise result
    if isinstance(result, RecursionError):
        raise SourceError("nested too deeply to be parsed")
    if isinstance(result, Exception):  # whatever else the parser says of a text, the text is what is wrong
        raise SourceError(f"not valid Python: {_first_line(str(result)) or type(result).__name__}")
    if isinstance(result, BaseException):
        raise result
    return result


def _first_line(message: str) -> str:
    return (message.splitlines() or [""])[0]


def _is_deep(text: str) -> bool:
    """Return whether a text wants a larger stack. Raises SourceError for what no stack is enough for."""
    most = 0
    links = [0]
    elifs = 0
    for match in _TOKEN.finditer(code_only(text)):
        token = match.group()
        if token in "([{":
            links[-1] += 1  # a call or a subscript is a level too
            links.append(0)
            most = max(most, len(links))
            if len(links) > _MOST_BRACKETS:
                raise _too_deep(text, match.start())
        elif token in ")]}":
            if len(links) > 1:
                links.pop()
        elif token in ",=;\n":
            if token != "\n" or len(links) == 1:
                links[-1] = 0
        elif token == "elif":
            elifs += 1
        else:
            links[-1] += len(token)
            most = max(most, links[-1])
        if links[-1] > _MOST_LINKS or elifs > _MOST_ELIFS:
            raise _too_deep(text, match.start())
    return most > _SHALLOW or elifs > _SHALLOW


def _too_deep(text: str, offset: int) -> SourceError:
    return SourceError("nested too deeply to be parsed", text.count("\n", 0, offset) + 1)
