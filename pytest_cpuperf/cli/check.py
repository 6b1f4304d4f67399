"""Static checks alone: no torch, no onnxruntime, no transformers imported or installed."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.reports.formats import View, findings_format, findings_format_names
from pytest_cpuperf.results.files import write_text
from pytest_cpuperf.results.findings import CheckResult
from pytest_cpuperf.settings.checking import with_values
from pytest_cpuperf.settings.files import load, load_file
from pytest_cpuperf.settings.table import Settings

if TYPE_CHECKING:
    from pytest_cpuperf.reports.formats.base import Style


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files and folders (default: the config's, or all)")
    rules = parser.add_argument_group("rules")
    rules.add_argument("--select", metavar="CODES", help="check these rules only: CPU101,CPU2 or ALL")
    rules.add_argument("--extend-select", metavar="CODES", help="check these rules too")
    rules.add_argument("--ignore", metavar="CODES", help="leave these rules out")
    fixes = parser.add_argument_group("fixes")
    fixes.add_argument("--fix", action="store_true", help="make the safe fixes")
    fixes.add_argument(
        "--unsafe-fixes", action="store_true", help="make the unsafe ones too (or show them, with --diff)"
    )
    fixes.add_argument("--diff", action="store_true", help="show what fixes would change; write nothing")
    output = parser.add_argument_group("output")
    output.add_argument("--format", choices=findings_format_names(), default="text", help="default: text")
    output.add_argument("--output-file", metavar="FILE", help="write there instead of standard output")
    output.add_argument("--show-silenced", action="store_true", help="say why rules stay silent on what they looked at")
    output.add_argument("--statistics", action="store_true", help="how many findings each rule has")
    output.add_argument("--exit-zero", action="store_true", help="exit with 0 even where there are findings")
    known = parser.add_argument_group("what is known already")
    known.add_argument("--baseline", metavar="FILE", help="do not report the findings in FILE")
    known.add_argument(
        "--write-baseline", action="store_true", help="write the findings to the baseline, and exit with 0"
    )
    run_group = parser.add_argument_group("how it runs")
    run_group.add_argument("--config", metavar="FILE", help="the configuration file to use")
    run_group.add_argument("--isolated", action="store_true", help="ignore all configuration files")
    run_group.add_argument(
        "--force-exclude", action="store_true", help="leave excluded files out even if named outright"
    )
    run_group.add_argument("--stdin-filename", metavar="FILE", help="the name of what is read from standard input (-)")
    run_group.add_argument("--jobs", type=_count, metavar="N", help="processes (default: by the number of files)")
    run_group.add_argument("--no-cache", action="store_true", help="check every file anew")


def run(arguments: argparse.Namespace) -> int:
    """Check, fix where asked, print, and return the exit code."""
    settings = _settings(arguments)
    if arguments.paths == ["-"]:
        return _run_on_stdin(arguments, settings)
    # Deferred: --help needs none of it.
    from pytest_cpuperf.machine.limits import read_limits
    from pytest_cpuperf.machine.placement import usable_cpus
    from pytest_cpuperf.machine.topology import read_topology
    from pytest_cpuperf.static.check import Run, check_paths

    how = Run(
        force_exclude=arguments.force_exclude,
        thorough=arguments.show_silenced,
        jobs=arguments.jobs,
        cpus=usable_cpus(read_topology(), read_limits()),
        use_cache=not arguments.no_cache and not arguments.isolated,
    )
    paths = [Path(p) for p in arguments.paths] or [settings.root / p for p in settings.paths]
    result = check_paths(paths, settings, how)
    if arguments.fix or arguments.diff or arguments.unsafe_fixes:
        changed = _fix(arguments, settings, result)
        if arguments.diff:
            return 1 if changed and not arguments.exit_zero else 0
        if changed:
            result = check_paths(paths, settings, how)
    result, code = _held_against_baseline(arguments, settings, result)
    if code is not None:
        return code
    _write(arguments, _render(arguments, result))
    return 1 if (result.findings or result.errors) and not arguments.exit_zero else 0


def _run_on_stdin(arguments: argparse.Namespace, settings: Settings) -> int:
    from pytest_cpuperf.static.check import rules_for, selected_rules
    from pytest_cpuperf.static.file_check import check_source
    from pytest_cpuperf.static.fixing import fix_source
    from pytest_cpuperf.static.source.neighbours import Neighbours

    name = arguments.stdin_filename or "<stdin>"
    data = sys.stdin.buffer.read()
    rules = rules_for(name, selected_rules(settings), settings)
    if arguments.fix or arguments.unsafe_fixes:
        # As formatters do: the fixed source is all that goes to standard output.
        fixed, _, _ = fix_source(data, name, rules, arguments.unsafe_fixes)
        sys.stdout.buffer.write(fixed)
        return 1 if check_source(fixed, name, rules).findings and not arguments.exit_zero else 0
    folder = Path(os.path.abspath(name)).parent  # an editor's file has neighbours, too
    result = check_source(data, name, rules, arguments.show_silenced, Neighbours(folder, settings.root))
    result, code = _held_against_baseline(arguments, settings, result)
    if code is not None:
        return code
    _write(arguments, _render(arguments, result))
    return 1 if (result.findings or result.errors) and not arguments.exit_zero else 0


def _fix(arguments: argparse.Namespace, settings: Settings, result: CheckResult) -> bool:
    """Show or write the fixes, and return whether there were any."""
    from pytest_cpuperf.static.fixing import fix_files, write

    fixed = fix_files(result, settings, arguments.unsafe_fixes)
    for file in fixed:
        name = os.path.relpath(file.path, settings.root).replace(os.sep, "/")
        if arguments.diff:
            sys.stdout.write(file.diff(name))
        else:
            write(file)
    count = sum(f.applied for f in fixed)
    if count and arguments.format == "text" and not arguments.diff:
        print(f"fixed {count} {'finding' if count == 1 else 'findings'} in {len(fixed)} files", file=sys.stderr)
    return bool(fixed)


def _held_against_baseline(
    arguments: argparse.Namespace, settings: Settings, result: CheckResult
) -> tuple[CheckResult, int | None]:
    """Return the result without what is known, and an exit code where the run ends here."""
    named = arguments.baseline or (settings.baseline and os.fspath(settings.root / settings.baseline))
    if not named:
        if arguments.write_baseline:
            raise UsageError("--write-baseline needs a file", "name it with --baseline FILE, or baseline in the config")
        return result, None
    from pytest_cpuperf.static.baseline import read_baseline, without_known, write_baseline

    path = Path(named)
    if arguments.write_baseline:
        count = write_baseline(path, result.findings)
        print(f"{count} {'finding' if count == 1 else 'findings'} written to {path}", file=sys.stderr)
        return result, 0
    result, gone = without_known(result, read_baseline(path))
    for entry in gone:
        print(f"{path}: {entry.rule} in {entry.path} is there no more: take it out (--write-baseline)", file=sys.stderr)
    return result, None


def _render(arguments: argparse.Namespace, result: CheckResult) -> str:
    if arguments.statistics:
        from pytest_cpuperf.reports.findings import render_statistics

        return render_statistics(result)
    view = View(arguments.show_silenced, pages=_pages)
    style = _terminal_style() if not arguments.output_file else None
    if style is not None:
        view = replace(view, style=style)
    return findings_format(arguments.format).render(result, view)


def _pages() -> dict[str, str]:
    from pytest_cpuperf.static.pages import page
    from pytest_cpuperf.static.rules import all_rules

    return {rule.code: page(rule) for rule in all_rules()}


def _terminal_style() -> Style | None:
    """Return how to colour, where standard output is a terminal that shows colours."""
    if not sys.stdout.isatty() or "NO_COLOR" in os.environ:
        return None
    from rich.console import Console
    from rich.text import Text

    console = Console()

    def style(text: str, name: str) -> str:
        with console.capture() as captured:
            console.print(Text(text, style=name), end="", soft_wrap=True)
        return captured.get()

    return style


def _write(arguments: argparse.Namespace, text: str) -> None:
    if arguments.output_file:
        write_text(Path(arguments.output_file), text)
    else:
        sys.stdout.write(text)


def _count(text: str) -> int:
    value = int(text) if text.isdigit() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, found {text!r}")
    return value


def _settings(arguments: argparse.Namespace) -> Settings:
    if arguments.isolated:
        settings = Settings(Path.cwd())
    elif arguments.config:
        settings = load_file(Path(arguments.config))
    else:
        settings = load(Path.cwd())
    flags = {
        key: [code for code in value.replace(",", " ").split() if code]
        for key in ("select", "extend-select", "ignore")
        if (value := getattr(arguments, key.replace("-", "_"))) is not None
    }
    return with_values(settings, flags, "command line")
