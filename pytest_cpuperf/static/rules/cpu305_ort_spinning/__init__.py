"""CPU305 ort-spinning."""

from pytest_cpuperf.static.rules.cpu305_ort_spinning.rule import OrtSpinning

__all__ = ["OrtSpinning"]
