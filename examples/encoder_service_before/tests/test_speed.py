"""What the service promises of its speed. Measured under --cpuperf; without it each function runs once."""

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
