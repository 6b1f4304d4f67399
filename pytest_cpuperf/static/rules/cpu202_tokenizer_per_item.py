"""CPU202 tokenizer-per-item."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_cpuperf.static.rules.base import PythonRule, Report, Silence
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.chunks import Chunk
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import last_name
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.torch_code.vocabulary import words

TOKENIZER_WORDS = frozenset({"tokenizer", "tokenizers", "tok"})
_METHODS = frozenset({"__call__", "encode", "encode_plus"})
# A call of a tokenizer with the name it is handed, and a loop with the name that it binds.
_HANDED = pattern(r"tok\w*[\s\\)]*(?:\.[\s\\]*\w+[\s\\)]*)?\([\s\\(*]*(?:\w+[\s\\]*=[\s\\(]*)?(\w+)")
_LOOPED = pattern(r"for[\s\\(]+(\w+)[\s\\)]+in\b")
# These cut words out of a text; they take no lists.
_SPLITTERS = frozenset({"word", "wordpiece", "basic", "sentence", "sent"})


class TokenizerPerItem(PythonRule):
    """A tokenizer called one text at a time in a loop over texts.

    ## What it does
    Finds loops and comprehensions that hand a tokenizer the loop's own variable.

    ## Why is this bad?
    A fast tokenizer works on a list in parallel, and each call has a cost of its own; called text by text it also makes
    batches of one for the model.

    ## Example
    ```python
    ids = [tokenizer(text)["input_ids"] for text in texts]
    ```

    ## Use instead
    ```python
    ids = tokenizer(texts)["input_ids"]
    ```

    ## When it stays silent
    Where the loop is over batches, or the loop's variable is not the text itself. It is off by default, because for a
    handful of texts it does not matter.

    ## References
    https://huggingface.co/docs/transformers/fast_tokenizers
    """

    code = "CPU202"
    name = "tokenizer-per-item"
    heuristic = "constant-padding"
    on_by_default = False
    trigger = (b"tok",)
    live = r"tok\w*"

    def cannot_report(self, chunk: Chunk, facts: Facts) -> bool:
        """A function has nothing to report where no tokenizer is handed a name that a loop binds."""
        handed = set(_HANDED.findall(chunk.code))
        return not handed or handed.isdisjoint(_LOOPED.findall(chunk.code))

    VALID = (
        """
        def encode(tokenizer, texts, batches):
            everything = tokenizer(texts)
            return [tokenizer(batch) for batch in batches], everything
        """,
        """
        def pieces(self, texts):
            return [piece for text in texts for piece in self.wordpiece_tokenizer(text)]
        """,
    )
    INVALID = (
        """
        def encode(self, texts):
            for text in texts:
                self.tokenizer(text)  # <-
            return [self.tokenizer.encode(t) for t in texts]  # <-
        """,
    )

    def check(self, module: Module) -> Iterator[Report | Silence]:
        """Judge each call of a tokenizer in a loop."""
        for call in module.nodes(cst.Call):
            if not _is_tokenizer(call.func) or not call.args:
                continue
            first = call.args[0].value
            if not isinstance(first, cst.Name):
                continue
            loop = _loop_over(module, call, first.value)
            if loop is None:
                continue
            if "batch" in first.value or "chunk" in first.value or first.value.endswith("s"):
                yield Silence(call, "the loop is over batches")
            else:
                yield Report(call, "texts are tokenized one by one", "hand the tokenizer the whole list")


def _is_tokenizer(function: cst.BaseExpression) -> bool:
    if isinstance(function, cst.Attribute) and function.attr.value in _METHODS:
        function = function.value
    name = last_name(function) if isinstance(function, (cst.Name, cst.Attribute)) else None
    parts = words(name or "")
    return bool(parts) and parts[-1] in TOKENIZER_WORDS and not _SPLITTERS & set(parts)


def _loop_over(module: Module, node: cst.CSTNode, name: str) -> cst.CSTNode | None:
    """Return the loop or comprehension in the same function that binds a name, around a node."""
    for parent in module.parents(node):
        if isinstance(parent, (cst.FunctionDef, cst.Lambda)):
            return None
        if isinstance(parent, cst.For) and isinstance(parent.target, cst.Name) and parent.target.value == name:
            return parent
        if isinstance(parent, (cst.ListComp, cst.SetComp, cst.GeneratorExp)):
            target = parent.for_in.target
            if isinstance(target, cst.Name) and target.value == name:
                return parent
    return None
