"""The pytest options and their ini twins: declared, read into a Config, and refused with the nearest known name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_cpuperf.errors import UsageError, nearest

if TYPE_CHECKING:
    from pytest_cpuperf.config import Config
    from pytest_cpuperf.marker import Marker

MARKER_HELP = (
    "cpuperf(cores=None, smt='avoid', node='one', kind='performance', max_seconds=20, confidence=0.95): "
    "where a test is pinned under --cpuperf, and how long and how surely it measures"
)
OTHER_SIDE = "cpuperf-other-side"
"""The name of the pytest plugin that runs tests at another revision, for `--cpuperf-against`."""


@dataclass(frozen=True)
class Option:
    """One option: the flag `--cpuperf-KEY`, the ini option `cpuperf_key` and the key of `[tool.cpuperf]`."""

    key: str
    help: str
    metavar: str | None = None
    """None for a flag that takes no value."""

    @property
    def flag(self) -> str:
        """The command-line flag."""
        return f"--cpuperf-{self.key}"

    @property
    def ini(self) -> str:
        """The name in pytest's ini file; also the attribute of the parsed flag."""
        return "cpuperf_" + self.key.replace("-", "_")


OPTIONS = (
    Option("only", "run static checks and measured tests alone"),
    Option("pin", "what is pinned: each test (default), measured tests only, or off", "{each,measured,off}"),
    Option(
        "inconclusive",
        "what an inconclusive measurement does to a test that passed otherwise: skip it (default), fail or warn",
        "{fail,skip,warn}",
    ),
    Option("max-seconds", "the most one measurement may take (default: 20)", "S"),
    Option("save", "store this run's figures under NAME, for later runs to be held against", "NAME"),
    Option("compare", "hold this run against the one stored under NAME, relative to the machine's own speed", "NAME"),
    Option("against", "measure the same tests at a git revision too, block by block, and fail what got slower", "REV"),
    Option("json", "write results (schema cpuperf/results/1) to FILE", "FILE"),
    Option("html", "write the report to FILE, one page that needs no network", "FILE"),
)
_FLAGS = ("--cpuperf", "--cpuperf-static", "--no-cpuperf-static", *(o.flag for o in OPTIONS))
_INIS = ("cpuperf", "cpuperf_static", *(o.ini for o in OPTIONS))


def declare(parser: pytest.Parser) -> None:
    """Add the options to pytest's parser."""
    group = parser.getgroup("cpuperf", "CPU-inference performance heuristics")
    group.addoption(
        "--cpuperf",
        action="store_true",
        default=None,
        dest="cpuperf",
        help="turn it on: static checks as tests, every test pinned, budgets measured and enforced",
    )
    group.addoption(
        "--cpuperf-static", action="store_true", default=None, dest="cpuperf_static", help="static checks (default)"
    )
    group.addoption(
        "--no-cpuperf-static", action="store_false", default=None, dest="cpuperf_static", help="no static checks"
    )
    parser.addini("cpuperf", "turn --cpuperf on for every run", type="bool", default=False)
    parser.addini("cpuperf_static", "static checks under --cpuperf (true or false)")
    for option in OPTIONS:
        if option.metavar is None:
            group.addoption(option.flag, action="store_true", default=None, dest=option.ini, help=option.help)
        else:
            group.addoption(option.flag, default=None, dest=option.ini, metavar=option.metavar, help=option.help)
        parser.addini(option.ini, option.help)


def reject_unknown(args: list[str]) -> None:
    """Raise pytest's UsageError for an argument that starts as our options do and is none of them."""
    for arg in args:
        flag = arg.split("=", 1)[0]
        if flag.startswith(("--cpuperf", "--no-cpuperf")) and flag not in _FLAGS:
            raise pytest.UsageError(f"unknown option {flag}{nearest(flag, _FLAGS)}")


def reject_unknown_ini(config: pytest.Config) -> None:
    """Raise pytest's UsageError for an ini option that starts as ours do and is none of them."""
    # pytest 9.1 deprecates `inicfg` and has no other way to ask which keys a file holds.
    keys = config._inicfg if hasattr(config, "_inicfg") else config.inicfg
    for key in keys:
        if key.startswith("cpuperf") and key not in _INIS:
            raise pytest.UsageError(f"{config.inipath}: unknown option {key!r}{nearest(key, _INIS)}")


