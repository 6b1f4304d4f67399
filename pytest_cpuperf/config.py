"""One frozen configuration from `[tool.cpuperf]` (or `cpuperf.toml`), ini options and flags.

An unknown key or a wrong type is an error that names the file, the key and the nearest known one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from pytest_cpuperf.errors import UsageError, nearest

_CHOICES = {
    "inconclusive": ("fail", "skip", "warn"),
    "pin": ("each", "measured", "off"),
    "ort-threads": ("available", "physical", "logical"),
}
_TEXTS = {
    "json": "a file name",
    "html": "a file name",
    "baseline": "a file name",
    "cache-dir": "a folder name",
    "save": "a name",
    "compare": "a name",
    "against": "a git revision",
}


@dataclass(frozen=True)
class Config:
    """What the user asked for. Field names are the keys of `[tool.cpuperf]` with `_` for `-`."""

    root: Path
    """The folder the configuration belongs to; paths and patterns are relative to it."""
    source: Path | None = None
    """The file it was read from."""

    paths: tuple[str, ...] = (".",)
    exclude: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    """Rule codes or prefixes; empty means the rules that are on by default."""
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_file_ignores: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    baseline: str | None = None
    """A file of findings that are known and not reported, relative to the root."""
    ort_threads: str = "available"
    """How fixes count threads for onnxruntime sessions."""
    cache_dir: str | None = None
    """Where results of unchanged files are kept; None takes the user's cache folder."""

    only: bool = False
    static: bool = True
    pin: str = "each"
    inconclusive: str = "skip"
    max_seconds: float = 20.0
    json: str | None = None
    html: str | None = None
    save: str | None = None
    """The name to store this run under."""
    compare: str | None = None
    """The name of the stored run to hold this one against."""
    against: str | None = None
    """The git revision whose same tests are measured beside this tree's."""

    @property
    def cache_folder(self) -> Path | None:
        """Where results of unchanged files and stored runs are kept; None where no folder can be had."""
        if self.cache_dir is not None:
            return self.root / self.cache_dir
        import platformdirs  # deferred: the idle plugin does without it

        try:
            return Path(platformdirs.user_cache_dir("pytest-cpuperf", appauthor=False))
        except (OSError, RuntimeError):
            return None

    def with_values(self, values: Mapping[str, Any], where: str) -> Config:
        """Return this configuration with `values` (keys as a user writes them) laid over it.

        Raises UsageError on an unknown key or a wrong type; `where` names the file or the flag in the message.
        """
        known = {f.name.replace("_", "-"): f.name for f in fields(self) if f.name not in ("root", "source")}
        checked: dict[str, Any] = {}
        for key, value in values.items():
            if key not in known:
                hint = "known keys: " + ", ".join(sorted(known))
                raise UsageError(f"{where}: unknown key {key!r}{nearest(key, known)}", hint)
            checked[known[key]] = _checked(key, value, where)
        return replace(self, **checked)


def _checked(key: str, value: Any, where: str) -> Any:
    """Return `value` in the type that `key` has, or raise UsageError saying what was expected and found."""

    def wrong(expected: str) -> UsageError:
        return UsageError(f"{where}: {key} takes {expected}, found {value!r}")

    if key in ("only", "static"):
        if not isinstance(value, bool):
            raise wrong("true or false")
        return value
    if key == "max-seconds":
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
            raise wrong("a number of seconds above 0")
        return float(value)
    if key in _TEXTS:
        if not isinstance(value, str) or not value:
            raise wrong(_TEXTS[key])
        return value
    if key in _CHOICES:
        choices = _CHOICES[key]
        if value not in choices:
            raise UsageError(
                f"{where}: {key} takes one of {', '.join(choices)}, found {value!r}{nearest(str(value), choices)}"
            )
        return value
    if key == "per-file-ignores":
        if not isinstance(value, Mapping):
            raise wrong("a table of pattern = [codes]")
        return {p: _codes(f"{key}.{p}", codes, where) for p, codes in value.items()}
    if key in ("select", "extend-select", "ignore"):
        return _codes(key, value, where)
    return _strings(key, value, where)


def _strings(key: str, value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(v, str) for v in value):
        raise UsageError(f"{where}: {key} takes a list of strings, found {value!r}")
    return tuple(value)


def _codes(key: str, value: Any, where: str) -> tuple[str, ...]:
    codes = _strings(key, value, where)
    for code in codes:
        if not re.fullmatch(r"ALL|[A-Z]+\d{0,3}", code):
            raise UsageError(f"{where}: {key} takes rule codes like 'CPU101', or 'ALL', found {code!r}")
    return codes


def load(start: Path) -> Config:
    """Return the configuration that governs `start`.

    That is the nearest `cpuperf.toml`, or `pyproject.toml` with a `[tool.cpuperf]` table, in `start` or a folder
    above it; without one the root is the nearest folder with a `pyproject.toml` or `.git`, else `start` itself.
    Raises UsageError where a file cannot be read or holds what it should not.
    """
    start = start.resolve()
    folders = [start, *start.parents]
    for folder in folders:
        own = folder / "cpuperf.toml"
        if own.is_file():
            return Config(root=folder, source=own).with_values(_read(own), str(own))
        shared = folder / "pyproject.toml"
        if shared.is_file():
            table = _read(shared).get("tool", {}).get("cpuperf")
            if table is not None:
                where = f"{shared} [tool.cpuperf]"
                if not isinstance(table, dict):
                    raise UsageError(f"{where}: expected a table, found {table!r}")
                return Config(root=folder, source=shared).with_values(table, where)
    for folder in folders:
        if (folder / "pyproject.toml").is_file() or (folder / ".git").exists():
            return Config(root=folder)
    return Config(root=start)


def load_file(path: Path) -> Config:
    """Return the configuration in one named file (`--config`), or raise UsageError."""
    if not path.is_file():
        raise UsageError(f"{path}: expected a configuration file, found none")
    document = _read(path)
    if path.name == "pyproject.toml":
        document = document.get("tool", {}).get("cpuperf", {})
    return Config(root=path.resolve().parent, source=path).with_values(document, str(path))


def _read(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib  # the idle plugin stays quick: read only when there is a file
    else:
        import tomli as tomllib
    try:
        with path.open("rb") as file:
            document: dict[str, Any] = tomllib.load(file)
            return document
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not valid TOML: {error}", "mend the file; nothing of it was used") from None
