"""Environment variables that decide how many threads inference libraries start, and where these run."""

from __future__ import annotations

BINDING = {
    "GOMP_CPU_AFFINITY": frozenset[str](),
    "KMP_AFFINITY": frozenset({"none", "disabled", "noverbose,none"}),
    "OMP_PROC_BIND": frozenset({"false"}),
    "OMP_PLACES": frozenset[str](),
}
"""Variables that bind OpenMP's threads, with the values (lower case) that do not.

Bound, the main thread is on one CPU from the import of torch on, and so is all it starts (pytorch #49971, #91989).
"""

COUNTING = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "ORT_INTRA_OP_NUM_THREADS")
"""Variables that set a number of threads. onnxruntime does not hear OMP_NUM_THREADS, and the last since 1.31."""
