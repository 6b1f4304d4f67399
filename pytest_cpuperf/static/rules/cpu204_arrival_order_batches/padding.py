"""Which calls pad a batch of texts to its longest, and what they are given to pad."""

from __future__ import annotations

from pytest_cpuperf.static.rules.cpu202_tokenizer_per_item import TOKENIZER_WORDS
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.names import argument, last_name, string_value
from pytest_cpuperf.static.torch_code.vocabulary import words

_METHODS = frozenset({"__call__", "batch_encode_plus", "pad"})
_TEXTS = ("text", "batch_text_or_text_pairs", "encoded_inputs")


def pads_to_longest(call: cst.Call) -> bool:
    """Return whether a call is a tokenizer's that pads to the longest of its batch."""
    function = call.func
    method = "__call__"
    if isinstance(function, cst.Attribute) and function.attr.value in _METHODS:
        method, function = function.attr.value, function.value
    if not isinstance(function, (cst.Name, cst.Attribute)):
        return False
    parts = words(last_name(function) or "")
    if not parts or parts[-1] not in TOKENIZER_WORDS:
        return False
    padding = argument(call, "padding")
    if padding is None:
        return method == "pad"
    if isinstance(padding, cst.Name):
        return padding.value == "True"
    return string_value(padding) == "longest"


def padded_input(call: cst.Call) -> cst.BaseExpression | None:
    """Return what a tokenizer's call is given to pad."""
    for name in _TEXTS:
        value = argument(call, name)
        if value is not None:
            return value
    return argument(call, _TEXTS[0], 0)
