"""Results of files that have not changed: by content, path, rules and configuration.

One JSON file per project and selection, written by rename, so that two runs may share it: the later one wins, and
neither sees half of the other's. What is damaged is said and made anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_cpuperf import __version__
from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.results.codec import DecodeError, from_json, to_json
from pytest_cpuperf.results.files import read_regular, write_text
from pytest_cpuperf.results.findings import CheckResult
from pytest_cpuperf.results.printable import printable_text
from pytest_cpuperf.settings.table import Settings
from pytest_cpuperf.static.rules.base import RuleOptions

SCHEMA = "cpuperf/cache/2"


@dataclass
class Cache:
    """What is known of files, by key."""

    file: Path
    stamp: str
    """Stands for the rules' own source, the version and the configuration: another stamp, another truth."""
    known: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def open(cls, settings: Settings, codes: list[str]) -> Cache | None:
        """Return the project's cache; None where no folder for it can be had."""
        stamp = _stamp(settings, codes)
        folder = settings.cache_folder
        if folder is None:
            return None
        name = hashlib.sha256(os.fsencode(f"{settings.root}\0{stamp}")).hexdigest()[:20]
        cache = cls(folder / f"{name}.json", stamp)
        try:
            document = json.loads(read_regular(cache.file))
            if document["schema"] != SCHEMA or document["stamp"] != stamp or not isinstance(document["known"], dict):
                raise ValueError
            cache.known = document["known"]
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            print(printable_text(f"cpuperf: warning: {cache.file} is damaged and is made anew"), file=sys.stderr)
        return cache

    def get(self, key: str) -> CheckResult | None:
        """Return what is known, or None."""
        known = self.known.get(key)
        if known is None:
            return None
        if known == []:
            return CheckResult(1)
        try:
            return from_json(CheckResult, known)
        except DecodeError:
            return None

    def store(self, fresh: dict[str, CheckResult]) -> None:
        """Add what was worked out and write the cache; a folder that cannot be written to is no error."""
        if not fresh:
            return
        known = {**self.known, **{key: _to_json(result) for key, result in fresh.items()}}
        if len(known) > 50_000:  # contents long gone; what is in use comes back by itself
            known = {key: _to_json(result) for key, result in fresh.items()}
        document = {"schema": SCHEMA, "stamp": self.stamp, "known": known}
        try:
            write_text(self.file, json.dumps(document, separators=(",", ":")))
        except UsageError:
            return


def key_of(path: str, data: bytes) -> str:
    """Return the key of a file's content; the path belongs to it, for its findings name it."""
    return hashlib.blake2b(path.encode() + b"\0" + data, digest_size=16).hexdigest()


def _stamp(settings: Settings, codes: list[str]) -> str:
    sources = sorted(Path(__file__).parent.rglob("*.py"))
    newest = [f"{p.name}:{p.stat().st_size}:{p.stat().st_mtime_ns}" for p in sources]
    options = [settings.ort_threads, settings.transformers, str(settings.loads_without_dtype)]
    if settings.loads_without_dtype or "CPU203" in codes:
        options.append(str(RuleOptions(transformers=settings.transformers).transformers_major))
    said = [__version__, *codes, *options, repr(sorted(settings.per_file_ignores.items())), *newest]
    return hashlib.sha256("\0".join(said).encode()).hexdigest()


def _to_json(result: CheckResult) -> Any:
    # Most files have nothing to say.
    return to_json(result) if result.findings or result.silenced or result.errors else []
