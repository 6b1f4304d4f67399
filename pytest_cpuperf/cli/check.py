"""Static checks alone: no torch, no onnxruntime, no transformers imported or installed."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pytest_cpuperf import config
from pytest_cpuperf.reports.findings import RENDERERS
from pytest_cpuperf.results.files import write_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files and folders (default: the config's, or all)")
    parser.add_argument("--select", metavar="CODES", help="check these rules only: CPU101,CPU2 or ALL")
    parser.add_argument("--extend-select", metavar="CODES", help="check these rules too")
    parser.add_argument("--ignore", metavar="CODES", help="leave these rules out")
    parser.add_argument("--format", choices=list(RENDERERS), default="text", help="default: text")
    parser.add_argument("--output-file", metavar="FILE", help="write there instead of standard output")
    parser.add_argument("--show-silenced", action="store_true", help="say why a rule stays silent on what it looked at")
    parser.add_argument("--isolated", action="store_true", help="ignore all configuration files")
    parser.add_argument("--config", metavar="FILE", help="the configuration file to use")
    parser.add_argument("--force-exclude", action="store_true", help="leave excluded files out even if named outright")
    parser.add_argument("--jobs", type=_count, metavar="N", help="processes (default: by the number of files)")
    parser.add_argument("--no-cache", action="store_true", help="check every file anew")
    parser.add_argument("--exit-zero", action="store_true", help="exit with 0 even where there are findings")


def run(arguments: argparse.Namespace) -> int:
    """Check, print, and return the exit code."""
    from pytest_cpuperf.static.check import Run, check_paths  # deferred: --help needs none of it

    settings = _settings(arguments)
    paths = [Path(p) for p in arguments.paths] or [settings.root / p for p in settings.paths]
    how = Run(
        force_exclude=arguments.force_exclude,
        thorough=arguments.show_silenced,
        jobs=arguments.jobs,
        use_cache=not arguments.no_cache and not arguments.isolated,
    )
    result = check_paths(paths, settings, how)
    text = RENDERERS[arguments.format](result, arguments.show_silenced)
    if arguments.output_file:
        write_text(Path(arguments.output_file), text)
    else:
        sys.stdout.write(text)
    return 1 if (result.findings or result.errors) and not arguments.exit_zero else 0


def _count(text: str) -> int:
    value = int(text) if text.isdigit() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, found {text!r}")
    return value


def _settings(arguments: argparse.Namespace) -> config.Config:
    if arguments.isolated:
        settings = config.Config(root=Path.cwd())
    elif arguments.config:
        settings = config.load_file(Path(arguments.config))
    else:
        settings = config.load(Path.cwd())
    flags = {
        key: [code for code in value.replace(",", " ").split() if code]
        for key in ("select", "extend-select", "ignore")
        if (value := getattr(arguments, key.replace("-", "_"))) is not None
    }
    return settings.with_values(flags, "command line")
