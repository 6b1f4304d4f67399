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


@dataclass(frozen=True)
class NoGradMode(Remark):
    """The model runs in no grad mode: it is no torch module."""

    kind: ClassVar[str] = "no grad mode"
    model: str
    """What it is, by its class."""


@dataclass(frozen=True)
class OutputsVary(Remark):
    """Outputs are not the same twice."""

    kind: ClassVar[str] = "outputs vary"
    difference: float
    """The largest absolute difference."""
    by_mode: bool = False
    """Whether it is between two grad modes, rather than two calls that are alike."""


@dataclass(frozen=True)
class RaisesInInferenceMode(Remark):
    """The model raises an error in inference mode."""

    kind: ClassVar[str] = "raises in inference mode"
    error: str


@dataclass(frozen=True)
class GainsOnlyWith(Remark):
    """A claim holds for some inputs alone."""

    kind: ClassVar[str] = "gains only with"
    inputs: str


@dataclass(frozen=True)
class IntervalTooWide(Remark):
    """What was measured left an interval that is too wide to judge by."""

    kind: ClassVar[str] = "interval too wide"
    smallest_difference: float
    """The smallest difference that it could have shown."""
    pairs: int


@dataclass(frozen=True)
class NoParameters(Remark):
    """The model has no floating-point parameters whose precision could be chosen."""

    kind: ClassVar[str] = "no parameters"
    model: str
    """What it is, by its class."""


@dataclass(frozen=True)
class OutputsAgree(Remark):
    """How far outputs in bfloat16 are those of float32, and what the CPU computes it with."""

    kind: ClassVar[str] = "outputs agree"
    loaded_as: str
    """The precision of the parameters as they were loaded."""
    cosine: float
    """The worst text's."""
    tolerance: float
    """The least that is the same output."""
    native: tuple[str, ...]
    """What the CPU has for it: AMX, AVX512-BF16."""
