"""pytest-cpuperf: CPU-inference performance heuristics, found in source and measured on your machine."""

__version__ = "0.1.0"
