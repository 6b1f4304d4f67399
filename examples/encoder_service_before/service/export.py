"""The model as an ONNX file, with free batch size and length.

python -m service.export model.onnx
"""

import sys
from pathlib import Path

import torch
from transformers import AutoModel, AutoTokenizer

from service.weights import MODEL_FOLDER


def export_onnx(path: Path) -> Path:
    """Write the model to `path` and return it."""
    model = AutoModel.from_pretrained(MODEL_FOLDER, add_pooling_layer=False).eval()
    tokenizer = AutoTokenizer.from_pretrained(MODEL_FOLDER)
    # Sizes of 0 or 1 would be taken for constants.
    example = tokenizer(["two texts", "of different length"], padding=True, return_tensors="pt")
    names = ("input_ids", "attention_mask")
    free = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    torch.onnx.export(
        model,
        kwargs={name: example[name] for name in names},
        f=str(path),
        input_names=list(names),
        output_names=["last_hidden_state"],
        dynamic_shapes=dict.fromkeys(names, free),
        dynamo=True,
        verbose=False,
    )
    return path


if __name__ == "__main__":
    export_onnx(Path(sys.argv[1]))
