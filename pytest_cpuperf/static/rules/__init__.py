"""The rules. A file or folder dropped in here is a rule; so is what other packages offer."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from inspect import isabstract

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.heuristics import HEURISTICS
from pytest_cpuperf.registry import RULES, load_folder, offered, refuse_clash
from pytest_cpuperf.static.rules.base import CommentRule, ConfigRule, PythonRule, Rule, RuleOptions


@cache
def all_rules(options: RuleOptions | None = None) -> tuple[Rule, ...]:
    """Return one of each rule, ordered by code.

    Raises UsageError where another package offers one that cannot be loaded, or under a code or name that is taken.
    """
    load_folder(sys.modules[__name__], prefix="cpu")
    kinds = [kind for kind in dict.fromkeys(_kinds(Rule)) if kind.__module__.startswith(f"{__name__}.")]
    for package, kind in offered(RULES, Rule):
        _refuse_unfit(package, kind, kinds)
        kinds.append(kind)
    return tuple(sorted((kind(options or RuleOptions()) for kind in kinds), key=lambda rule: rule.code))


def _refuse_unfit(package: str, kind: type[Rule], taken: list[type[Rule]]) -> None:
    if kind in (Rule, PythonRule, ConfigRule, CommentRule):
        raise UsageError(f"the package {package} offers {kind.__name__}, which rules derive from, as a rule")
    for other in taken:
        if other.code == kind.code:
            refuse_clash(package, "the rule", kind.code, other.__name__)
        if other.name == kind.name:
            refuse_clash(package, "the rule", kind.name, f"{other.code}")
    if kind.heuristic is not None and kind.heuristic not in HEURISTICS:
        known = ", ".join(HEURISTICS)
        raise UsageError(
            f"the package {package} offers the rule {kind.code} for an unknown heuristic {kind.heuristic!r}",
            f"heuristics: {known}",
        )


def _kinds(base: type[Rule]) -> Iterator[type[Rule]]:
    for kind in base.__subclasses__():
        # A class whose module was loaded anew is not the one that counts.
        current = getattr(sys.modules.get(kind.__module__), kind.__name__, None) is kind
        if current and kind not in (PythonRule, ConfigRule, CommentRule) and not isabstract(kind):
            yield kind
        yield from _kinds(kind)
