"""pytest-cpuperf: CPU-inference performance heuristics, found in source and measured on your machine."""

from pytest_cpuperf import clock as clock  # before any test can replace it

__version__ = "0.1.0"
