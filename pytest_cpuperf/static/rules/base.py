"""What a rule is: documentation, examples, and a check, in one class."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import libcst as cst

from pytest_cpuperf.static.module import Module


@dataclass(frozen=True)
class Report:
    """A place a rule reports."""

    node: cst.CSTNode
    message: str
    help: str


@dataclass(frozen=True)
class Silence:
    """A place that has the rule's trigger and is not reported, and why."""

    node: cst.CSTNode
    because: str


class Rule(ABC):
    """One static check. The class's docstring is its page; `VALID` and `INVALID` are its tests."""

    code: ClassVar[str]
    name: ClassVar[str]
    heuristic: ClassVar[str | None]
    """The heuristic in `pytest_cpuperf.heuristics` whose proof judges this rule."""
    on_by_default: ClassVar[bool] = True
    trigger: ClassVar[re.Pattern[bytes]]
    """Files whose bytes do not hold this are not parsed for the rule."""
    VALID: ClassVar[tuple[str, ...]]
    """Sources the rule is silent on."""
    INVALID: ClassVar[tuple[str, ...]]
    """Sources with findings, on exactly the lines that hold `# <-`."""

    @abstractmethod
    def check(self, module: Module) -> Iterator[Report | Silence]:
        """Yield what is reported, and what has the trigger and is not, with the reason."""