def enabled(config: pytest.Config) -> bool:
    """Return whether `--cpuperf`, or one of the flags that mean nothing without it, was given."""
    if config.pluginmanager.has_plugin(OTHER_SIDE):
        return False  # it is measured from outside, whatever its addopts say
    return bool(config.option.cpuperf or config.option.cpuperf_only or config.getini("cpuperf"))


def read(config: pytest.Config) -> Config:
    """Return the configuration: flags over ini options over `[tool.cpuperf]`. Raises pytest's UsageError."""
    from pytest_cpuperf.config import load  # deferred: read only in a run that measures

    values: dict[str, dict[str, Any]] = {"ini": {}, "flag": {}}
    for key in ("static", *(o.key for o in OPTIONS)):
        name = "cpuperf_" + key.replace("-", "_")
        if config.getini(name) not in (None, ""):
            values["ini"][key] = _typed(key, str(config.getini(name)))
        if getattr(config.option, name) is not None:
            values["flag"][key] = _typed(key, getattr(config.option, name))
    try:
        # Not `rootpath`: without an ini file pytest derives it from all that looks like a path among the arguments,
        # `--cpuperf-json /tmp/x.json` included.
        read_file = load(config.inipath.parent if config.inipath else config.invocation_params.dir)
        with_ini = read_file.with_values(values["ini"], str(config.inipath))
        return with_ini.with_values(values["flag"], "command line --cpuperf-…")
    except UsageError as error:
        raise usage_error(error) from None


def _typed(key: str, value: Any) -> Any:
    """Return a flag's or ini option's text in the type the configuration checks for; unfit text stays as it is."""
    if not isinstance(value, str):
        return value
    if key in ("static", "only"):
        return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(value.lower(), value)
    if key == "max-seconds":
        try:
            return float(value)
        except ValueError:
            return value
    return value


def output_path(key: str, config: Config, invocation: Path) -> Path | None:
    """Return where `json` or `html` go: a flag's file is relative to where pytest was called.

    Raises pytest's UsageError where there is a folder of that name.
    """
    name = getattr(config, key)
    if name is None:
        return None
    path: Path = invocation / name
    if path.is_dir():
        raise pytest.UsageError(f"cpuperf: {key} takes a file name, found the folder {path}")
    return path


def marker(item: pytest.Item) -> Marker:
    """Return what the test's `cpuperf` marks say; fails the test, in one line, where they say what they cannot."""
    from pytest_cpuperf.marker import read_marker  # deferred: only for tests that carry the marker

    wrong: UsageError
    try:
        return read_marker([(m.args, m.kwargs) for m in reversed(list(item.iter_markers("cpuperf")))])
    except UsageError as error:
        wrong = error
    pytest.fail(f"{wrong}" + (f"\n{wrong.hint}" if wrong.hint else ""), pytrace=False)


def runs_in_workers(config: pytest.Config) -> bool:
    """Return whether xdist distributes this run."""
    return bool(getattr(config.option, "numprocesses", None) or getattr(config.option, "tx", None))


def passed_on(config: pytest.Config) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return what of this run's command line another run of the same tests needs: arguments, and the values of
    the options that the project's conftest files declare.
    """
    option = config.option
    arguments = [part for name in option.plugins for part in ("-p", name)]
    arguments += [part for text in option.override_ini or () for part in ("-o", text)]
    arguments += [f"--import-mode={option.importmode}"]
    arguments += ["-n0"] if config.pluginmanager.has_plugin("xdist") else []
    # Options that are added outside any group are those of conftest files; pytest has no other way to ask for them.
    own = getattr(getattr(config._parser, "_anonymous", None), "options", ())
    values = {o.dest: getattr(option, o.dest, None) for o in own}
    return tuple(arguments), {n: v for n, v in values.items() if isinstance(v, (str, int, float, list, type(None)))}


def usage_error(error: UsageError) -> pytest.UsageError:
    """Return our error as pytest's, which ends the run with one line and exit code 4."""
    return pytest.UsageError(f"cpuperf: {error}", *([error.hint] if error.hint else []))
