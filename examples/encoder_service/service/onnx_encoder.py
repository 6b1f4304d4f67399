"""The same model in onnxruntime."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from transformers import AutoTokenizer

from pytest_cpuperf.batching import sorted_batches
from service.pooling import unit_vectors
from service.weights import BATCH_SIZE, LONGEST_TEXT, MODEL_FOLDER


class OnnxEncoder:
    """Encodes texts with one session, on the CPUs this process may use."""

    def __init__(self, model_file: Path, threads: int | None = None) -> None:
        options = onnxruntime.SessionOptions()
        # Affinity, not the machine: in a container or under a pin the machine's core count is wrong.
        options.intra_op_num_threads = threads or len(os.sched_getaffinity(0))
        self.session = onnxruntime.InferenceSession(model_file, options, providers=["CPUExecutionProvider"])
        self.tokenizer = AutoTokenizer.from_pretrained(MODEL_FOLDER)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return unit vectors of shape (texts, 384)."""
        ids = self.tokenizer(list(texts), truncation=True, max_length=LONGEST_TEXT)["input_ids"]
        vectors: list[np.ndarray | None] = [None] * len(texts)
        for batch in sorted_batches([len(i) for i in ids], BATCH_SIZE):
            inputs = self.tokenizer.pad({"input_ids": [ids[i] for i in batch]}, padding="longest", return_tensors="np")
            feeds = {name: inputs[name] for name in ("input_ids", "attention_mask")}
            (tokens,) = self.session.run(["last_hidden_state"], feeds)
            for i, vector in zip(batch, unit_vectors(tokens, feeds["attention_mask"]), strict=True):
                vectors[i] = vector
        return np.stack(vectors)
