"""What proofs have to say of claims they do not judge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pytest_cpuperf.results.remarks.base import Remark


@dataclass(frozen=True)
class PackageMissing(Remark):
    """A proof needs a package that is not installed."""

    kind: ClassVar[str] = "package missing"
    package: str
    extra: str
    """The extra that brings it."""
