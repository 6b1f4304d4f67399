"""The table of settings. Each is one field of `Settings`, with its type, its default, and what it takes and does.

A field becomes a key of `[tool.cpuperf]`; one with `pytest=True` also a flag `--cpuperf-KEY` and an ini option
`cpuperf_key` of pytest. The README's tables are made from it (`python docs/make_options.py`).
"""

# Not `from __future__ import annotations`: the table is read off the annotations when pytest starts, and as text they
# would have to be evaluated first.
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pytest_cpuperf.settings.kinds import Choice, Codes, CodesByPattern, Kind, Seconds, Strings, Switch, Text


class Setting:
    """One setting, beside its type and default: what it takes, what it does, and whether pytest has it too."""

    __slots__ = ("help", "key", "kind", "pytest")

    def __init__(self, kind: Kind, help: str, pytest: bool = False) -> None:  # noqa: A002 - as argparse calls it
        """`pytest` makes it a flag and an ini option of pytest."""
        self.key = ""
        self.kind = kind
        self.help = help
        self.pytest = pytest

    @property
    def flag(self) -> str:
        """pytest's command-line flag."""
        return f"--cpuperf-{self.key}"

    @property
    def ini(self) -> str:
        """The name in pytest's ini file; also the attribute of the parsed flag."""
        return "cpuperf_" + self.key.replace("-", "_")


Words = tuple[str, ...]
_FILE = Text("a file name", "FILE")


class Settings(NamedTuple):
    """What the user asked for. Field names are the keys of `[tool.cpuperf]` with `_` for `-`."""

    root: Path
    """The folder the configuration belongs to; paths and patterns are relative to it."""
    source: Path | None = None
    """The file it was read from."""

    paths: Annotated[Words, Setting(Strings(), "what is checked")] = (".",)
    exclude: Annotated[Words, Setting(Strings(), "patterns, as in .gitignore, of what is not checked")] = ()
    select: Annotated[Words, Setting(Codes(), "rules to check, by code or its beginning")] = ()
    extend_select: Annotated[Words, Setting(Codes(), "rules to check, too")] = ()
    ignore: Annotated[Words, Setting(Codes(), "rules to leave out")] = ()
    per_file_ignores: Annotated[
        Mapping[str, Words], Setting(CodesByPattern(), "rules to leave out for the files of a pattern")
    ] = {}
    baseline: Annotated[str | None, Setting(_FILE, "a file of findings that are known and not reported")] = None
    ort_threads: Annotated[
        str, Setting(Choice("available", "physical", "logical"), "how fixes count threads for onnxruntime sessions")
    ] = "available"
    transformers: Annotated[
        str,
        Setting(
            Choice("installed", "4", "5"),
            "the major version of transformers that the code runs under: installed (default), 4 or 5",
        ),
    ] = "installed"
    loads_without_dtype: Annotated[
        bool, Setting(Switch(), "let CPU502 report models that are loaded with no dtype under transformers 5")
    ] = False
    cache_dir: Annotated[
        str | None,
        Setting(Text("a folder name", "FOLDER"), "where results of unchanged files and stored runs are kept"),
    ] = None

    static: Annotated[bool, Setting(Switch(), "static checks (default)", pytest=True)] = True
    only: Annotated[bool, Setting(Switch(), "run static checks and measured tests alone", pytest=True)] = False
    pin: Annotated[
        str,
        Setting(
            Choice("each", "measured", "off"),
            "what is pinned: each test (default), measured tests only, or off",
            pytest=True,
        ),
    ] = "each"
    inconclusive: Annotated[
        str,
        Setting(
            Choice("fail", "skip", "warn"),
            "what an inconclusive measurement does to a test that passed otherwise: skip it (default), fail or warn",
            pytest=True,
        ),
    ] = "skip"
    max_seconds: Annotated[
        float, Setting(Seconds(), "the most one measurement may take (default: 20)", pytest=True)
    ] = 20.0
    save: Annotated[
        str | None,
        Setting(
            Text("a name", "NAME"),
            "store this run's figures under NAME, for later runs to be held against",
            pytest=True,
        ),
    ] = None
    compare: Annotated[
        str | None,
        Setting(
            Text("a name", "NAME"),
            "hold this run against the one stored under NAME, relative to the machine's own speed",
            pytest=True,
        ),
    ] = None
    against: Annotated[
        str | None,
        Setting(
            Text("a git revision", "REV"),
            "measure the same tests at a git revision too, block by block, and fail what got slower",
            pytest=True,
        ),
    ] = None
    json: Annotated[str | None, Setting(_FILE, "write results (schema cpuperf/results/1) to FILE", pytest=True)] = None
    html: Annotated[
        str | None, Setting(_FILE, "write the report to FILE, one page that needs no network", pytest=True)
    ] = None

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


def _entries() -> Iterator[tuple[str, Setting]]:
    annotations: dict[str, Any] = Settings.__annotations__
    for name, annotation in annotations.items():
        for entry in getattr(annotation, "__metadata__", ()):
            entry.key = name.replace("_", "-")
            yield entry.key, entry


SETTINGS: dict[str, Setting] = dict(_entries())
"""By key, as a user writes it."""
