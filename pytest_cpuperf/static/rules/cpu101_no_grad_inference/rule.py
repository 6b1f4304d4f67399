"""CPU101 no-grad-inference: its page, and how it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_cpuperf.static.rules.base import PythonRule, Report, Silence
from pytest_cpuperf.static.rules.cpu101_no_grad_inference.examples import FIXED, INVALID, VALID
from pytest_cpuperf.static.source.chunks import Chunk
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.torch_code.modules import may_be_module
from pytest_cpuperf.static.torch_code.screening import may_run_model
from pytest_cpuperf.static.torch_code.vocabulary import makes_parameters

if TYPE_CHECKING:
    from pytest_cpuperf.static.source.module import Module

_CALLED_ON = pattern(r"\(\s*\)\s*\(\s*(\w+)\s*\)")
# `@torch.no_grad()`, alone on its line, with other decorators and comments below it, and a function's name.
_DECORATED = pattern(
    r"[ \t]*@[ \t]*[\w.]+(?:\([ \t]*\))?[ \t]*(?:#[^\n]*)?\n(?:[ \t]*[@#][^\n]*\n)*[ \t]*(?:async[ \t]+)?def[ \t]+(\w+)"
)
_AUTOGRAD_PARTS = ("backward", "grad", "func")
_AUTOGRAD_WORD = pattern(r"\b(?:backward|requires_grad_?|enable_grad|autograd|func)\b")


def _names_autograd(code: str) -> bool:
    # Words first: most functions hold none.
    return any(word in code for word in _AUTOGRAD_PARTS) and _AUTOGRAD_WORD.search(code) is not None


def _decorates_a_maker(text: str, offset: int) -> bool:
    """Return whether the line of a guard is a decorator, and the head below it that of a function which is named so.

    In a string it would be no guard; in code it is what it looks like.
    """
    line_start = text.rfind("\n", 0, offset) + 1
    if not text[line_start:offset].lstrip(" \t").startswith("@"):
        return False
    head = _DECORATED.match(text, line_start)
    return head is not None and makes_parameters(head[1])


class NoGradInference(PythonRule):
    """`torch.no_grad` around inference.

    ## What it does
    Finds `torch.no_grad` (and `torch.set_grad_enabled(False)`), as a with-item, a decorator, a wrapper of a function or
    an entry of an `ExitStack`, around code that runs a model for prediction, evaluation, embedding or generation. Under
    what name torch is known does not matter.

    ## Why is this bad?
    `torch.inference_mode` also leaves out version counters and view tracking, so each operator costs a little less;
    published gains are 0.5 to 5 %, and they shrink as the model's own work grows. It also fails loudly where an
    output meets autograd by mistake. Measure it with `cpuperf.compare` before you believe in it.

    ## Example
    ```python
    with torch.no_grad():
        scores = model(**batch).logits.tolist()
    ```

    ## Use instead
    ```python
    with torch.inference_mode():
        scores = model(**batch).logits.tolist()
    ```

    ## Fix safety
    Safe where all that leaves the guarded code is turned into plain data in the same function (numbers, lists, arrays),
    and tensors are only handed to what is known to keep none: torch's functions, tensor methods, builtins. Unsafe
    otherwise: an output that a metric, a queue or a callback keeps may meet autograd later, or be changed in place, and
    raises.

    ## When it stays silent
    Where inference mode would break something or there is nothing to gain: parameters that are initialised, updated,
    loaded or converted under the guard; teachers and frozen encoders whose outputs feed a loss; a module's `forward`;
    probes with dummy inputs; export and tracing; code that runs no model; results changed in place after the block;
    guards chosen at run time. `cpuperf check --show-silenced` says which it was.

    ## References
    https://docs.pytorch.org/docs/stable/notes/autograd.html#inference-mode
    """

    code = "CPU101"
    name = "no-grad-inference"
    heuristic = "inference-mode"
    trigger = (b"no_grad", b"set_grad_enabled")
    live = (r"no_grad\b", r"set_grad_enabled\b")
    otherwise = "it guards nothing here: it is named, or handed on"

    VALID = VALID
    INVALID = INVALID
    FIXED = FIXED

    def uses(self, facts: Facts) -> list[int]:
        """The words, but those of guards that plainly decorate a function which makes parameters.

        Told without a look at the rest of the file: many files of a library of models hold no others.
        """

        def wanted(offset: int) -> bool:
            return not _decorates_a_maker(facts.text, offset)

        return [offset for pattern in self.live for offset in facts.live_matches(pattern, wanted)]

    def cannot_report(self, chunk: Chunk, facts: Facts) -> bool:
        """A function that makes parameters, none of whose calls can run a model, or a module's forward."""
        return (
            makes_parameters(chunk.name)
            or (chunk.name == "forward" and self._is_forward_of_a_module(chunk, facts))
            or not may_run_model(chunk, facts)
        )

    def _is_forward_of_a_module(self, chunk: Chunk, facts: Facts) -> bool:
        """Return whether a function is a module's forward, and all guards in it are blocks: then none is reported."""
        owner = facts.outline.by_name.get(chunk.owner.name) if chunk.owner is not None else None
        if owner is None or (owner.bases and not may_be_module(facts, owner)):
            return False
        decorates = any("grad" in line for line in chunk.code.split("\n") if line.lstrip(" \t").startswith("@"))
        return not decorates and not _CALLED_ON.search(chunk.code) and not facts.may_rename(self.names)

    def needed(self, chunks: set[Chunk], facts: Facts) -> set[Chunk]:
        """The functions they call too, those that may run a model or meet autograd, and those a guard is called on."""
        given = set(_CALLED_ON.findall(facts.code))
        chunks = chunks | {c for name in given for c in facts.outline.functions.get(name, ())}
        return facts.outline.closure(chunks, lambda c: _names_autograd(c.code) or may_run_model(c, facts))

    def check(self, module: Module) -> Iterator[Report | Silence]:
        """Judge each guard of the file."""
        from pytest_cpuperf.static.rules.cpu101_no_grad_inference.judging import judge_guards  # few files get here

        yield from judge_guards(module)
