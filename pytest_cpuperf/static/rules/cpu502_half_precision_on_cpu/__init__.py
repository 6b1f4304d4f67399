"""CPU502 half-precision-on-cpu."""

from pytest_cpuperf.static.rules.cpu502_half_precision_on_cpu.rule import HalfPrecisionOnCpu

__all__ = ["HalfPrecisionOnCpu"]
