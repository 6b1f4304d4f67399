"""CPU201 constant-padding."""

from pytest_cpuperf.static.rules.cpu201_constant_padding.rule import ConstantPadding

__all__ = ["ConstantPadding"]
