"""Which calls run a model in this process."""

from __future__ import annotations

import re

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import argument, dotted, has_unpacking, last_name
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.torch_code.call_targets import callee
from pytest_cpuperf.static.torch_code.guards import guarded
from pytest_cpuperf.static.torch_code.handlers import packages
from pytest_cpuperf.static.torch_code.held_models import runs_a_model
from pytest_cpuperf.static.torch_code.model_calls import ModelCalls
from pytest_cpuperf.static.torch_code.modules import module_names
from pytest_cpuperf.static.torch_code.vocabulary import is_model_name, may_be_a_model

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
# Verbs that mean a model, whatever they are asked of; `generate`, `translate` and longer names mean more.
_RUNS_ALONE = pattern(r"_*(?:predict|forward|infer|inference|embed|transcribe|rerank|denoise|synthesize)")
_ASKED_OF_SESSIONS = r"(?:get_inputs|get_outputs|get_modelmeta|get_providers|io_binding)"
_RUN_PARAMETERS = frozenset({"output_names", "input_feed", "run_options"})
_CALLED = pattern(r"([A-Za-z_][\w.]*)\s*\(")
_USES_UP = frozenset({"next", "list", "tuple", "sum", "join", "enumerate", "sorted", "deque"})


def runs_session(module: Module, call: cst.Call) -> bool:
    """Return whether a call is `session.run(…)` of something called a session, or of one of onnxruntime."""
    if not isinstance(call.func, cst.Attribute) or call.func.attr.value not in ("run", "run_with_iobinding"):
        return False
    if "onnxruntime" not in packages(module.facts):
        return False
    receiver = last_name(call.func.value) or ""
    if "session" in receiver.lower() or receiver.lower() in ("sess", "ort_sess") or _is_ort(module.facts, receiver):
        return True
    # `self.predictor.run(None, feed)` tells by what it is given; `subprocess.run([…])` is a library's function.
    return _has_ort_shape(call) and not module.is_imported(call.func) and _may_be_ort(module, call, receiver)


def unproven(module: Module, calls: ModelCalls, call: cst.Call) -> str | None:
    """Return what the file does not show of a call that is named as those that run models; None where it shows all."""
    function = callee(module, call)
    if isinstance(function, cst.Name) and not calls.is_model(function):
        return _unproven_by_arguments(module, call)
    if not isinstance(function, cst.Attribute):
        return None
    method, receiver = function.attr.value, last_name(function.value) or ""
    if runs_session(module, call):
        if not _may_be_ort(module, call, receiver):
            return "what it is given, or how it was opened, shows that the session is not onnxruntime's"
        if _has_ort_shape(call) or _is_ort(module.facts, receiver):
            return None
        return "nothing shows that the session is onnxruntime's"
    if not call.args and is_model_name(method) and not calls.is_model(function.value):
        return "it is given nothing, as what lists models or returns one"
    if is_model_name(method) or receiver in module_names(module.facts) or _RUNS_ALONE.fullmatch(method):
        return None
    if not runs_a_model(method):
        return "nothing shows that it is more than a method of something called like a model"
    if calls.is_model(function.value) or _is_made_by_library(module.facts, receiver):
        return None
    return "nothing shows that what it is called on is a model"


def _unproven_by_arguments(module: Module, call: cst.Call) -> str | None:
    """Return what the file does not show of a function that is handed what is called like a model.

    `validate_options(options, policy)` is named as what evaluates a policy is.
    """
    if guarded(module, call):
        return None
    for name in (last_name(a.value) or "" for a in call.args):
        if name in module_names(module.facts) or _is_made_by_library(module.facts, name):
            return None
    return "nothing shows that what it is handed is a model"


def infers_under_guard(module: Module, call: cst.Call) -> bool:
    """Return whether a function of another file is called, named as what infers is, where gradients are off."""
    name = call.func.value if isinstance(call.func, cst.Name) else ""
    return _RUNS_ALONE.fullmatch(name) is not None and name not in module.functions and guarded(module, call)


def _is_made_by_library(facts: Facts, name: str) -> bool:
    """Return whether the file shows that a library which runs models makes what a name holds, and it may be a model."""
    return any(m.partition(".")[0] in LOCAL and may_be_a_model(m) for m in _made_of(facts, name))


def _may_be_ort(module: Module, call: cst.Call, name: str) -> bool:
    """Return whether arguments fit `run(output_names, input_feed, run_options)`, and no `with` opened another session.

    `with driver.session() as session: session.run("MATCH …", id=id)` is neo4j's.
    """
    if last_name(call.func) == "run_with_iobinding" or has_unpacking(call):
        return True
    keywords = {a.keyword.value for a in call.args if a.keyword is not None}
    if not keywords <= _RUN_PARAMETERS or (len(call.args) < 2 and "input_feed" not in keywords):
        return False
    if isinstance(argument(call, "output_names", 0), (cst.SimpleString, cst.FormattedString)):
        return False
    around = module.function_of(call)
    if around is None or dotted(call.func) != f"{name}.run":
        return True
    opened = re.search(rf"\bwith\b([^\n]*)\bas\s+{re.escape(name)}\b", module.code(around))
    return opened is None or "InferenceSession" in opened[1]


def _has_ort_shape(call: cst.Call) -> bool:
    """Return whether a call is `run(None, feed)`, `run([names], feed)` or names onnxruntime's parameters."""
    if last_name(call.func) == "run_with_iobinding" or argument(call, "input_feed") is not None:
        return True
    names = argument(call, "output_names", 0)
    return len(call.args) > 1 and (isinstance(names, (cst.List, cst.ListComp)) or dotted(names) == "None")


def _is_ort(facts: Facts, name: str) -> bool:
    """Return whether the file shows that a name holds a session of onnxruntime: how it is made, or what it is asked."""
    if any(made.endswith("InferenceSession") for made in _made_of(facts, name)):
        return True
    return re.search(rf"(?<!\w){re.escape(name)}\s*\.\s*{_ASKED_OF_SESSIONS}\s*\(", facts.code) is not None


def _made_of(facts: Facts, name: str) -> set[str]:
    """Return the full names of what makes or annotates what a name holds, through functions of the file."""
    if not name:
        return set()  # `(report or letter).generate(x)`
    bound = rf"(?<!\w){re.escape(name)}\s*(?:\[[^\]\n]*\]\s*)?"
    values = re.findall(rf"{bound}(?::[^=\n]+)?=(?!=)([^\n]*(?:(?<=\()\n[^\n]*)?)", facts.code)
    made = {called for value in values for called in _CALLED.findall(value)}
    for function in made & facts.outline.functions.keys():
        made = made | {called for chunk in facts.outline.functions[function] for called in _CALLED.findall(chunk.code)}
    for annotation in re.findall(rf"{bound}:\s*([\w.\[\]| ]+)", facts.code):
        made |= set(re.findall(r"[A-Za-z_][\w.]*", annotation))
    return {facts.full_name(n) for n in made}


def may_run(module: Module, calls: ModelCalls, call: cst.Call) -> bool:
    """Return whether a call is named, or shown, as one that runs a model or a session."""
    return calls.runs_model(call) or runs_session(module, call) or infers_under_guard(module, call)


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
        elif may_run(module, calls, call) and unproven(module, calls, call) is None:
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
