"""What code means: model calls, gradient guards, training, where values go, counts of CPUs."""
