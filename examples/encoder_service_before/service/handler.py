"""The TorchServe handler: JSON requests to vectors.

Packed with `torch-model-archiver --model-name minilm --handler service/handler.py`; see config.properties.
"""

import json
from typing import Any

from service.torch_encoder import TorchEncoder


class EmbeddingHandler:
    """TorchServe calls `initialize` once in each worker, and `handle` with a batch of requests."""

    def initialize(self, context: Any) -> None:
        """Load the model."""
        self.encoder = TorchEncoder()

    def handle(self, data: list[dict[str, Any]], context: Any) -> list[list[float]]:
        """Return one vector for each request, whose body is a text or `{"text": …}`."""
        return self.encoder.encode([self._text(request) for request in data]).tolist()

    @staticmethod
    def _text(request: dict[str, Any]) -> str:
        body = request.get("data") or request.get("body") or ""
        if isinstance(body, (bytes, bytearray)):
            body = body.decode("utf-8")
        if isinstance(body, str) and body.startswith("{"):
            body = json.loads(body)
        return body["text"] if isinstance(body, dict) else body
