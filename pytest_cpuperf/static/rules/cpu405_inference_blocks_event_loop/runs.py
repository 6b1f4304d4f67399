"""Which calls run a model in this process."""

from __future__ import annotations

from pytest_cpuperf.static.source.lazy_libcst import cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import last_name
from pytest_cpuperf.static.torch_code.handlers import packages
from pytest_cpuperf.static.torch_code.held_models import runs_a_model
from pytest_cpuperf.static.torch_code.model_calls import ModelCalls
from pytest_cpuperf.static.torch_code.modules import module_names
from pytest_cpuperf.static.torch_code.vocabulary import is_model_name

# Packages that run models in the process that calls them.
LOCAL = frozenset(
    (
        *(
            "torch",
            "transformers",
            "sentence_transformers",
            "onnxruntime",
            "optimum",
            "diffusers",
            "torchvision",
            "timm",
        ),
        *("whisper", "faster_whisper", "whisperx", "fastembed", "FlagEmbedding", "ultralytics", "easyocr", "paddleocr"),
        *(
            "llama_cpp",
            "ctranslate2",
            "openvino",
            "open_clip",
            "clip",
            "TTS",
            "speechbrain",
            "funasr",
            "stanza",
            "flair",
        ),
        *("gliner", "keybert", "setfit", "peft", "tensorflow", "keras", "insightface", "rapidocr", "surya", "kokoro"),
        *("rapidocr_onnxruntime", "docling", "InstructorEmbedding", "tf_keras", "rembg", "deepface", "demucs"),
    )
)
_USES_UP = frozenset({"next", "list", "tuple", "sum", "join", "enumerate", "sorted", "deque"})


def runs_session(module: Module, call: cst.Call) -> bool:
    """Return whether a call is `session.run(None, {…})` of onnxruntime."""
    if not isinstance(call.func, cst.Attribute) or call.func.attr.value not in ("run", "run_with_iobinding"):
        return False
    receiver = last_name(call.func.value) or ""
    if "session" in receiver.lower() or receiver.lower() in ("sess", "ort_sess"):
        return "onnxruntime" in packages(module.facts)
    return "InferenceSession" in module.facts.made_from(receiver)


def is_surely_a_run(module: Module, call: cst.Call) -> bool:
    """Return whether a method is named as those that run models, or is one of what the file made or loaded as one."""
    function = call.func
    if not isinstance(function, cst.Attribute) or runs_session(module, call):
        return True
    method, receiver = function.attr.value, last_name(function.value) or ""
    return runs_a_model(method) or is_model_name(method) or receiver in module_names(module.facts)


def runs_at_once(module: Module, calls: ModelCalls, function: cst.FunctionDef, depth: int = 4) -> bool:
    """Return whether calling a function runs a model, not only a function within it that something else may call."""
    for call in module.nodes(cst.Call, within=function.body):
        if module.function_of(call) is not function:
            continue
        targets = calls.helpers(call)
        if targets and depth:
            if any(
                (not is_generator(module, target) or is_gone_over(module, call))
                and runs_at_once(module, calls, target, depth - 1)
                for target in targets
                if target is not function
            ):
                return True
        elif calls.runs_model(call) or runs_session(module, call):
            return True
    return False


def is_generator(module: Module, function: cst.FunctionDef) -> bool:
    """Return whether calling a function only makes a generator."""
    return any(module.function_of(y) is function for y in module.nodes(cst.Yield, within=function.body))


def is_gone_over(module: Module, call: cst.Call) -> bool:
    """Return whether a generator is used up where it is made: by a loop, `next`, `list` and their like."""
    parent = next(iter(module.parents(call)), None)
    if isinstance(parent, (cst.For, cst.CompFor)):
        return parent.iter is call
    if isinstance(parent, cst.Arg):
        taker = module.parent(parent)
        return isinstance(taker, cst.Call) and last_name(taker.func) in _USES_UP
    return False
