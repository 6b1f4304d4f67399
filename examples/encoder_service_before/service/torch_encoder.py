"""The service's main path: the model in torch."""

from collections.abc import Sequence

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

from service.pooling import unit_vectors
from service.weights import BATCH_SIZE, LONGEST_TEXT, MODEL_FOLDER


class TorchEncoder:
    """Encodes texts in the order they come."""

    def __init__(self) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(MODEL_FOLDER)
        self.model = AutoModel.from_pretrained(MODEL_FOLDER).eval()

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return unit vectors of shape (texts, 384)."""
        vectors = []
        for start in range(0, len(texts), BATCH_SIZE):
            inputs = self.tokenizer(
                list(texts[start : start + BATCH_SIZE]),
                padding="max_length",
                truncation=True,
                max_length=LONGEST_TEXT,
                return_tensors="pt",
            )
            with torch.no_grad():
                tokens = self.model(**inputs).last_hidden_state.numpy()
            vectors.append(unit_vectors(tokens, inputs["attention_mask"].numpy()))
        return np.concatenate(vectors)
