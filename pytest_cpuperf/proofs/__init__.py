"""The proofs: one file, or one folder, for each heuristic; a file dropped in here is found."""

from __future__ import annotations

import sys
from functools import cache

from pytest_cpuperf.errors import UsageError, nearest
from pytest_cpuperf.proofs.base import Proof
from pytest_cpuperf.registry import PROOFS, load_folder, offered, refuse_clash


@cache
def all_proofs() -> dict[str, Proof]:
    """Return one of each proof by the name of its heuristic, ours in the order of `HEURISTICS`.

    Raises UsageError where another package offers one that cannot be loaded, or for a heuristic that has one already.
    """
    load_folder(sys.modules[__name__])
    proofs = {kind.heuristic.name: kind() for kind in Proof.__subclasses__() if _is_ours(kind)}
    base: type[Proof] = Proof  # type: ignore[type-abstract]
    for package, kind in offered(PROOFS, base):
        name = kind.heuristic.name
        if name in proofs:
            refuse_clash(package, "a proof of", name, type(proofs[name]).__name__)
        proofs[name] = kind()
    return proofs


def _is_ours(kind: type[Proof]) -> bool:
    # A class whose module was loaded anew is not the one that counts.
    current = getattr(sys.modules.get(kind.__module__), kind.__name__, None) is kind
    return current and kind.__module__.startswith(f"{__name__}.")


def chosen_proofs(names: str | None) -> list[Proof]:
    """Return the proofs named in `a,b`, all for None. Raises UsageError for a name that has none."""
    proofs = all_proofs()
    if names is None:
        return list(proofs.values())
    chosen = [name.strip() for name in names.split(",") if name.strip()]
    for name in chosen:
        if name not in proofs:
            raise UsageError(f"no claim is called {name!r}{nearest(name, proofs)}", f"claims: {', '.join(proofs)}")
    if not chosen:
        raise UsageError("--claims takes names, found none", f"claims: {', '.join(proofs)}")
    return [proofs[name] for name in chosen]
