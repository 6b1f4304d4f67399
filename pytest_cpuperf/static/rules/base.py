"""What a rule is: documentation, examples, and a check, in one class."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from pytest_cpuperf.static.source.live import live_matches
from pytest_cpuperf.static.source.spans import Span

if TYPE_CHECKING:
    import libcst as cst

    from pytest_cpuperf.static.configs.properties import Properties
    from pytest_cpuperf.static.configs.yaml import YamlConfig
    from pytest_cpuperf.static.source.facts import Facts
    from pytest_cpuperf.static.source.module import Module
    from pytest_cpuperf.static.source.prune import Chunk


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


@dataclass
class Rule(ABC):
    """One static check. The class's docstring is its page; `VALID` and `INVALID` are its tests."""

    options: RuleOptions = field(default_factory=RuleOptions)

    def may_concern(self, data: bytes) -> bool:
        """Return whether a file's bytes hold one of the trigger words."""
        for word in self.trigger:  # noqa: SIM110 - runs once for every file and rule, and any() is slower
            if word in data:
                return True
        return False

    code: ClassVar[str]
    name: ClassVar[str]
    heuristic: ClassVar[str | None]
    """The heuristic in `pytest_cpuperf.heuristics` whose proof judges this rule."""
    on_by_default: ClassVar[bool] = True
    language: ClassVar[Literal["python", "properties", "yaml"]] = "python"
    trigger: ClassVar[tuple[bytes, ...]]
    """Files whose bytes hold none of these are not looked at for the rule."""
    VALID: ClassVar[tuple[str, ...]]
    """Sources the rule is silent on."""
    INVALID: ClassVar[tuple[str, ...]]
    """Sources with findings, on exactly the lines that hold `# <-`."""
    FIXED: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Sources before and after all fixes, unsafe ones included."""


class PythonRule(Rule):
    """A rule for Python source."""

    live: ClassVar[str]
    """A regular expression for the trigger in code, best with a literal beginning: what it matches in strings and
    comments does not count."""

    @abstractmethod
    def check(self, module: Module) -> Iterator[Report | Silence]:
        """Yield what is reported, and what has the trigger and is not, with the reason."""

    def uses(self, facts: Facts) -> list[int]:
        """Return where in the file's text the trigger is live."""
        return live_matches(self.live, facts.text, facts.code)

    def cannot_report(self, chunk: Chunk, facts: Facts) -> bool:
        """Return whether a function's text alone shows that nothing in it will be reported. Errs towards False."""
        return False

    def needed(self, chunks: set[Chunk], facts: Facts) -> set[Chunk]:
        """Return what must be parsed to judge some functions: themselves, and what else of the file the rule reads."""
        return chunks


class PropertiesRule(Rule):
    """A rule for TorchServe's `config.properties`."""

    language = "properties"

    @abstractmethod
    def check(self, config: Properties) -> Iterator[Report | Silence]:
        """Yield what is reported, and what has the trigger and is not, with the reason."""


class YamlRule(Rule):
    """A rule for TorchServe's model configuration in YAML."""

    language = "yaml"

    @abstractmethod
    def check(self, config: YamlConfig) -> Iterator[Report | Silence]:
        """Yield what is reported, and what has the trigger and is not, with the reason."""
