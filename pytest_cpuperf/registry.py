"""How the package grows: a file dropped into a folder is found, and so is a class that another package offers.

Other packages offer classes through entry points, `[project.entry-points."pytest_cpuperf.rules"]` and
`"pytest_cpuperf.proofs"`, each naming a class.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

from pytest_cpuperf.errors import UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Kind = TypeVar("Kind")

RULES = "pytest_cpuperf.rules"
"""The entry points of other packages' rules."""
PROOFS = "pytest_cpuperf.proofs"
"""The entry points of other packages' proofs."""


_ROOMS = ("machine.evidence", "results.remarks", "proofs")


def load_kinds() -> None:
    """Load all of the package that brings kinds of evidence, measurements and remarks: files and the schema need them.

    Evidence brings the words that reports show it with, too.
    """
    for room in _ROOMS:
        load_folder(importlib.import_module(f"pytest_cpuperf.{room}"))


def load_folder(package: ModuleType, prefix: str = "") -> None:
    """Load every file and folder of a package whose name begins with `prefix`: what they define registers itself."""
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.startswith(prefix):
            importlib.import_module(f"{package.__name__}.{module.name}")


def missing(cls: type, required: Iterable[str]) -> str:
    """Return which of some attributes a class does not have, for a message; empty where it has them all."""
    return ", ".join(f"`{name}`" for name in required if not hasattr(cls, name))


def offered(group: str, base: type[Kind]) -> list[tuple[str, type[Kind]]]:
    """Return (package, class) of what installed packages offer under a group of entry points, in the packages' order.

    Raises UsageError, in one line that names the package, for one that cannot be loaded or is no class of that kind.
    """
    if not _mentioned(group):
        return []
    # Deferred: it takes as long to load as checking a file, and few environments need it.
    from importlib.metadata import entry_points

    found = sorted(entry_points(group=group), key=lambda point: (_package(point), point.name))
    return [(_package(point), _loaded(point, base)) for point in found]


def refuse_clash(package: str, what: str, word: str, taken_by: str) -> None:
    """Raise UsageError for a package that offers something under a word that is taken."""
    raise UsageError(
        f"the package {package} offers {what} {word}, which {taken_by} has already", f"uninstall {package}, or mend it"
    )


def _loaded(point: EntryPoint, base: type[Kind]) -> type[Kind]:
    package = _package(point)
    what = base.__name__.lower()

    def broken(why: str) -> UsageError:
        return UsageError(
            f"the package {package} offers a {what} that cannot be loaded ({point.value}): {why}",
            f"uninstall {package}, or mend it",
        )

    try:
        found = point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever another package does when it is imported, SystemExit too
        text = " ".join(str(error).split()) or "no reason given"
        raise broken(f"{type(error).__name__}: {text}") from None
    if not (isinstance(found, type) and issubclass(found, base)):
        raise broken(f"expected a subclass of {base.__module__}.{base.__name__}, found {found!r}")
    return found


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value.partition(":")[0].partition(".")[0]


def _mentioned(group: str) -> bool:
    """Return whether a package on the path may offer something under a group: a file says so by its bytes.

    Reading them takes a tenth of the time that `importlib.metadata` takes to be loaded and to look.
    """
    word = group.encode()
    return any(word in data for folder in sys.path for data in _entry_point_files(folder or "."))


def _entry_point_files(folder: str) -> Iterator[bytes]:
    """Yield the entry points of the packages installed in a folder, as they are written."""
    try:
        names = os.listdir(folder)
    except OSError:
        return  # an archive, or nothing at all
    for name in names:
        if name.endswith((".dist-info", ".egg-info")):
            with contextlib.suppress(OSError), open(f"{folder}/{name}/entry_points.txt", "rb") as file:
                yield file.read()
