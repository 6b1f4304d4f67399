import os
import random
from pydoc_data.topics import topics

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="session")
def paragraphs():
    """256 real paragraphs of Python's own documentation: half of them under 36 tokens, a few over 500."""
    found = [p.strip() for text in topics.values() for p in text.split("\n\n") if p.strip()]
    return random.Random(7).sample(found, 256)


@pytest.fixture(scope="session")
def encoder():
    from service.torch_encoder import TorchEncoder

    return TorchEncoder()


@pytest.fixture(scope="session")
def model_file(tmp_path_factory):
    from service.export import export_onnx

    return export_onnx(tmp_path_factory.mktemp("onnx") / "minilm.onnx")


@pytest.fixture(scope="session")
def onnx_encoder(model_file):
    from service.onnx_encoder import OnnxEncoder

    return OnnxEncoder(model_file)
