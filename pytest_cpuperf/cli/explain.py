"""A rule's page; all codes without one."""

from __future__ import annotations

import argparse
import inspect
import textwrap

from pytest_cpuperf.errors import UsageError, nearest
from pytest_cpuperf.heuristics import HEURISTICS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("code", nargs="?", metavar="CODE", help="a rule's code or name, such as CPU101")


def run(arguments: argparse.Namespace) -> int:
    """Print the page or the list."""
    from pytest_cpuperf.static.rules import all_rules  # the rules, and with them libcst
    from pytest_cpuperf.static.rules.base import Rule

    def first_line(rule: Rule) -> str:
        return (inspect.getdoc(rule) or "").splitlines()[0]

    rules = all_rules()
    if arguments.code is None:
        for rule in rules:
            print(f"{rule.code}  {rule.name:<22} {'on ' if rule.on_by_default else 'off'}  {first_line(rule)}")
        return 0
    for rule in rules:
        if arguments.code.upper() == rule.code or arguments.code == rule.name:
            print(f"# {rule.code} {rule.name}\n\n{inspect.getdoc(rule)}")
            if rule.heuristic:
                heuristic = HEURISTICS[rule.heuristic]
                claim = textwrap.fill(f"{heuristic.claim} (promised: {heuristic.promised}).", 80)
                print(f"\n## The claim behind it\n{claim}\n{heuristic.source}")
            return 0
    known = [name for rule in rules for name in (rule.code, rule.name)]
    raise UsageError(f"no rule {arguments.code!r}{nearest(arguments.code, known)}", "cpuperf explain lists the rules")
