"""Which calls run a model.

There are no types to ask, so the evidence is what the file shows: a name the file itself treats as a module
(`.eval()`, `from_pretrained`, `nn.…`), a method that models have (`generate`, `predict`, `encode`), a callee named
as models are, or a helper in the same file whose body does one of these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.lazy_libcst import cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import dotted, last_name, string_value
from pytest_cpuperf.static.source.prune import Chunk

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

MODEL_NOUNS = frozenset(
    [
        "model",
        "models",
        "net",
        "nets",
        "network",
        "networks",
        "backbone",
        "encoder",
        "encoders",
        "decoder",
        "transformer",
        "transformers",
        "classifier",
        "detector",
        "segmenter",
        "segmentor",
        "generator",
        "discriminator",
        "unet",
        "vae",
        "bert",
        "roberta",
        "clip",
        "gpt",
        "lm",
        "llm",
        "predictor",
        "embedder",
        "reranker",
        "ranker",
        "vocoder",
        "recognizer",
        "pipeline",
        "pipe",
        "extractor",
        "featurizer",
        "module",
        "denoiser",
        "tagger",
        "parser",
        "scorer",
        "resnet",
        "vit",
        "autoencoder",
        "critic",
        "policy",
        "actor",
        "student",
        "teacher",
        "ensemble",
        "regressor",
        "captioner",
    ]
)
# A callee that begins so makes, finds or changes a model; it does not run one.
_OTHER_VERBS = frozenset(
    [
        "get",
        "load",
        "build",
        "create",
        "make",
        "init",
        "initialize",
        "save",
        "prepare",
        "set",
        "update",
        "wrap",
        "unwrap",
        "convert",
        "download",
        "check",
        "is",
        "has",
        "register",
        "add",
        "remove",
        "merge",
        "export",
        "compile",
        "freeze",
        "unfreeze",
        "copy",
        "clone",
        "parse",
        "print",
        "log",
        "move",
        "to",
        "test",
        "find",
        "select",
        "resolve",
        "validate",
        "format",
        "count",
        "iter",
        "cast",
        "patch",
        "replace",
        "dump",
        "store",
        "fetch",
        "read",
        "write",
        "summarize",
        "configure",
        "setup",
    ]
)
# What models are asked to do; strong where the receiver is no tokenizer, text or archive.
_MODEL_METHODS = re.compile(
    r"(forward|generate|predict|infer|inference|embed|transcribe|translate|evaluate|caption|denoise"
    r"|predict_\w+|generate_\w+|embed_\w+|encode_(text|image|images|audio|video|query|queries|document|documents|corpus"
    r"|passages?|sentences?|texts|multi_process|\w*prompts?|labels|features|first_stage)|decode_first_stage"
    r"|get_(text|image|audio|video)_features|get_\w*embeddings?|extract_features|forward_\w+|batch_predict\w*|run_model)"
)
# `self.mods.encoder(x)`: SpeechBrain keeps the modules of a model so.
_MODULE_DICTS = frozenset({"mods", "modules"})
_IN_MODULE_DICT = re.compile(r"\.\s*(?:mods|modules)\s*\.\s*\w+\s*\(")
_DICT_METHODS = frozenset(
    [
        *(
            "keys",
            "values",
            "items",
            "get",
            "pop",
            "update",
            "setdefault",
            "clear",
            "copy",
            "append",
            "insert",
            "extend",
        ),
        *("eval", "train", "to", "cuda", "cpu", "half", "float", "parameters", "named_parameters", "state_dict"),
        *("load_state_dict", "add_module", "apply", "requires_grad_", "zero_grad", "children", "named_children"),
    ]
)
_TEXT_RECEIVER = re.compile(
    r"(?i)token|vocab|processor|codec|json|base64|string|str$|text$|url|label_?encoder|bpe|spm|sp$"
)
_CALLED_NAME = re.compile(r"(?<!def )\b([A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*)?\(")
_CALL_ON_RESULT = re.compile(r"[\])]\s*\(")
_RUN_VERBS = frozenset(
    [
        "run",
        "call",
        "apply",
        "evaluate",
        "predict",
        "infer",
        "embed",
        "encode",
        "forward",
        "generate",
        "eval",
        "inference",
        "transcribe",
    ]
)


def words(identifier: str) -> list[str]:
    """Return an identifier's words, lower case: `textEncoder_2` → `text`, `encoder`, `2`."""
    return [w.lower() for w in _WORDS.findall(identifier)]


def is_model_name(identifier: str | None) -> bool:
    """Return whether an identifier is named as models are: its last word (digits apart) is a model noun."""
    if not identifier:
        return False
    parts = [w for w in words(identifier) if not w.isdigit()]
    return bool(parts) and parts[-1] in MODEL_NOUNS and parts[0] not in _OTHER_VERBS


