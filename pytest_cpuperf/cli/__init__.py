"""The `cpuperf` command: one file per subcommand."""

from __future__ import annotations

import argparse
import importlib
import io
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from pytest_cpuperf import __version__
from pytest_cpuperf.cli.output import tell
from pytest_cpuperf.errors import UsageError, nearest

COMMANDS = ("check", "explain", "cpus", "inspect", "prove", "calibrate", "compare", "report")
"""Each is a module of this folder, with `add_arguments` and `run`; its docstring is its summary."""


class Parser(argparse.ArgumentParser):
    """An argument parser that names the nearest known option or command."""

    def error(self, message: str) -> NoReturn:
        """Leave with 2, one line first and what to do next after it."""
        raise UsageError(message, f"see {self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command. Returns 0 for nothing to report, 1 for findings, 2 for wrong use or an error; 130 on Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names and arrows are no reason to end in a traceback
    try:
        return _run(list(sys.argv[1:] if argv is None else argv))
    except UsageError as error:
        tell(f"cpuperf: {error}")
        if error.hint:
            tell(f"  {error.hint}")
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
    asked = argv[0] if argv else None
    if asked is not None and not asked.startswith("-") and asked not in COMMANDS:
        raise UsageError(f"unknown command {asked!r}{nearest(asked, COMMANDS)}", f"commands: {', '.join(COMMANDS)}")
    # One that is asked for is loaded alone: checking a file is to take no longer than it must.
    modules = {name: _module(name) for name in ([asked] if asked in COMMANDS else COMMANDS) if name is not None}
    by_name = {}
    for name, module in modules.items():
        summary = (module.__doc__ or "").splitlines()[0]
        by_name[name] = commands.add_parser(name, help=summary, description=summary)
        module.add_arguments(by_name[name])
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        owner = by_name.get(arguments.command, parser)
        options = [o for action in owner._actions for o in action.option_strings]
        raise UsageError(f"unknown argument {unknown[0]!r}{nearest(unknown[0].split('=')[0], options)}")
    if arguments.command is None:
        parser.print_help()
        return 2
    code: int = modules[arguments.command].run(arguments)
    return code


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"{__name__}.{name}")
