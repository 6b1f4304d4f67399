"""The experiments that judge heuristics: one file per heuristic, built from measure/ and batching/."""