class ModelCalls:
    """Answers for one file; remembers what it found of each helper."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._helpers: dict[int, bool] = {}
        self._modules = module.facts.module_names

    def within(self, node: cst.CSTNode) -> Iterator[cst.Call]:
        """Yield the calls inside a node that run a model, in source order."""
        for call in self._module.nodes(cst.Call, within=node):
            if self.runs_model(call):
                yield call

    def runs_model(self, call: cst.Call) -> bool:
        """Return whether a call runs a model."""
        function = call.func
        name = last_name(function)
        if name is None:
            return False
        helper = self._helper(call)
        if helper is not None:
            return self._helper_runs_model(helper)
        if isinstance(function, cst.Name):
            return self._names_model(function, name) or self._runs_argument(call, name)
        if isinstance(function, cst.Attribute):
            return self._method_runs_model(call, function)
        if isinstance(function, cst.Subscript):
            return is_model_name(name) or name in self._modules
        # model.eval()(x), get_model()(x)
        return isinstance(function, cst.Call) and (is_model_name(name) or name == "eval")

    def _names_model(self, function: cst.Name, name: str) -> bool:
        if name[:1].isupper() or name in self._module.functions:
            return False  # a class is built, or a function whose body was looked at
        if name in self._module.imports:
            return False
        return name in self._modules or is_model_name(name)

    def _method_runs_model(self, call: cst.Call, function: cst.Attribute) -> bool:
        method, receiver = function.attr.value, function.value
        if method[:1].isupper():
            return False
        name = last_name(receiver) or ""
        if self._module.is_imported(function):
            return False  # a library's function, not an object's method
        if name in _MODULE_DICTS and isinstance(receiver, cst.Attribute) and method not in _DICT_METHODS:
            return True
        if method == "__call__":
            return is_model_name(name) or name in self._modules
        if method == "encode":
            # str.encode and tokenizer.encode are everywhere: only a model's counts.
            is_text = call.args and string_value(call.args[0].value) is not None
            return not is_text and (is_model_name(name) or name in self._modules)
        if method == "evaluate" or _MODEL_METHODS.fullmatch(method):
            return not _TEXT_RECEIVER.search(name) and not isinstance(receiver, (cst.SimpleString, cst.FormattedString))
        if method.startswith("_"):
            method = method.lstrip("_")
        return method in self._modules or is_model_name(method) or self._runs_argument(call, method)

    def _runs_argument(self, call: cst.Call, name: str) -> bool:
        """Return whether a function that evaluates, predicts or embeds is handed a model."""
        parts = words(name)
        return (
            bool(parts)
            and parts[0] in _RUN_VERBS
            and any(
                is_model_name(last_name(a.value)) for a in call.args if isinstance(a.value, (cst.Name, cst.Attribute))
            )
        )

    def _helper(self, call: cst.Call) -> cst.FunctionDef | None:
        """Return the function or method of this file that a call goes to, where that is plain."""
        function = call.func
        if isinstance(function, cst.Name) and function.value == "self":
            return self._method(call, "forward")  # a module calls itself
        if isinstance(function, cst.Name):
            for candidate in self._module.functions.get(function.value, ()):
                if self._module.class_of(candidate) is None:
                    return candidate
        if isinstance(function, cst.Attribute) and dotted(function.value) in ("self", "cls"):
            return self._method(call, function.attr.value)
        return None

    def _method(self, call: cst.Call, name: str) -> cst.FunctionDef | None:
        around = self._module.class_of(call)
        for candidate in self._module.functions.get(name, ()):
            if around is not None and self._module.class_of(candidate) is around:
                return candidate
        return None

    def _helper_runs_model(self, helper: cst.FunctionDef) -> bool:
        known = self._helpers.get(id(helper))
        if known is None:
            self._helpers[id(helper)] = False  # a helper that calls itself proves nothing by that
            known = self._helpers[id(helper)] = any(True for _ in self.within(helper.body))
        return known

    def helper(self, call: cst.Call) -> cst.FunctionDef | None:
        """Return the function or method of this file that a call goes to, or None."""
        return self._helper(call)


def may_run_model(chunk: Chunk, facts: Facts) -> bool:
    """Return whether a function's text, or that of what it calls in its file, may hold a call that runs a model.

    Never False where `ModelCalls.runs_model` would find one: it asks the same of every name before a bracket, without
    a tree.
    """
    others: set[str] = set()
    for reached in facts.outline.closure([chunk]):
        code = reached.code
        if _CALL_ON_RESULT.search(code) or _IN_MODULE_DICT.search(code):
            return True
        for name in set(_CALLED_NAME.findall(code)):
            if _may_be_run(name):
                return True
            others |= {name, name.lstrip("_")}
    return not others.isdisjoint(facts.module_names)


@lru_cache(maxsize=20_000)
def _may_be_run(name: str) -> bool:
    """Return whether a called name, of whatever it is called on, is one that may run a model."""
    bare = name.lstrip("_")
    if name in ("encode", "eval", "__call__") or is_model_name(bare) or _MODEL_METHODS.fullmatch(name):
        return True
    parts = words(bare)
    return bool(parts) and parts[0] in _RUN_VERBS
