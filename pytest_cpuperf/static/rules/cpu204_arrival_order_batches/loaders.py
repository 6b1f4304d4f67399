"""Loaders that take rows as they come, while their collator pads each batch."""

from __future__ import annotations

from pytest_cpuperf.static.rules.cpu204_arrival_order_batches.padding import pads_to_longest
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import argument, dotted, has_unpacking, last_name, string_value

_LOADERS = ("torch.utils.data.DataLoader", "torch.utils.data.dataloader.DataLoader")
_PADDING_COLLATOR = "DataCollatorWithPadding"


def is_loader(module: Module, call: cst.Call) -> bool:
    """Return whether a call makes a loader of torch."""
    return module.qualified(call.func) in _LOADERS


def collator_pads(module: Module, loader: cst.Call) -> bool:
    """Return whether a loader's collator is seen to pad each batch of texts to its longest."""
    collator = argument(loader, "collate_fn")
    if isinstance(collator, cst.Name):
        scope: cst.CSTNode = module.function_of(loader) or module.tree
        bound = [
            a.value
            for a in module.nodes(cst.Assign, within=scope)
            if any(isinstance(t.target, cst.Name) and t.target.value == collator.value for t in a.targets)
        ]
        if bound:
            return len(bound) == 1 and _is_padding_collator(bound[0])
    if isinstance(collator, cst.Call):
        return _is_padding_collator(collator)
    body: list[cst.CSTNode] = [collator.body] if isinstance(collator, cst.Lambda) else []
    if isinstance(collator, (cst.Name, cst.Attribute)):
        owner = dotted(collator.value) if isinstance(collator, cst.Attribute) else "self"
        body = [f.body for f in module.functions.get(last_name(collator) or "", ())] if owner == "self" else []
    return any(pads_to_longest(call) for b in body for call in module.nodes(cst.Call, within=b))


def _is_padding_collator(value: cst.CSTNode) -> bool:
    if not isinstance(value, cst.Call) or last_name(value.func) != _PADDING_COLLATOR:
        return False
    padding = argument(value, "padding", 1)
    return padding is None or string_value(padding) == "longest" or dotted(padding) == "True"


def why_loader_is_left(loader: cst.Call) -> str | None:
    """Return why a loader says itself that it is not meant, or None."""
    if has_unpacking(loader):
        return "unpacked arguments may hold a sampler"
    for name, position in (("sampler", 3), ("batch_sampler", 4)):
        given = argument(loader, name, position)
        if given is not None and dotted(given) != "None":
            return "it has a sampler, which may sort"
    shuffle = argument(loader, "shuffle", 2)
    if shuffle is not None and dotted(shuffle) != "False":
        return "it may shuffle: batches for training"
    size = argument(loader, "batch_size", 1)
    if size is None or (isinstance(size, cst.Integer) and size.value == "1"):
        return "batches are of one"
    return None
