"""CPU301 ort-default-threads."""

from pytest_cpuperf.static.rules.cpu301_ort_default_threads.rule import OrtDefaultThreads

__all__ = ["OrtDefaultThreads"]
