"""The service's main path: the model in torch."""

from collections.abc import Sequence

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

from pytest_cpuperf.batching import sorted_batches
from service.pooling import unit_vectors
from service.weights import BATCH_SIZE, LONGEST_TEXT, MODEL_FOLDER


class TorchEncoder:
    """Encodes texts, similar lengths together, in the order they came."""

    def __init__(self) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(MODEL_FOLDER)
        self.model = AutoModel.from_pretrained(MODEL_FOLDER).eval()

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return unit vectors of shape (texts, 384)."""
        ids = self.tokenizer(list(texts), truncation=True, max_length=LONGEST_TEXT)["input_ids"]
        vectors = np.empty((len(texts), self.model.config.hidden_size), dtype=np.float32)
        for batch in sorted_batches([len(i) for i in ids], BATCH_SIZE):
            inputs = self.tokenizer.pad({"input_ids": [ids[i] for i in batch]}, padding="longest", return_tensors="pt")
            with torch.inference_mode():
                tokens = self.model(**inputs).last_hidden_state.numpy()
            vectors[list(batch)] = unit_vectors(tokens, inputs["attention_mask"].numpy())
        return vectors
