"""Libraries that build onnxruntime sessions and take a thread count: optimum, sentence-transformers, fastembed."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_cpuperf.static.ort_code.providers import CPU
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import argument, dotted, has_unpacking, string_value
from pytest_cpuperf.static.source.patterns import pattern

_OPTIMUM = pattern(r"optimum\.onnxruntime\.(?:\w+\.)*ORT(?:Model|Diffusion|Stable)\w*\.from_pretrained")
_SENTENCE_TRANSFORMERS = pattern(r"sentence_transformers\.(?:\w+\.)*(?:SentenceTransformer|CrossEncoder|SparseEncoder)")
_FASTEMBED = pattern(r"fastembed\.(?:\w+\.)*(?:\w*Embedding|TextCrossEncoder)")
# Words that a file with one of them holds, for screening.
LIVE = r"ORT(?:Model|Diffusion|Stable)\w*|backend\s*=|\w*Embedding\b|TextCrossEncoder\b"


@dataclass(frozen=True)
class Wrapper:
    """A call that builds a session for its caller."""

    call: cst.Call
    setting: str
    """The argument that takes the thread count."""
    silent_because: str | None


def find_wrapper(module: Module, call: cst.Call) -> Wrapper | None:
    """Return a call that builds a session in a library's name, and whether it may have a thread setting; or None."""
    full = module.qualified(call.func) or ""
    if not module.is_imported(call.func):
        return None
    if _OPTIMUM.fullmatch(full):
        return Wrapper(call, "session_options", _of_options(module, call, "session_options", "provider"))
    if _SENTENCE_TRANSFORMERS.fullmatch(full):
        if string_value(argument(call, "backend")) != "onnx":
            return None
        return Wrapper(call, 'model_kwargs={"session_options": …}', _of_model_arguments(module, call))
    if _FASTEMBED.fullmatch(full):
        because = _of_options(module, call, "threads", "providers")
        if argument(call, "cuda") is not None and dotted(argument(call, "cuda")) != "False":
            because = because or "it asks for a GPU"
        return Wrapper(call, "threads", because)
    return None


def _of_options(module: Module, call: cst.Call, setting: str, provider: str) -> str | None:
    if has_unpacking(call):
        return "unpacked arguments may hold options"
    given = argument(call, setting)
    if given is not None and dotted(given) != "None":
        return f"{setting} is given"
    return _not_on_cpu(module, call, provider)


def _of_model_arguments(module: Module, call: cst.Call) -> str | None:
    if has_unpacking(call):
        return "unpacked arguments may hold options"
    device = string_value(argument(call, "device"))
    if device is not None and device != "cpu":
        return "it asks for a GPU"
    arguments = argument(call, "model_kwargs")
    if arguments is None or dotted(arguments) == "None":
        return None
    if not isinstance(arguments, cst.Dict):
        return "the model's arguments come from elsewhere"
    entries = {string_value(e.key): string_value(e.value) for e in arguments.elements if isinstance(e, cst.DictElement)}
    if "session_options" in entries or len(entries) < len(arguments.elements):
        return "its options come from elsewhere"
    provider = entries.get("provider")
    return "it runs on GPU providers only" if provider not in (None, CPU) else None


def _not_on_cpu(module: Module, call: cst.Call, provider: str) -> str | None:
    given = argument(call, provider)
    if given is None or dotted(given) == "None":
        return None
    texts = {string_value(s) for s in module.nodes(cst.SimpleString, within=given)}
    if not texts:
        return "its providers come from elsewhere"
    return None if CPU in texts else "it runs on GPU providers only"
