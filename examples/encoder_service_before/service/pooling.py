"""From token vectors to one unit vector per text."""

import numpy as np


def unit_vectors(tokens: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the mean over real tokens, scaled to length 1.

    Shapes: (texts, tokens, dims) and (texts, tokens) to (texts, dims).
    """
    weights = mask[..., None].astype(np.float32)
    means = (tokens * weights).sum(axis=1) / weights.sum(axis=1)
    return means / np.linalg.norm(means, axis=1, keepdims=True)
