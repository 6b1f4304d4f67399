"""The same model in onnxruntime."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from transformers import AutoTokenizer

from service.pooling import unit_vectors
from service.weights import BATCH_SIZE, LONGEST_TEXT, MODEL_FOLDER


class OnnxEncoder:
    """Encodes texts with one session."""

    def __init__(self, model_file: Path) -> None:
        self.session = onnxruntime.InferenceSession(model_file, providers=["CPUExecutionProvider"])
        self.tokenizer = AutoTokenizer.from_pretrained(MODEL_FOLDER)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return unit vectors of shape (texts, 384)."""
        vectors = []
        for start in range(0, len(texts), BATCH_SIZE):
            inputs = self.tokenizer(
                list(texts[start : start + BATCH_SIZE]),
                padding="max_length",
                truncation=True,
                max_length=LONGEST_TEXT,
                return_tensors="np",
            )
            feeds = {name: inputs[name] for name in ("input_ids", "attention_mask")}
            (tokens,) = self.session.run(["last_hidden_state"], feeds)
            vectors.append(unit_vectors(tokens, feeds["attention_mask"]))
        return np.concatenate(vectors)
