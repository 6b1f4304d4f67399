"""Which CPUs exist, which are ours, where a test is placed, and what disturbed it."""
