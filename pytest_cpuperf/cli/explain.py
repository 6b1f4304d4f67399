"""A rule's page; all codes without one."""

from __future__ import annotations

import argparse
import sys

from pytest_cpuperf.errors import UsageError, nearest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("code", nargs="?", metavar="CODE", help="a rule's code or name, such as CPU101")
    parser.add_argument("--format", choices=("text", "md"), help="md for documentation (default: by where it is shown)")


def run(arguments: argparse.Namespace) -> int:
    """Print the page, the list, or all pages as one document."""
    from pytest_cpuperf.static.pages import page, summary
    from pytest_cpuperf.static.rules import all_rules

    rules = all_rules()
    if arguments.code is None:
        if arguments.format == "md":
            print("\n\n".join(f"# {rule.code} {rule.name}\n\n{page(rule)}" for rule in rules))
            return 0
        for rule in rules:
            print(f"{rule.code}  {rule.name:<25} {'on ' if rule.on_by_default else 'off'}  {summary(rule)}")
        return 0
    for rule in rules:
        if arguments.code.upper() == rule.code or arguments.code == rule.name:
            _show(f"# {rule.code} {rule.name}\n\n{page(rule)}", as_markdown=arguments.format != "text")
            return 0
    known = [name for rule in rules for name in (rule.code, rule.name)]
    raise UsageError(f"no rule {arguments.code!r}{nearest(arguments.code, known)}", "cpuperf explain lists the rules")


def _show(text: str, as_markdown: bool) -> None:
    if as_markdown and sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(text))
    else:
        print(text)
