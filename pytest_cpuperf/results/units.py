"""Units of estimates and budgets."""

from __future__ import annotations


class Unit(str):
    """A unit as results name it: `sequences/s`, `s`, `×`, `× of main`, `% of peak`."""

    __slots__ = ()

    @property
    def is_ratio(self) -> bool:
        """Whether it counts how many times one speed is another."""
        return self.startswith("×")

    @property
    def is_share(self) -> bool:
        """Whether it is a ratio or a percentage: without the items or seconds that a pair has."""
        return self.startswith(("×", "%"))

    def after(self, number: str) -> str:
        """Return a number with its unit: `11.4×`, `171 sequences/s`."""
        return f"{number}{self}" if self.is_ratio else f"{number} {self}"
