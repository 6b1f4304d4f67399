"""CPU201 constant-padding: its page, and how it is asked."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_cpuperf.static.rules.base import Mend, PythonRule, Report, Silence
from pytest_cpuperf.static.rules.cpu201_constant_padding.examples import FIXED, INVALID, VALID
from pytest_cpuperf.static.rules.cpu201_constant_padding.reasons import silent_because
from pytest_cpuperf.static.rules.cpu201_constant_padding.requests import Request, constant, find_requests
from pytest_cpuperf.static.rules.cpu201_constant_padding.surroundings import conditions_generator
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.chunks import Chunk
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import argument
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.source.text import Words
from pytest_cpuperf.static.torch_code.model_calls import ModelCalls

_HELP = 'padding="longest" with truncation=True and the same max_length; sort texts by length before batching'
_GIVEN_TO_PADDING = pattern(r"""\bpadding\w*["']?\s*\]?\s*(?:=(?!=)|:)[^,=:]*$""")
_BOUND = pattern(r"(?<![\w.])([A-Za-z_]\w*)\s*(?::[^=\n]+)?=\s*[\w.]*$")
_PADDING_NAME = pattern(r"padding\s*=\s*([A-Za-z_]\w*)")


class ConstantPadding(PythonRule):
    """Text is padded to a constant length.

    ## What it does
    Finds tokenizer calls, collators and dictionaries of arguments that pad every text to `max_length`, whatever its
    real length, where the padded batch is seen to reach a text model together with its mask.

    ## Why is this bad?
    A model does the same work for padding as for words. Real texts are short: of the standard library's own
    documentation paragraphs half have at most 35 tokens, so padding to 512 makes the model do over ten times the
    work. `cpuperf.bucketing` measures what it costs for your model, texts and machine.

    ## Example
    ```python
    batch = tokenizer(texts, padding="max_length", truncation=True, max_length=512, return_tensors="pt")
    ```

    ## Use instead
    ```python
    batch = tokenizer(texts, padding="longest", truncation=True, max_length=512, return_tensors="pt")
    ```
    Where shapes should stay few (a compiled model, an arena that grows with shapes), add `pad_to_multiple_of=32`.

    ## Fix safety
    Unsafe: the shapes that the model sees change.

    ## When it stays silent
    Where the source does not show a text model that gets the batch with its mask: ids that go on alone (the pads are
    then part of the input, as for CLIP and SigLIP), text beside images or sound, and text that conditions a generator
    of images, video or sound. Where the length is that of these texts or their bucket, or read from a compiled model's
    input. In training: losses, labels, a `map` that feeds a trainer. For query expansion with mask tokens, export,
    tracing and static shapes, defaults a caller may override, and padding that is cut off again.

    ## References
    https://huggingface.co/docs/transformers/pad_truncation
    """

    code = "CPU201"
    name = "constant-padding"
    heuristic = "constant-padding"
    trigger = (b'"max_length"', b"'max_length'", b"MAX_LENGTH", b"pad_to_max_length", b"enable_padding")
    live = (
        *(r"""'max_length["']""", r""""max_length["']""", r"MAX_LENGTH\b"),
        *(r"pad_to_max_length\s*=\s*True\b", r"enable_padding\b"),
    )
    otherwise = "nothing is padded to it here"

    VALID = VALID
    INVALID = INVALID
    FIXED = FIXED

    def may_concern(self, words: Words) -> bool:
        """Most trigger words hold one word, which most files do not."""
        if b"max_length" in words:
            return super().may_concern(words)
        return b"MAX_LENGTH" in words or b"enable_padding" in words

    def uses(self, facts: Facts) -> list[int]:
        """The words where they are given to `padding`, or to a name that is given to it."""
        found: list[int] = []
        names: set[str] = set()
        for offset in super().uses(facts):
            before = facts.text[max(0, offset - 120) : offset]
            if facts.text[offset] in "pe" or _GIVEN_TO_PADDING.search(before):
                found.append(offset)
            elif bound := _BOUND.search(before):
                names.add(bound[1])
        if names:
            found += [m.start() for m in _PADDING_NAME.finditer(facts.code) if m[1] in names]
        return [] if found and conditions_generator(facts) else found

    def needed(self, chunks: set[Chunk], facts: Facts) -> set[Chunk]:
        """The whole file: a batch is followed to helpers and to callers."""
        return set(facts.outline.chunks)

    def check(self, module: Module) -> Iterator[Report | Silence]:
        """Judge each request for constant padding."""
        calls = ModelCalls(module)
        for request in find_requests(module):
            if isinstance(request, Silence):
                yield request
                continue
            because = silent_because(module, calls, request)
            if because:
                yield Silence(request.node, because)
            else:
                yield Report(request.node, _message(module, request), _HELP, _mend(module, request))


def _message(module: Module, request: Request) -> str:
    if request.length is not None:
        value = constant(module, request.node, request.length)
        text = value.value if isinstance(value, cst.Integer) else module.code(request.length)
        if len(text) <= 30:
            return f"text is padded to {text} tokens"
    return "text is padded to the model's longest input"


def _mend(module: Module, request: Request) -> Mend | None:
    """Return the edit to padding by the longest text of a batch."""
    description = "pad each batch to its longest text"
    node = request.node
    keyword = node.keyword.value if isinstance(node, cst.Arg) and node.keyword is not None else "padding"
    if keyword == "pad_to_max_length":
        if argument(request.calls[0], "padding") is not None:
            return None
        return Mend("unsafe", description, ((node, 'padding="longest"'),))
    if keyword != "padding":
        return None
    if isinstance(request.value, cst.Attribute):
        return Mend("unsafe", description, ((request.value, f"{module.code(request.value.value)}.LONGEST"),))
    quote = "'" if isinstance(request.value, cst.SimpleString) and request.value.value.endswith("'") else '"'
    return Mend("unsafe", description, ((request.value, f"{quote}longest{quote}"),))
