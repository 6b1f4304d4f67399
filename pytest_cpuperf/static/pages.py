"""A rule's page, from its docstring: for `cpuperf explain`, the documentation and SARIF."""

from __future__ import annotations

import inspect

from pytest_cpuperf.heuristics import HEURISTICS
from pytest_cpuperf.static.rules.base import Rule


def summary(rule: Rule) -> str:
    """Return the first line of a rule's page."""
    return (inspect.getdoc(rule) or "").splitlines()[0]


def page(rule: Rule) -> str:
    """Return a rule's page in Markdown, without its title."""
    text = inspect.getdoc(rule) or ""
    if rule.heuristic is not None:
        heuristic = HEURISTICS[rule.heuristic]
        text += f"\n\n## The claim behind it\n{heuristic.claim} (promised: {heuristic.promised}).\n{heuristic.source}"
    return text
