"""Settings as pytest's options and ini keys: declared, read, and refused with the nearest known name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_cpuperf.settings.table import SETTINGS

if TYPE_CHECKING:
    from pytest_cpuperf.errors import UsageError
    from pytest_cpuperf.settings.table import Settings

OTHER_SIDE = "cpuperf-other-side"
"""The name of the pytest plugin that runs tests at another revision, for `--cpuperf-against`."""

_OPTIONS = [setting for setting in SETTINGS.values() if setting.pytest]
_FLAGS = ("--cpuperf", "--no-cpuperf-static", *(o.flag for o in _OPTIONS))
_INIS = ("cpuperf", *(o.ini for o in _OPTIONS))


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
    parser.addini("cpuperf", "turn --cpuperf on for every run", type="bool", default=False)
    for option in _OPTIONS:
        if option.kind.metavar is None:
            group.addoption(option.flag, action="store_true", default=None, dest=option.ini, help=option.help)
        else:
            metavar = option.kind.metavar
            group.addoption(option.flag, default=None, dest=option.ini, metavar=metavar, help=option.help)
        if option.key == "static":
            off = "--no-cpuperf-static"
            group.addoption(off, action="store_false", default=None, dest=option.ini, help="no static checks")
        parser.addini(option.ini, option.help)


def reject_unknown(args: list[str]) -> None:
    """Raise pytest's UsageError for an argument that starts as our options do and is none of them."""
    for arg in args:
        flag = arg.split("=", 1)[0]
        if flag.startswith(("--cpuperf", "--no-cpuperf")) and flag not in _FLAGS:
            raise pytest.UsageError(f"unknown option {flag}{_nearest(flag, _FLAGS)}")


def reject_unknown_ini(config: pytest.Config) -> None:
    """Raise pytest's UsageError for an ini option that starts as ours do and is none of them."""
    # pytest 9.1 deprecates `inicfg` and has no other way to ask which keys a file holds.
    keys = config._inicfg if hasattr(config, "_inicfg") else config.inicfg
    for key in keys:
        if key.startswith("cpuperf") and key not in _INIS:
            raise pytest.UsageError(f"{config.inipath}: unknown option {key!r}{_nearest(key, _INIS)}")


def enabled(config: pytest.Config) -> bool:
    """Return whether `--cpuperf`, or one of the flags that mean nothing without it, was given."""
    if config.pluginmanager.has_plugin(OTHER_SIDE):
        return False  # it is measured from outside, whatever its addopts say
    return bool(config.option.cpuperf or config.option.cpuperf_only or config.getini("cpuperf"))


def read(config: pytest.Config) -> Settings:
    """Return the settings: flags over ini options over `[tool.cpuperf]`. Raises pytest's UsageError."""
    # Deferred: read only in a run that measures.
    from pytest_cpuperf.errors import UsageError
    from pytest_cpuperf.settings.checking import with_values
    from pytest_cpuperf.settings.files import load

    ini: dict[str, Any] = {}
    flags: dict[str, Any] = {}
    for option in _OPTIONS:
        if config.getini(option.ini) not in (None, ""):
            ini[option.key] = option.kind.from_text(str(config.getini(option.ini)))
        given = getattr(config.option, option.ini)
        if given is not None:
            flags[option.key] = option.kind.from_text(given) if isinstance(given, str) else given
    try:
        # Not `rootpath`: without an ini file pytest derives it from all that looks like a path among the arguments,
        # `--cpuperf-json /tmp/x.json` included.
        settings = load(config.inipath.parent if config.inipath else config.invocation_params.dir)
        settings = with_values(settings, ini, str(config.inipath))
        return with_values(settings, flags, "command line --cpuperf-…")
    except UsageError as error:
        raise usage_error(error) from None


def usage_error(error: UsageError) -> pytest.UsageError:
    """Return our error as pytest's, which ends the run with one line and exit code 4."""
    return pytest.UsageError(f"cpuperf: {error}", *([error.hint] if error.hint else []))


def _nearest(word: str, known: tuple[str, ...]) -> str:
    from pytest_cpuperf.errors import nearest  # deferred: difflib, where something is wrong

    return nearest(word, known)
