"""CPU306 ort-left-for-debugging."""

from pytest_cpuperf.static.rules.cpu306_ort_left_for_debugging.rule import OrtLeftForDebugging

__all__ = ["OrtLeftForDebugging"]
