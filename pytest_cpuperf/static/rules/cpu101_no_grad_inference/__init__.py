"""CPU101 no-grad-inference."""

from pytest_cpuperf.static.rules.cpu101_no_grad_inference.rule import NoGradInference

__all__ = ["NoGradInference"]
