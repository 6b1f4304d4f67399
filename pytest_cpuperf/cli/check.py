"""Static checks alone: no torch, no onnxruntime, no transformers imported or installed."""

from __future__ import annotations

import argparse
import gc
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_cpuperf.cli.output import is_terminal, read_input, show, tell
from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.reports.formats import View, findings_format_names, render_findings
from pytest_cpuperf.results.findings import CheckResult
from pytest_cpuperf.results.printable import printable_text
from pytest_cpuperf.settings.checking import with_values
from pytest_cpuperf.settings.files import load, load_file
from pytest_cpuperf.settings.table import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_cpuperf.reports.formats.base import Style
    from pytest_cpuperf.static.fixing import Fixed


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
    # Collecting garbage, at the end too, would cost a twentieth of a process that has none and is over soon.
    gc.disable()
    try:
        return _run(arguments)
    finally:
        gc.freeze()
        gc.enable()


def _run(arguments: argparse.Namespace) -> int:
    settings = _settings(arguments)
    if arguments.paths == ["-"]:
        return _run_on_stdin(arguments, settings)
    # Deferred: --help needs none of it.
    from pytest_cpuperf.static.check import Run, check_files, find_files

    how = Run(
        force_exclude=arguments.force_exclude,
        thorough=arguments.show_silenced,
        jobs=arguments.jobs,
        cpus=_usable_cpus,
        use_cache=not arguments.no_cache and not arguments.isolated,
    )
    paths = [Path(p) for p in arguments.paths] or [settings.root / p for p in settings.paths]
    found = find_files(paths, settings, how)
    result = check_files(found, settings, how)
    unwritten = 0
    if arguments.fix or arguments.diff or arguments.unsafe_fixes:
        from pytest_cpuperf.static.fixing import fix_files  # deferred: a check alone needs none of it

        changed = fix_files(found.files, result, settings, arguments.unsafe_fixes)
        if arguments.diff:
            return _show_diff(arguments, "".join(file.diff for file in changed), result)
        names, unwritten = _fix(arguments, changed)
        result = check_files(found, settings, how)
        _tell_unmade(result, names, arguments.unsafe_fixes)
    code = _report(arguments, settings, result)
    return 2 if unwritten else code


def _usable_cpus() -> int:
    from pytest_cpuperf.machine.limits import read_limits
    from pytest_cpuperf.machine.placement import usable_cpus
    from pytest_cpuperf.machine.topology import read_topology

    return usable_cpus(read_topology(), read_limits())


def _tell_unmade(result: CheckResult, fixed: set[str], unsafe: bool) -> None:
    """Tell which fixes of the files that were fixed were not made, because what they leave did not hold."""
    from pytest_cpuperf.static.fixing import applies

    for f in result.findings:
        if applies(f.fix, unsafe) and f.path in fixed:
            tell(f"{f.location}: {f.rule} was not fixed: the code around the fix would not stay what it is")


def _fix(arguments: argparse.Namespace, changed: Iterable[Fixed]) -> tuple[set[str], int]:
    """Write what fixes make of files. Returns their names, and how many could not be written: one stops no other."""
    from pytest_cpuperf.static.fixing import write

    count = written = unwritten = 0
    names = set()
    for fixed in changed:
        try:
            if fixed.applied:
                write(fixed)
                count += fixed.applied
                written += 1
            names.add(fixed.name)
        except UsageError as error:
            unwritten += 1
            tell(f"cpuperf: {error}{f'; {error.hint}' if error.hint else ''}")
    if written and arguments.format == "text":
        tell(f"fixed {count} {'finding' if count == 1 else 'findings'} in {written} files")
    return names, unwritten


def _show_diff(arguments: argparse.Namespace, diff: str, result: CheckResult) -> int:
    """Show what fixes would change, and return the exit code: 1 for a change, and for what could not be checked."""
    if is_terminal() and not arguments.output_file:
        diff = "\n".join(map(printable_text, diff.split("\n")))  # elsewhere it stays a patch, byte for byte
    _write(arguments, diff)
    for error in result.errors:
        tell(f"{error.path}:{error.line or 1}: not checked: {error.message}")
    return 1 if (diff or result.errors) and not arguments.exit_zero else 0


