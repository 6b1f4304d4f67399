"""CPU204 arrival-order-batches."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_cpuperf.static.rules.base import PythonRule, Report, Silence
from pytest_cpuperf.static.rules.cpu202_tokenizer_per_item import TOKENIZER_WORDS
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.lazy_libcst import cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import argument, dotted, has_unpacking, last_name, string_value
from pytest_cpuperf.static.source.outline import Chunk
from pytest_cpuperf.static.torch_code.vocabulary import words

_SORTS = re.compile(
    r"\bsorted\s*\(|\.\s*sort\s*\(|\bargsort\s*\(|\b(?:plan|sorted)_batches\b|(?i:bucket)|length_?group|group_by_length"
)
_TEXT = re.compile(r"(?i)text|sentence|passage|doc|quer|paragraph|prompt|corpus|caption|review|utterance|string|input")
_CUTS = re.compile(r"\brange\s*\(\s*0\s*,\s*len\b|\bbatched\s*\(|\bcollate_fn\s*=")
_COLLATES = re.compile(r"\bcollate_fn\s*=\s*(?:self\s*\.\s*)?(\w+)")
_LOADERS = ("torch.utils.data.DataLoader", "torch.utils.data.dataloader.DataLoader")
_PADDING_COLLATOR = "DataCollatorWithPadding"
_HELP = "sort by length first: pytest_cpuperf.batching.plan_batches, or sorted_batches for a fixed size"


class ArrivalOrderBatches(PythonRule):
    """Texts are cut into batches by position and padded per batch, with no sort by length before.

    ## What it does
    Finds loops that slice a list of texts by position (`range(0, len(texts), n)`, `batched(texts, n)`) and hand the
    slices to a tokenizer that pads each to its longest text; and a `DataLoader` that takes rows as they come while its
    collator pads each batch.

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
    for batch in sorted_batches([len(i) for i in ids], 32):
        inputs = tokenizer.pad({"input_ids": [ids[i] for i in batch]}, return_tensors="pt")
    ```

    ## When it stays silent
    Where the function sorts or buckets, where batches are of one, and where padding is constant (see CPU201). For a
    `DataLoader`: where it has a sampler or shuffles, and where the function trains.

    ## References
    https://github.com/pytorch/serve/blob/master/docs/performance_checklist.md
    """

    code = "CPU204"
    name = "arrival-order-batches"
    heuristic = "bucketing"
    trigger = (b"range(0, len(", b"range(0,len(", b"batched(", b"collate_fn")
    live = r"range\s*\(\s*0\s*,\s*len\b|batched\s*\(|collate_fn\s*="

    def may_concern(self, data: bytes) -> bool:
        """Texts are cut up, tokenized and padded, or there is nothing to see."""
        return (b"padding" in data or b"WithPadding" in data) and b"tok" in data and super().may_concern(data)

    def cannot_report(self, chunk: Chunk, facts: Facts) -> bool:
        """A function that neither cuts texts up nor makes a loader has nothing to report."""
        return not _CUTS.search(chunk.code)

    def needed(self, chunks: set[Chunk], facts: Facts) -> set[Chunk]:
        """The functions that collate for the loaders made in them, too."""
        names = {name for chunk in chunks for name in _COLLATES.findall(chunk.code)}
        return chunks | {c for c in facts.outline.chunks if c.name in names}

    VALID = (
        """
        def embed(tokenizer, texts, n):
            texts = sorted(texts, key=len)
            for i in range(0, len(texts), n):
                yield tokenizer(texts[i : i + n], padding=True)
        """,
        """
        def embed(tokenizer, texts):
            for i in range(0, len(texts), 1):
                yield tokenizer(texts[i : i + 1], padding=True)
        """,
        """
        def chunks(texts, n):
            for i in range(0, len(texts), n):
                yield texts[i : i + n]
        """,
        """
        from torch.utils.data import DataLoader
        from transformers import DataCollatorWithPadding
        def loaders(tokenizer, rows, sampler, model):
            pad = DataCollatorWithPadding(tokenizer)
            yield DataLoader(rows, batch_size=32, collate_fn=pad, shuffle=True)
            yield DataLoader(rows, batch_sampler=sampler, collate_fn=pad)
            yield DataLoader(rows, 1, collate_fn=pad)
            yield DataLoader(rows, 32, collate_fn=model.collate)
        """,
        """
        from torch.utils.data import DataLoader
        from transformers import DataCollatorWithPadding
        def train(model, tokenizer, rows):
            for batch in DataLoader(rows, 32, collate_fn=DataCollatorWithPadding(tokenizer)):
                model(**batch).loss.backward()
        """,
    )
    INVALID = (
        """
        def embed(model, tokenizer, texts, n):
            for i in range(0, len(texts), n):
                batch = tokenizer(texts[i : i + n], padding=True, return_tensors="pt")  # <-
                yield model(**batch)
        """,
        """
        from itertools import batched
        def embed(self, sentences):
            for start in range(0, len(sentences), self.size):
                part = sentences[start : start + self.size]
                self.tokenizer(part, padding="longest")  # <-
            for part in batched(sentences, 16):
                self.tokenizer(list(part), padding=True)  # <-
        """,
        """
        from torch.utils.data import DataLoader
        from transformers import DataCollatorWithPadding
        class Embedder:
            def collate(self, texts):
                return self.tokenizer(texts, padding=True, return_tensors="pt")
            def embed(self, texts, rows):
                pad = DataCollatorWithPadding(self.tokenizer)
                for batch in DataLoader(rows, batch_size=32, collate_fn=pad):  # <-
                    self.model(**batch)
                for batch in DataLoader(texts, 16, shuffle=False, collate_fn=self.collate):  # <-
                    self.model(**batch)
        """,
    )

    def check(self, module: Module) -> Iterator[Report | Silence]:
        """Judge each padded tokenizer call in a loop over slices."""
        for loop in module.nodes(cst.For):
            name = _sliced(module, loop.iter)
            if name is None:
                continue
            for call in module.nodes(cst.Call, within=loop.body):
                if not _pads_batch(call):
                    continue
                because = self._silent_because(module, loop, call)
                if because:
                    yield Silence(call, because)
                else:
                    yield Report(
                        call, f"{name} are batched in the order they came, each batch padded to its longest", _HELP
                    )

        for call in module.nodes(cst.Call):
            if module.qualified(call.func) in _LOADERS and _collator_pads(module, call):
                because = _why_loader_is_left(module, call)
                if because:
                    yield Silence(call, because)
                else:
                    yield Report(
                        call, "texts are batched in the order they came, each batch padded to its longest", _HELP
                    )

    def _silent_because(self, module: Module, loop: cst.For, call: cst.Call) -> str | None:
        scope: cst.CSTNode = module.function_of(loop) or module.tree
        text = module.code(scope)
        if _SORTS.search(text):
            return "the function sorts or buckets"
        for integer in module.nodes(cst.Integer, within=loop.iter):
            if integer.value == "1" and isinstance(loop.iter, cst.Call) and loop.iter.args[-1].value is integer:
                return "batches are of one"
        if not _TEXT.search(module.code(loop.iter) + module.code(call)):
            return "what is sliced may be no texts"
        return None


def _sliced(module: Module, source: cst.BaseExpression) -> str | None:
    """Return the list that a loop cuts up by position: `range(0, len(texts), n)`, `batched(texts, n)`; or None."""
    if not isinstance(source, cst.Call) or not source.args:
        return None
    name = (dotted(source.func) or "").rsplit(".", 1)[-1]
    if name == "batched":
        return module.code(source.args[0].value)
    if name in ("range", "trange") and len([a for a in source.args if a.keyword is None]) >= 3:
        for call in module.nodes(cst.Call, within=source):
            if dotted(call.func) == "len" and call.args:
                return module.code(call.args[0].value)
    if name in ("tqdm", "enumerate", "track"):
        return _sliced(module, source.args[0].value)
    return None


def _pads_batch(call: cst.Call) -> bool:
    """Return whether a call is a tokenizer's that pads to the longest of its batch."""
    function = call.func
    if isinstance(function, cst.Attribute) and function.attr.value in ("__call__", "batch_encode_plus"):
        function = function.value
    if not isinstance(function, (cst.Name, cst.Attribute)):
        return False
    parts = words(last_name(function) or "")
    if not parts or parts[-1] not in TOKENIZER_WORDS:
        return False
    padding = argument(call, "padding")
    if isinstance(padding, cst.Name):
        return padding.value == "True"
    return string_value(padding) == "longest"


def _collator_pads(module: Module, loader: cst.Call) -> bool:
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
    return any(_pads_batch(call) for b in body for call in module.nodes(cst.Call, within=b))


def _is_padding_collator(value: cst.CSTNode) -> bool:
    if not isinstance(value, cst.Call) or last_name(value.func) != _PADDING_COLLATOR:
        return False
    padding = argument(value, "padding", 1)
    return padding is None or string_value(padding) == "longest" or dotted(padding) == "True"


def _why_loader_is_left(module: Module, loader: cst.Call) -> str | None:
    if has_unpacking(loader):
        return "unpacked arguments may hold a sampler"
    for name, position in (("sampler", 3), ("batch_sampler", 4)):
        if dotted(argument(loader, name, position) or cst.Name("None")) != "None":
            return "it has a sampler, which may sort"
    shuffle = argument(loader, "shuffle", 2)
    if shuffle is not None and dotted(shuffle) != "False":
        return "it may shuffle: batches for training"
    size = argument(loader, "batch_size", 1)
    if size is None or (isinstance(size, cst.Integer) and size.value == "1"):
        return "batches are of one"
    scope: cst.CSTNode = module.function_of(loader) or module.tree
    text = module.code(scope)
    if _SORTS.search(text):
        return "the function sorts or buckets"
    name = scope.name.value if isinstance(scope, cst.FunctionDef) else ""
    if re.search(r"\.\s*backward\s*\(|\bTrainer\s*\(", text) or {"train", "training", "fit"} & set(words(name)):
        return "the function trains"
    return None
