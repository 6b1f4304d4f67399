"""A claim's page, from its proof's docstring."""

from __future__ import annotations

import inspect

from pytest_cpuperf.proofs.base import Proof


def summary(proof: Proof) -> str:
    """Return what is claimed, in a line."""
    return proof.heuristic.claim


def page(proof: Proof) -> str:
    """Return a claim's page in Markdown, without its title."""
    heuristic = proof.heuristic
    return (
        f"{inspect.getdoc(proof) or ''}\n\n## Who claims it\n{heuristic.claim} (promised: {heuristic.promised}).\n"
        f"{heuristic.source}"
    )
