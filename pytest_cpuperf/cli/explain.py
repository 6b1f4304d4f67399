"""A rule's or a claim's page; all of them without a name."""

from __future__ import annotations

import argparse

from pytest_cpuperf.cli.output import is_terminal, show_line
from pytest_cpuperf.errors import UsageError, nearest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="a rule's code or name, such as CPU101, or a claim, such as bucketing"
    )
    parser.add_argument("--format", choices=("text", "md"), help="md for documentation (default: by where it is shown)")


def run(arguments: argparse.Namespace) -> int:
    """Print the page, the list, or all pages as one document."""
    from pytest_cpuperf.proofs import all_proofs
    from pytest_cpuperf.proofs import pages as claims
    from pytest_cpuperf.static import pages as rules
    from pytest_cpuperf.static.rules import all_rules

    pages = {rule.code: f"# {rule.code} {rule.name}\n\n{rules.page(rule)}" for rule in all_rules()}
    codes = {rule.name: rule.code for rule in all_rules()}
    pages |= {name: f"# {name}\n\n{claims.page(proof)}" for name, proof in all_proofs().items()}
    if arguments.name is None:
        if arguments.format == "md":
            show_line("\n\n".join(pages.values()))
            return 0
        lines = [
            f"{rule.code}  {rule.name:<27} {'on ' if rule.on_by_default else 'off'}  {rules.summary(rule)}"
            for rule in all_rules()
        ]
        lines += ["", *(f"{name:<35} claim  {claims.summary(proof)}" for name, proof in all_proofs().items())]
        show_line("\n".join(lines))
        return 0
    for key in (arguments.name, arguments.name.upper(), codes.get(arguments.name)):
        if key in pages:
            _show(pages[key], as_markdown=arguments.format != "text")
            return 0
    known = [*pages, *codes]
    raise UsageError(
        f"no rule or claim {arguments.name!r}{nearest(arguments.name, known)}", "cpuperf explain lists the rules"
    )


def _show(text: str, as_markdown: bool) -> None:
    if as_markdown and is_terminal():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(text))
    else:
        show_line(text)
