"""The `cpuperf` command: one file per subcommand."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from pytest_cpuperf import __version__
from pytest_cpuperf.cli import check, compare, cpus, explain, inspect, prove, report
from pytest_cpuperf.errors import UsageError, nearest

_COMMANDS = {
    "check": check,
    "explain": explain,
    "cpus": cpus,
    "inspect": inspect,
    "prove": prove,
    "compare": compare,
    "report": report,
}


class Parser(argparse.ArgumentParser):
    """An argument parser that names the nearest known option or command."""

    def error(self, message: str) -> NoReturn:
        """Leave with 2, one line first and what to do next after it."""
        raise UsageError(message, f"see {self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command. Returns 0 for nothing to report, 1 for findings, 2 for wrong use or an error; 130 on Ctrl-C."""
    try:
        return _run(list(sys.argv[1:] if argv is None else argv))
    except UsageError as error:
        print(f"cpuperf: {error}", file=sys.stderr)
        if error.hint:
            print(f"  {error.hint}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Python would complain again when it flushes at exit.
        sys.stdout = None
        return 0


def _run(argv: list[str]) -> int:
    parser = Parser(prog="cpuperf", description="CPU-inference performance heuristics: found in source, measured here.")
    parser.add_argument("--version", action="version", version=f"cpuperf {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    by_name = {}
    for name, module in _COMMANDS.items():
        summary = (module.__doc__ or "").splitlines()[0]
        by_name[name] = commands.add_parser(name, help=summary, description=summary)
        module.add_arguments(by_name[name])
    if argv and not argv[0].startswith("-") and argv[0] not in by_name:
        raise UsageError(f"unknown command {argv[0]!r}{nearest(argv[0], by_name)}", f"commands: {', '.join(by_name)}")
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        asked = by_name.get(arguments.command, parser)
        options = [o for action in asked._actions for o in action.option_strings]
        raise UsageError(f"unknown argument {unknown[0]!r}{nearest(unknown[0].split('=')[0], options)}")
    if arguments.command is None:
        parser.print_help()
        return 2
    code: int = _COMMANDS[arguments.command].run(arguments)
    return code
