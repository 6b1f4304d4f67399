"""What the service promises of its speed. Measured under --cpuperf; without it each function runs once."""

import onnxruntime
import pytest


@pytest.fixture
def requests(paragraphs):
    """What arrives together at a busy moment."""
    return paragraphs[:16]


def encode_padded(encoder, texts):
    """The way it was done before: every text padded to the model's longest."""
    import torch
    from service.pooling import unit_vectors

    inputs = encoder.tokenizer(texts, padding="max_length", truncation=True, max_length=512, return_tensors="pt")
    with torch.inference_mode():
        tokens = encoder.model(**inputs).last_hidden_state.numpy()
    return unit_vectors(tokens, inputs["attention_mask"].numpy())


def test_service_answers_fast_enough(cpuperf, encoder, requests):
    """An absolute budget, low enough for any machine the service would be put on."""
    cpuperf.throughput(lambda: encoder.encode(requests), items=len(requests), unit="texts", at_least=20)


@pytest.mark.cpuperf(max_seconds=40)
def test_service_is_twice_as_fast_as_padding(cpuperf, encoder, requests):
    """A budget that means the same on every machine."""
    requests = requests[:8]
    cpuperf.compare(
        candidate=lambda: encoder.encode(requests),
        baseline=lambda: encode_padded(encoder, requests),
        at_least=2.0,
        label="service over padding",
    )


@pytest.mark.cpuperf(max_seconds=60)
def test_planned_batches_over_padding(cpuperf, encoder, paragraphs):
    """What bucketing is worth for this model and these texts."""
    record = cpuperf.bucketing(
        encoder.model, encoder.tokenizer, paragraphs, batch_size=32, max_length=512, at_least=2.0, over="padded"
    )
    if record.measured:
        assert record.worst_difference <= 1e-4


def test_onnx_bucketing(cpuperf, onnx_encoder, paragraphs):
    """The same for the exported model; a smaller sample, because it has 20 seconds."""
    cpuperf.bucketing(onnx_encoder.session, onnx_encoder.tokenizer, paragraphs, at_least=2.0)


def test_thread_setting_costs_nothing(cpuperf, onnx_encoder, model_file, requests):
    """Our thread count against onnxruntime's default: worth having in a container, and no slower here."""
    from service.onnx_encoder import OnnxEncoder

    default = OnnxEncoder(model_file)
    default.session = onnxruntime.InferenceSession(model_file, providers=["CPUExecutionProvider"])
    cpuperf.compare(
        candidate=lambda: onnx_encoder.encode(requests),
        baseline=lambda: default.encode(requests),
        at_least=0.9,
        label="our threads over the default",
    )
