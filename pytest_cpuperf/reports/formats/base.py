"""What an output format is: a file in this folder with one class, which registers itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    # Findings are written without what runs bring.
    from pytest_cpuperf.results.findings import CheckResult
    from pytest_cpuperf.results.run import RunResult

Style = Callable[[str, str], str]
"""Returns a text in a style (`bold`, `red`, `cyan`, …) of the terminal."""


def unstyled(text: str, style: str) -> str:
    """Return the text as it is."""
    return text


@dataclass(frozen=True)
class View:
    """How findings are shown."""

    show_silenced: bool = False
    style: Style = unstyled
    pages: Callable[[], dict[str, str]] = field(default=dict)
    """Returns the rules' pages in Markdown, by code; called by formats that show them."""


class FindingsFormat(ABC):
    """A way to write static findings: `cpuperf check --format NAME`."""

    name: ClassVar[str]
    holds_any_text: ClassVar[bool] = False
    """Whether control characters can stand in it as they are, as in JSON; otherwise it gets none to render."""
    formats: ClassVar[dict[str, type[FindingsFormat]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _register(cls, "name", FindingsFormat.formats)

    @abstractmethod
    def render(self, result: CheckResult, view: View) -> str:
        """Return the text, with a line break at its end."""


class RunFormat(ABC):
    """A way to write a run: `cpuperf report RESULTS -o FILE`, chosen by the file's suffix."""

    suffix: ClassVar[str]
    """With its dot: `.html`."""
    summary: ClassVar[str]
    """What it is, for `cpuperf report --help`: a few words."""
    holds_any_text: ClassVar[bool] = False
    """As of `FindingsFormat`."""
    formats: ClassVar[dict[str, type[RunFormat]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _register(cls, "suffix", RunFormat.formats)
        if not isinstance(getattr(cls, "summary", None), str):
            raise TypeError(f"the format {cls.__name__} needs a `summary`: what it is, in a few words")

    @abstractmethod
    def render(self, run: RunResult, title: str) -> str:
        """Return the text. Raises MissingExtraError where what it is made with is not installed."""


def _register(cls: type, key: str, formats: dict[str, Any]) -> None:
    word = cls.__dict__.get(key)
    if not isinstance(word, str):
        raise TypeError(f"the format {cls.__name__} needs a `{key}`")
    if "render" not in cls.__dict__:
        raise TypeError(f"the format {cls.__name__} needs a method `render`")
    known = formats.get(word)
    # A module that is loaded anew registers its class anew.
    if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
        raise TypeError(f"{cls.__name__} and {known.__name__} have the same {key}, {word!r}")
    formats[word] = cls
