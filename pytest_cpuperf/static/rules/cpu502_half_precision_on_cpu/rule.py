"""Half precision asked for in code that names the CPU."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from pytest_cpuperf.static.rules.base import Mend, PythonRule, Report, Silence
from pytest_cpuperf.static.rules.cpu502_half_precision_on_cpu.evidence import knows_cpu, silent_because
from pytest_cpuperf.static.rules.cpu502_half_precision_on_cpu.examples import FIXED, INVALID, VALID
from pytest_cpuperf.static.rules.cpu502_half_precision_on_cpu.requests import Request, find_requests, may_request
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.chunks import Chunk
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import string_value
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.source.text import Words
from pytest_cpuperf.static.torch_code.model_calls import ModelCalls

_HELP = "compute in float32, or measure on the CPUs you serve on that half precision pays"
# Each begins with its word, which is found a hundred times as fast as one of several alternatives.
_HALF = (
    *(pattern(r"float16"), pattern(r"autocast"), pattern(r"half\b(?<!\whalf)")),
    *(pattern(r"fp16(?<=[\"']fp16)[\"']"), pattern(r"bf16(?<=[\"']bf16)[\"']")),
)
_CPU = (pattern(r"cpu\b(?<!\wcpu)"), pattern(r"is_available"), pattern(r"device\s*=\s*-\s*1"))
# A name that is set to half precision, or to the CPU, once for a file: the words, and the line they stand on.
_HALF_NAME = (
    (pattern(r"float16[ \t]*(?:\n|\Z)"), pattern(r"half[ \t]*(?:\n|\Z)")),
    pattern(r"[ \t]*\w+[ \t]*(?::[^=\n]*)?=[ \t]*(?:torch[ \t]*\.[ \t]*)?(?:b?float16|half)[ \t]*(?:\n|\Z)"),
)
_CPU_NAME = (
    (pattern(r"cpu(?::0)?[\"']"),),
    pattern(r"[ \t]*(?:self\s*\.\s*)?\w+[ \t]*(?::[^=\n]*)?=[ \t]*[^\n]*[\"']cpu(?::0)?[\"']"),
)


@lru_cache(maxsize=8)
def _is_set(name: tuple[tuple[re.Pattern[str], ...], re.Pattern[str]], facts: Facts) -> bool:
    """Return whether a file sets a name to what is looked for."""
    words, line = name
    text = facts.text
    return any(line.match(text, text.rfind("\n", 0, m.start()) + 1) for word in words for m in word.finditer(text))


class HalfPrecisionOnCpu(PythonRule):
    """Half precision asked for in code that names the CPU as its device.

    ## What it does
    Finds models that are loaded or converted in float16 or bfloat16 (`dtype=`, `torch_dtype=`, `.half()`,
    `.bfloat16()`, `.to(torch.float16)`) where the same expression, branch or function names the CPU as their device
    and the file runs them; and `torch.autocast` for the CPU around a model's call. With `loads-without-dtype = true`
    in the configuration, under transformers 5, also models that are loaded with no `dtype`: they run in the precision
    that their checkpoint was stored in.

    ## Why is this bad?
    Few CPUs compute in half precision: without AMX or AVX512-BF16 each operation converts to float32 and back. Measured
    without them: 40 to 500 times slower matrix products, embeddings at a hundredth of their speed. With AMX bfloat16
    does pay. Only a measurement on the CPUs you serve on tells.

    ## Example
    ```python
    model = AutoModel.from_pretrained(path, dtype=torch.float16, device_map="cpu")
    ```

    ## Use instead
    ```python
    model = AutoModel.from_pretrained(path, dtype=torch.float32, device_map="cpu")
    ```

    Inputs must follow: one that stays half (`pixel_values.half()`, `.to(torch.float16)`) meets float32 weights and
    raises: `mat1 and mat2 must have the same dtype, but got Half and Float`. Drop these conversions, or write
    `.to(model.dtype)`.

    ## Fix safety
    Unsafe: the fix changes the model alone, and inputs that stay half raise; results change in their last digits, and
    the model takes twice the memory.

    ## When it stays silent
    Where the device or the precision is chosen at run time; where the model is saved, merged, exported or moved to
    another device as well (by accelerate, too), or runs on another and is moved to the CPU at the end; where nothing
    shows that it runs; in training and in tests; and where the file asks what the CPU can do (AMX, AVX-512) or uses
    Intel's extension for PyTorch.

    ## References
    https://github.com/pytorch/pytorch/issues/146508
    https://sbert.net/docs/sentence_transformer/usage/efficiency.html
    """

    code = "CPU502"
    name = "half-precision-on-cpu"
    heuristic = "half-precision"
    trigger = (b"float16", b".half(", b"torch.half", b"autocast", b"fp16", b"bf16")
    live = (r"dtype\s*=", r"model_kwargs\s*=", r"half\b", r"float16\b", r"autocast\b")

    def may_concern(self, words: Words) -> bool:
        """A file that does not name the CPU has nothing to report."""
        if b"cpu" not in words and b"is_available" not in words:
            return False
        return super().may_concern(words) or (self._asks_dtype and b"from_pretrained" in words)

    @property
    def _asks_dtype(self) -> bool:
        return self.options.loads_without_dtype and (self.options.transformers_major or 0) >= 5

    def uses(self, facts: Facts) -> list[int]:
        """What loads models as well, if asked."""
        loads = facts.live_matches(r"from_pretrained\s*\(") if self._asks_dtype else []
        return super().uses(facts) + loads

    def may_report(self, facts: Facts) -> bool:
        """A file that asks what the CPU can do has nothing to report."""
        return not knows_cpu(facts)

    def cannot_report(self, chunk: Chunk, facts: Facts) -> bool:
        """A function has nothing to report where nothing is asked for, or no half precision or device is named."""
        text = "\n".join(facts.lines[chunk.start : chunk.end])
        asks = self._asks_dtype and "from_pretrained" in text
        if not (asks or any(half.search(text) for half in _HALF) or _is_set(_HALF_NAME, facts)):
            return True
        if not (any(cpu.search(text) for cpu in _CPU) or _is_set(_CPU_NAME, facts)):
            return True
        return not (asks or may_request(text, facts))

    def needed(self, chunks: set[Chunk], facts: Facts) -> set[Chunk]:
        """The functions that run the model under an autocast, too."""
        return chunks | facts.outline.closure(c for c in chunks if "autocast" in c.code)

    VALID = VALID
    INVALID = INVALID
    FIXED = FIXED

    def check(self, module: Module) -> Iterator[Report | Silence]:
        """Judge each request for half precision."""
        calls = ModelCalls(module)
        for request in find_requests(module, self._asks_dtype):
            if not isinstance(request, Request):
                yield Silence(*request)
                continue
            because = silent_because(module, calls, request)
            if because:
                yield Silence(request.call, because)
            else:
                yield Report(request.call, _message(request), _HELP, _mend(module, request))


def _message(request: Request) -> str:
    if request.is_unsaid:
        return "a model runs on the CPU in its checkpoint's precision, which may be half"
    return f"{'autocast runs a model' if request.is_autocast else 'a model runs'} in half precision on the CPU"


def _mend(module: Module, request: Request) -> Mend | None:
    value = request.value
    if request.is_autocast or request.is_unsaid:
        return None
    if value is None:
        assert isinstance(request.call.func, cst.Attribute)
        return Mend("unsafe", "convert to float32", ((request.call.func.attr, "float"),))
    if string_value(value) is not None:
        return Mend("unsafe", "load in float32", ((value, '"float32"'),))
    if isinstance(value, cst.Attribute):
        return Mend("unsafe", "load in float32", ((value.attr, "float32"),))
    return None
