"""Where half precision is asked for, and for what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import argument, dotted, has_unpacking, last_name, string_value
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.torch_code.vocabulary import may_be_a_model

_HALF = pattern(r"(?:torch\s*\.\s*)?(?:float16|bfloat16|half)")
_HALF_WORDS = frozenset({"float16", "bfloat16", "fp16", "bf16", "half"})
_HALVES = frozenset({"torch.float16", "torch.bfloat16", "torch.half"})
_DTYPES = ("torch_dtype", "dtype")
LOADERS = frozenset({"from_pretrained", "from_config", "from_single_file", "pipeline", "load_model"})
_BUILDERS = frozenset({"SentenceTransformer", "CrossEncoder", "HuggingFaceEmbeddings", "AutoModel"})
_MAKES_MODEL = (*LOADERS, *_BUILDERS)
_CONVERTS = pattern(r"(?:half|bfloat16)\s*\(")
_MOVED = pattern(r"\bto\s*\(")
_HALF_IN_IT = pattern(r"half|float16|fp16|bf16")
_FAR = 2000  # characters that the arguments of a call are looked for in
# A name that stands for half precision: `HALF = torch.float16`, `from torch import float16 as f16`.
_NAMED_HALF = pattern(r"(?:float16|half)[ \t]*(?:$|[\n#]|as\b)")
_AUTOCAST = pattern(r"autocast(?<!\wautocast)")
AUTOCASTS = frozenset(
    {"torch.autocast", "torch.amp.autocast", "torch.cpu.amp.autocast", "torch.amp.autocast_mode.autocast"}
)


@dataclass(frozen=True)
class Request:
    """A place that asks for half precision."""

    call: cst.Call
    """The call that loads or converts a model, or that makes the autocast."""
    value: cst.BaseExpression | None
    """The expression that names the precision; None where a method's name does, or autocast's default."""
    is_autocast: bool = False
    is_unsaid: bool = False
    """Whether the call names no precision, so that the checkpoint's is taken."""


def may_request(text: str, facts: Facts) -> bool:
    """Return whether a function's text may hold one of `find_requests` that asks for half precision.

    It makes an autocast, converts something, or loads or builds a model. Errs towards True.
    """
    if any(word in text for word in _MAKES_MODEL) or _CONVERTS.search(text) or _AUTOCAST.search(facts.code):
        return True
    moves = list(_MOVED.finditer(text))
    if any(_HALF_IN_IT.search(text, move.end(), move.end() + _FAR) for move in moves):
        return True
    return bool(moves) and _NAMED_HALF.search(facts.code) is not None


def find_requests(module: Module, asks_dtype: bool = False) -> Iterator[Request | tuple[cst.Call, str]]:
    """Yield each request, or a call that has the trigger and asks for nothing, with the reason.

    With `asks_dtype`, models loaded with no precision are requests as well.
    """
    may_autocast = "autocast" in module.facts.code
    for call in module.nodes(cst.Call):
        name = last_name(call.func) or ""
        if may_autocast and module.qualified(call.func) in AUTOCASTS:
            yield _autocast(module, call)
        elif isinstance(call.func, cst.Attribute) and name in ("half", "bfloat16") and not call.args:
            yield Request(call, None)
        elif isinstance(call.func, cst.Attribute) and name == "to":
            found = next((a.value for a in call.args if is_half(module, a.value)), None)
            if found is not None:
                yield Request(call, found)
        else:
            value = _dtype(module, call)
            if value is None:
                if asks_dtype and name == "from_pretrained" and not has_unpacking(call):
                    if may_be_a_model(module.code(call.func)):
                        yield Request(call, None, is_unsaid=True)
                    else:
                        yield call, "what is loaded is no model"
                continue
            if name in LOADERS or name in _BUILDERS:
                chosen = is_half(module, value)
                yield Request(call, value) if chosen else (call, "the precision is chosen elsewhere, or is full")
            elif is_half(module, value):
                yield call, "what is made here is no model"


def is_half(module: Module, value: cst.BaseExpression) -> bool:
    """Return whether an expression is float16 or bfloat16: a literal, or a name the file sets to nothing else."""
    word = string_value(value)
    if word is not None:
        return word in _HALF_WORDS
    name = dotted(value)
    if name is None:
        return False
    if isinstance(value, cst.Name) and name != "None":
        values = _set_to(module.facts, name)
        if values:
            return all(_HALF.fullmatch(v.strip()) for v in values)
    return _HALF.fullmatch(name) is not None or module.qualified(value) in _HALVES


@lru_cache(maxsize=64)
def _set_to(facts: Facts, name: str) -> list[str]:
    """Return what a file sets a name to, as text."""
    code = facts.code
    # It begins with the name, which is found faster than a line that does.
    found = re.finditer(rf"{re.escape(name)}\s*(?::[^=\n]*)?=(?!=)[ \t]*([^\n#]+)", code)
    return [m[1] for m in found if not code[code.rfind("\n", 0, m.start()) + 1 : m.start()].strip(" \t")]


def _autocast(module: Module, call: cst.Call) -> Request | tuple[cst.Call, str]:
    enabled = argument(call, "enabled")
    if enabled is not None and dotted(enabled) != "True":
        return call, "whether autocast is on is chosen elsewhere"
    dtype = argument(call, "dtype", None if "cpu.amp" in module.code(call.func) else 1)
    if dtype is not None and not is_half(module, dtype):
        return call, "the precision is chosen elsewhere, or is full"
    return Request(call, dtype, is_autocast=True)


def _dtype(module: Module, call: cst.Call) -> cst.BaseExpression | None:
    named = {arg.keyword.value: arg.value for arg in call.args if arg.keyword is not None}
    for keyword in _DTYPES:
        if keyword in named:
            return named[keyword]
    given = named.get("model_kwargs")
    if isinstance(given, cst.Dict):
        for element in given.elements:
            if isinstance(element, cst.DictElement) and string_value(element.key) in _DTYPES:
                return element.value
    return None
