"""Batches of texts in the order they came, each padded to its longest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache

from pytest_cpuperf.static.rules.base import PythonRule, Report, Silence
from pytest_cpuperf.static.rules.cpu202_tokenizer_per_item import TOKENIZER_WORDS
from pytest_cpuperf.static.rules.cpu204_arrival_order_batches.cuts import CUTTERS, Cut, Origins, Parameter
from pytest_cpuperf.static.rules.cpu204_arrival_order_batches.examples import INVALID, VALID
from pytest_cpuperf.static.rules.cpu204_arrival_order_batches.loaders import (
    collator_pads,
    is_loader,
    why_loader_is_left,
)
from pytest_cpuperf.static.rules.cpu204_arrival_order_batches.padding import padded_input, pads_to_longest
from pytest_cpuperf.static.rules.cpu204_arrival_order_batches.reasons import (
    may_cut,
    why_cut_is_left,
    why_scope_is_left,
    why_taker_is_left,
)
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.chunks import Chunk
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import argument
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.source.text import Words
from pytest_cpuperf.static.torch_code.call_targets import CallTargets
from pytest_cpuperf.static.torch_code.handlers import with_callers

_COLLATES = pattern(r"\bcollate_fn\s*=\s*(?:self\s*\.\s*)?(\w+)")
_MESSAGE = "are batched in the order they came, each batch padded to its longest"
_HELP = "sort by length first: pytest_cpuperf.batching.plan_batches, or sorted_batches for a fixed size"
# A call of a tokenizer, or a loader.
_PADS = pattern(rf"(?:{'|'.join(sorted(TOKENIZER_WORDS))})\w*\s*(?:\.\s*\w+\s*)?\(|\bcollate_fn\s*=", re.IGNORECASE)
_LOOPING_WORDS = ("for", "while", "collate_fn")
_LOOPS = pattern(r"\b(?:for|while)\b|\bcollate_fn\s*=")
# How many functions may hand a batch on before it is padded.
_HELPERS_DEPTH = 3


class ArrivalOrderBatches(PythonRule):
    """Texts are cut into batches by position and padded per batch, with no sort by length before.

    ## What it does
    Finds tokenizer calls that pad a batch to its longest text, where the batch is a part of a list taken by position:
    a slice that moves on with a loop, `batched`, `chunked`, `islice`, `array_split`, `zip(*[it] * n)`, or a list of
    such parts. A function of the file may stand between the cut and the tokenizer. Also a `DataLoader` that takes rows
    as they come while its collator pads each batch.

    ## Why is this bad?
    A batch costs what its longest text costs. Texts of mixed length in one batch make the model work on padding; sorted
    by length first they do not. On real paragraphs that is worth about 2×, and a plan from a measured cost more; on
    texts of one length nothing. `cpuperf.bucketing(…, over="arrival")` measures it for yours.

    ## Example
    ```python
    for i in range(0, len(texts), 32):
        batch = tokenizer(texts[i : i + 32], padding=True, return_tensors="pt")
    ```

    ## Use instead
    ```python
    ids = tokenizer(texts)["input_ids"]
    results = [None] * len(ids)
    for batch in sorted_batches([len(i) for i in ids], 32):
        inputs = tokenizer.pad({"input_ids": [ids[i] for i in batch]}, return_tensors="pt")
        for i, result in zip(batch, run(inputs)):
            results[i] = result  # back in the order of the texts
    ```

    ## When it stays silent
    Where the function, or one that calls it in the file, sorts or buckets; where it trains, or hands the loader to what
    does; where batches are of one, or what is cut is one long text; and where padding is constant (see CPU201). For a
    `DataLoader`: where it has a sampler or shuffles.

    ## References
    https://github.com/pytorch/serve/blob/master/docs/performance_checklist.md
    """

    code = "CPU204"
    name = "arrival-order-batches"
    heuristic = "bucketing"
    trigger = (b"padding", b"collate_fn", b".pad(")
    live = (r"padding\s*=\s*(?:True|[\"']longest[\"'])", r"collate_fn\s*=", r"tok\w*\s*\.\s*pad\s*\(")
    otherwise = "no batch of texts is padded here"

    @cached_property
    def names(self) -> frozenset[str]:
        """None: its words are keywords and a method, which no import renames."""
        return frozenset()

    def may_concern(self, words: Words) -> bool:
        """Texts are tokenized, or there is nothing to see."""
        return b"tok" in words and super().may_concern(words)

    def cannot_report(self, chunk: Chunk, facts: Facts) -> bool:
        """A function has nothing to report where nothing that calls it, or that these call, cuts or makes a loader."""
        if not _PADS.search(chunk.code):
            return True
        callers = with_callers((chunk,), facts)
        return not any(_cuts(c) for c in callers) and not any(_cuts(c) for c in _cutters(callers, facts))

    def needed(self, chunks: set[Chunk], facts: Facts) -> set[Chunk]:
        """The functions that call those that pad, what cuts for these, and what collates for loaders made in them."""
        chunks = with_callers(chunks, facts)
        names = {name for chunk in chunks if "collate_fn" in chunk.code for name in _COLLATES.findall(chunk.code)}
        return chunks | _cutters(chunks, facts) | {c for c in facts.outline.chunks if c.name in names}

    VALID = VALID
    INVALID = INVALID

    def check(self, module: Module) -> Iterator[Report | Silence]:
        """Judge each call that pads a batch to its longest, and each loader whose collator does."""
        origins = Origins(module)
        given: list[Parameter] = []
        for call in module.nodes(cst.Call):
            if is_loader(module, call) and argument(call, "collate_fn") is not None:
                yield _judge_loader(module, call)
            elif pads_to_longest(call):
                value = padded_input(call)
                origin = origins.of(value) if value is not None else None
                if isinstance(origin, Cut):
                    yield _judge_cut(module, call, origin)
                elif isinstance(origin, Parameter):
                    given.append(origin)
                    yield Silence(call, f"it pads what {origin.function.name.value} is given")
                else:
                    yield Silence(call, "what it pads is not cut from a list by position")
        if given:
            yield from _judge_callers(module, origins, given)


@lru_cache(maxsize=256)  # asked for each function that it calls, or that calls it
def _cuts(chunk: Chunk) -> bool:
    """Return whether a function may cut a list up, or make a loader, by its text."""
    loops = any(word in chunk.code for word in _LOOPING_WORDS) and _LOOPS.search(chunk.code) is not None
    return loops and may_cut(chunk.code)


def _cutters(chunks: Iterable[Chunk], facts: Facts) -> set[Chunk]:
    """Return the functions that some functions call and that may cut for them, by their text or their name."""
    called = {c for chunk in chunks for c in facts.outline.called(chunk)}
    return {c for c in called if _cuts(c) or c.name in CUTTERS}


def _judge_loader(module: Module, loader: cst.Call) -> Report | Silence:
    if not collator_pads(module, loader):
        return Silence(loader, "its collator is not seen to pad texts to the longest of a batch")
    because = why_loader_is_left(loader) or why_taker_is_left(module, loader) or why_scope_is_left(module, loader)
    return Silence(loader, because) if because else Report(loader, f"texts {_MESSAGE}", _HELP)


def _judge_cut(module: Module, call: cst.Call, cut: Cut) -> Report | Silence:
    because = why_cut_is_left(module, cut) or why_scope_is_left(module, call)
    return Silence(call, because) if because else Report(call, f"{module.code(cut.items)} {_MESSAGE}", _HELP)


def _judge_callers(module: Module, origins: Origins, given: list[Parameter]) -> Iterator[Report | Silence]:
    """Judge what callers hand to functions that pad a parameter, through further functions too."""
    targets = CallTargets(module)
    callers: dict[int, list[cst.Call]] = {}
    for call in module.nodes(cst.Call):
        for target in targets.of(call):
            callers.setdefault(id(target), []).append(call)
    seen: set[tuple[int, str]] = set()
    judged: set[int] = set()
    for _ in range(_HELPERS_DEPTH):
        handed_on: list[Parameter] = []
        for parameter in given:
            if (id(parameter.function), parameter.name) in seen:
                continue
            seen.add((id(parameter.function), parameter.name))
            position = _position(module, parameter)
            for call in callers.get(id(parameter.function), ()):
                value = argument(call, parameter.name, position)
                origin = origins.of(value) if value is not None else None
                if isinstance(origin, Cut) and id(call) not in judged:
                    judged.add(id(call))
                    because = why_scope_is_left(module, parameter.function.body)
                    yield Silence(call, because) if because else _judge_cut(module, call, origin)
                elif isinstance(origin, Parameter):
                    handed_on.append(origin)
        given = handed_on


def _position(module: Module, parameter: Parameter) -> int:
    names = [p.name.value for p in parameter.function.params.params]
    if module.class_of(parameter.function) is not None and names[:1] in (["self"], ["cls"]):
        names = names[1:]
    return names.index(parameter.name) if parameter.name in names else len(names)
