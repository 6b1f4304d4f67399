"""CPU405 inference-blocks-event-loop."""

from pytest_cpuperf.static.rules.cpu405_inference_blocks_event_loop.rule import InferenceBlocksEventLoop

__all__ = ["InferenceBlocksEventLoop"]
