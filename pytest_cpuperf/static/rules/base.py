"""What a rule is: documentation, examples, and a check, in one class."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pytest_cpuperf.static.source.spans import Span

if TYPE_CHECKING:
    from pytest_cpuperf.static.configs.launches import LaunchFile
    from pytest_cpuperf.static.configs.properties import Properties
    from pytest_cpuperf.static.configs.yaml import YamlConfig
    from pytest_cpuperf.static.source import nodes as cst
    from pytest_cpuperf.static.source.chunks import Chunk
    from pytest_cpuperf.static.source.facts import Facts
    from pytest_cpuperf.static.source.module import Module
    from pytest_cpuperf.static.source.text import Words
    from pytest_cpuperf.static.suppressions import Suppressions


@dataclass(frozen=True)
class Mend:
    """A fix in a rule's terms: nodes (or places) and the text that replaces them."""

    safety: Literal["safe", "unsafe"]
    description: str
    edits: tuple[tuple[cst.CSTNode | Span, str], ...]


@dataclass(frozen=True)
class Report:
    """A place a rule reports."""

    node: cst.CSTNode | Span
    message: str
    help: str
    fix: Mend | None = None


@dataclass(frozen=True)
class Silence:
    """A place that has the rule's trigger and is not reported, and why."""

    node: cst.CSTNode | Span
    because: str


@dataclass(frozen=True)
class RuleOptions:
    """What a configuration tells rules."""

    ort_threads: str = "available"
    """How fixes count threads for onnxruntime: `available`, `physical` or `logical`."""
    transformers: str = "installed"
    """The major version of transformers that the code runs under: `4`, `5`, or `installed` for what is found here."""
    loads_without_dtype: bool = False
    """Whether CPU502 reports models that are loaded with no `dtype`, which takes the checkpoint's in transformers 5."""

    @property
    def transformers_major(self) -> int | None:
        """The major version of transformers; None where it is not told and none is installed."""
        return _installed_major("transformers") if self.transformers == "installed" else int(self.transformers)


@cache
def _installed_major(package: str) -> int | None:
    from importlib.metadata import PackageNotFoundError, version  # slow to import; few runs ask

    try:
        return int(version(package).partition(".")[0])
    except (PackageNotFoundError, ValueError):
        return None


Language = Literal["python", "properties", "yaml", "dockerfile", "procfile"]


class ConfigExample(str):
    """An example in another language than the first of its rule's."""

    __slots__ = ()
    language: ClassVar[Language]


class YamlExample(ConfigExample):
    """An example in YAML."""

    __slots__ = ()
    language = "yaml"


class DockerfileExample(ConfigExample):
    """A Dockerfile as an example."""

    __slots__ = ()
    language = "dockerfile"


class ProcfileExample(ConfigExample):
    """A Procfile as an example."""

    __slots__ = ()
    language = "procfile"


@dataclass
class Rule(ABC):
    """One static check. The class's docstring is its page; `VALID` and `INVALID` are its tests.

    A rule derives from `PythonRule`, `ConfigRule` or `CommentRule`, which say how it checks. One that forgets an
    attribute fails when it is defined, in one line that names it.
    """

    options: RuleOptions = field(default_factory=RuleOptions)

    code: ClassVar[str]
    """`CPU` and three digits; other packages take letters of their own."""
    name: ClassVar[str]
    """Words with hyphens between them."""
    heuristic: ClassVar[str | None]
    """The heuristic in `pytest_cpuperf.heuristics` whose proof judges this rule."""
    on_by_default: ClassVar[bool] = True
    languages: ClassVar[tuple[Language, ...]]
    """The languages of the files it checks."""
    trigger: ClassVar[tuple[bytes, ...]]
    """Files whose bytes hold none of these are not looked at for the rule."""
    VALID: ClassVar[tuple[str, ...]]
    """Sources the rule is silent on."""
    INVALID: ClassVar[tuple[str, ...]]
    """Sources with findings, on exactly the lines that hold `# <-`."""
    FIXED: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Sources before and after all fixes, unsafe ones included."""

    _REQUIRED: ClassVar[dict[str, Callable[[Any], bool]]] = {
        "code": lambda value: isinstance(value, str) and re.fullmatch(r"[A-Z]+\d{3}", value) is not None,
        "name": lambda value: isinstance(value, str) and re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", value) is not None,
        "heuristic": lambda value: value is None or isinstance(value, str),
        "languages": lambda value: isinstance(value, tuple) and bool(value),
        "trigger": lambda value: _all_of(bytes, value),
        "VALID": lambda value: _all_of(str, value),
        "INVALID": lambda value: _all_of(str, value),
    }

    def __init_subclass__(cls, base: bool = False, **kwargs: Any) -> None:
        """Refuse a rule that lacks something. `base=True` is for classes that rules derive from."""
        super().__init_subclass__(**kwargs)
        if base:
            return
        wrong = [name for name, fits in cls._REQUIRED.items() if not fits(getattr(cls, name, ...))]
        if not (cls.__doc__ or "").strip():
            wrong.append("a docstring, which is its page")
        wrong += [f"{name}()" for name in sorted(_abstract(cls))]
        if wrong:
            raise TypeError(f"the rule {cls.__name__} lacks, or has in another form than expected: {', '.join(wrong)}")

    def may_concern(self, words: Words) -> bool:
        """Return whether a file's bytes hold one of the trigger words."""
        for word in self.trigger:  # noqa: SIM110 - runs once for every file and rule, and any() is slower
            if word in words:
                return True
        return False