def _run_on_stdin(arguments: argparse.Namespace, settings: Settings) -> int:
    from pytest_cpuperf.static.check import rules_for, selected_rules
    from pytest_cpuperf.static.discover import is_excluded, relative
    from pytest_cpuperf.static.file_check import check_source
    from pytest_cpuperf.static.fixing import Fixed, fix_source
    from pytest_cpuperf.static.source.neighbours import Neighbours

    path = Path(arguments.stdin_filename or "<stdin>")
    name = relative(path, settings.root)
    data = read_input()
    left_out = arguments.force_exclude and is_excluded(path, settings.root, settings.exclude)
    rules = [] if left_out else rules_for(name, selected_rules(settings), settings)
    neighbours = Neighbours(Path(os.path.abspath(path)).parent, settings.root)  # an editor's file has them, too
    result = CheckResult(0) if left_out else check_source(data, name, rules, arguments.show_silenced, neighbours)
    if not (arguments.fix or arguments.unsafe_fixes or arguments.diff):
        return _report(arguments, settings, result)
    after, applied, encoding = fix_source(data, name, rules, arguments.unsafe_fixes)
    if arguments.diff:
        diff = Fixed(path, name, data, after, applied, encoding).diff if applied else ""
        return _show_diff(arguments, diff, result)
    # As formatters do: the source, fixed or as it was, is all that goes to standard output.
    show(after)
    result = result if left_out else check_source(after, name, rules, neighbours=neighbours)
    for error in result.errors:
        tell(f"{error.path}:{error.line or 1}: not checked: {error.message}")
    return 1 if (result.findings or result.errors) and not arguments.exit_zero else 0


def _report(arguments: argparse.Namespace, settings: Settings, result: CheckResult) -> int:
    """Write what was found, and return the exit code."""
    result, code = _held_against_baseline(arguments, settings, result)
    if code is not None:
        return code
    _write(arguments, _render(arguments, result))
    return 1 if (result.findings or result.errors) and not arguments.exit_zero else 0


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
        tell(f"{count} {'finding' if count == 1 else 'findings'} written to {path}")
        return result, 0
    result, gone = without_known(result, read_baseline(path))
    for entry in gone:
        tell(f"{path}: {entry.rule} in {entry.path} is there no more: take it out (--write-baseline)")
    return result, None


def _render(arguments: argparse.Namespace, result: CheckResult) -> str:
    if arguments.statistics:
        from pytest_cpuperf.reports.findings import render_statistics

        return render_statistics(result)
    view = View(arguments.show_silenced, pages=_pages)
    style = _terminal_style() if not arguments.output_file else None
    if style is not None:
        view = replace(view, style=style)
    return render_findings(arguments.format, result, view)


def _pages() -> dict[str, str]:
    from pytest_cpuperf.static.pages import page
    from pytest_cpuperf.static.rules import all_rules

    return {rule.code: page(rule) for rule in all_rules()}


def _terminal_style() -> Style | None:
    """Return how to colour, where standard output is a terminal that shows colours."""
    if not is_terminal() or "NO_COLOR" in os.environ:
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
        from pytest_cpuperf.results.files import write_text

        write_text(Path(arguments.output_file), text)
    else:
        show(text)


def _count(text: str) -> int:
    value = int(text) if text.isdecimal() and len(text) < 10 else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, found {text!r}")
    return value


def _settings(arguments: argparse.Namespace) -> Settings:
    if arguments.isolated:
        settings = Settings(_folder())
    elif arguments.config:
        settings = load_file(Path(arguments.config))
    else:
        settings = load(_folder())
    flags = {
        key: [code for code in value.replace(",", " ").split() if code]
        for key in ("select", "extend-select", "ignore")
        if (value := getattr(arguments, key.replace("-", "_"))) is not None
    }
    return with_values(settings, flags, "command line")


def _folder() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageError("the folder this runs in is no longer there", "change to one that is") from None
