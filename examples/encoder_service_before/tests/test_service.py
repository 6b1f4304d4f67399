"""What the service answers: checked with and without --cpuperf."""

import json

import numpy as np
import pytest
from service.handler import EmbeddingHandler


def test_similar_texts_have_similar_vectors(encoder):
    cat, kitten, tax = encoder.encode(["A cat sleeps.", "A kitten is asleep.", "The tax form is due in April."])
    assert cat @ kitten > 0.6 > 0.3 > cat @ tax


def test_order_and_batching_do_not_change_a_vector(encoder, paragraphs):
    texts = paragraphs[:12]
    together = encoder.encode(texts)
    for i in (0, 7, 11):
        np.testing.assert_allclose(together[i], encoder.encode([texts[i]])[0], atol=1e-5)


def test_onnx_and_torch_agree(encoder, onnx_encoder, paragraphs):
    texts = paragraphs[:12]
    np.testing.assert_allclose(onnx_encoder.encode(texts), encoder.encode(texts), atol=1e-4)


@pytest.mark.parametrize("body", [b"A cat sleeps.", json.dumps({"text": "A cat sleeps."}), {"text": "A cat sleeps."}])
def test_handler_takes_text_and_json(encoder, body):
    handler = EmbeddingHandler()
    handler.initialize(context=None)
    (vector,) = handler.handle([{"body": body}], context=None)
    np.testing.assert_allclose(vector, encoder.encode(["A cat sleeps."])[0], atol=1e-5)