def _all_of(kind: type, values: Any) -> bool:
    return isinstance(values, tuple) and bool(values) and all(isinstance(v, kind) for v in values)


def _abstract(cls: type) -> set[str]:
    """Return the methods a class leaves open; `__abstractmethods__` is not there yet when a class is being defined."""
    names = {name for parent in cls.__mro__ for name in getattr(parent, "__abstractmethods__", ())}
    return {name for name in names if getattr(getattr(cls, name, None), "__isabstractmethod__", False)}


class PythonRule(Rule, base=True):
    """A rule for Python source."""

    languages: ClassVar[tuple[Language, ...]] = ("python",)
    live: ClassVar[str | tuple[str, ...]]
    """A regular expression for the trigger in code, or several: best each with a literal beginning, which is found
    fastest. What it matches in strings and comments does not count."""
    otherwise: ClassVar[str | None] = None
    """Why a place that matches `live` is left alone where `check` says nothing of it; None where such places are no
    more than words to screen files by."""

    _REQUIRED = {**Rule._REQUIRED, "live": lambda value: _all_of(str, (value,) if isinstance(value, str) else value)}

    @abstractmethod
    def check(self, module: Module) -> Iterator[Report | Silence]:
        """Yield what is reported, and what has the trigger and is not, with the reason."""

    @cached_property
    def names(self) -> frozenset[str]:
        """The trigger words that are names, which a file may import or keep under others."""
        return frozenset(word for word in (w.decode() for w in self.trigger) if word.isidentifier())

    def uses(self, facts: Facts) -> list[int]:
        """Return where in the file's text the trigger is live."""
        patterns = (self.live,) if isinstance(self.live, str) else self.live
        return [offset for pattern in patterns for offset in facts.live_matches(pattern)]

    def may_report(self, facts: Facts) -> bool:
        """Return whether the whole file's text leaves the rule anything to report. Errs towards True."""
        return True

    def cannot_report(self, chunk: Chunk, facts: Facts) -> bool:
        """Return whether a function's text alone shows that nothing in it will be reported. Errs towards False.

        The code that is in no function is asked about as a chunk, too.
        """
        return False

    def needed(self, chunks: set[Chunk], facts: Facts) -> set[Chunk]:
        """Return what must be parsed to judge some functions: themselves, and what else of the file the rule reads."""
        return chunks


class ConfigRule(Rule, base=True):
    """A rule for a server's configuration files: TorchServe's `config.properties` and model configurations in YAML,
    and what starts other servers: Dockerfiles, Procfiles and compose files.

    A rule says in `languages` which of them it checks.
    """

    def check_properties(self, config: Properties) -> Iterator[Report | Silence]:
        """Yield what is reported, and what has the trigger and is not, with the reason."""
        yield from ()

    def check_yaml(self, config: YamlConfig) -> Iterator[Report | Silence]:
        """Yield what is reported, and what has the trigger and is not, with the reason."""
        yield from ()

    def check_launches(self, file: LaunchFile) -> Iterator[Report | Silence]:
        """Yield what is reported, and what has the trigger and is not, with the reason."""
        yield from ()


class CommentRule(Rule, base=True):
    """A rule for the comments that silence other rules; it is asked after these."""

    languages = ("python",)

    @abstractmethod
    def check(self, suppressions: Suppressions, used: set[tuple[int, str]], checked: set[str]) -> Iterator[Report]:
        """Yield what is reported of a file's suppressions.

        `used` are those that silenced something, as (index, code); `checked` the codes of the rules that were asked.
        """
