"""What a user did that cannot be done, said in one line; and the search for what they may have meant."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_cpuperf.results.printable import printable_text


class UsageError(Exception):
    """Wrong use or a broken configuration.

    The message is one line: what was expected, what was found, and where. `hint`, when there is one, says what to
    do next. Both may name files and values of others, and are shown on terminals: they are made fit for that.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(printable_text(message))
        self.hint = printable_text(hint) if hint is not None else None


class MissingExtraError(UsageError):
    """A feature needs a package that an optional extra brings."""

    def __init__(self, feature: str, package: str, extra: str) -> None:
        super().__init__(f"{feature} needs {package}, which is not installed: pip install 'pytest-cpuperf[{extra}]'")


def shown(value: object) -> str:
    """Return a value as a message shows it: short, and on one line."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number with thousands of digits
        return f"a {type(value).__name__}"
    return text if len(text) < 60 else f"{text[:57]}…"


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)` for the known word most like `word`, or an empty string."""
    import difflib  # where something is wrong, and nowhere else

    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {found[0]!r}?)" if found else ""
