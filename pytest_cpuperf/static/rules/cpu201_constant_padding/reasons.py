"""Why a request for constant padding is left alone, or what shows that it costs."""

from __future__ import annotations

import re

from pytest_cpuperf.static.rules.cpu201_constant_padding.destination import Destination, End, Part
from pytest_cpuperf.static.rules.cpu201_constant_padding.lengths import length_of_these_texts, read_from_model
from pytest_cpuperf.static.rules.cpu201_constant_padding.requests import Request
from pytest_cpuperf.static.rules.cpu201_constant_padding.surroundings import Surroundings
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import last_name, string_value
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.torch_code.model_calls import ModelCalls
from pytest_cpuperf.static.torch_code.training import trains
from pytest_cpuperf.static.torch_code.vocabulary import words

_TRAINING = pattern(
    r"(?i)(^|_)(train|training|finetune|pretrain|trainer)($|_)|preprocess_function|tokenize_function|collate"
)
_LABELS = frozenset(("labels", "label_ids", "decoder_input_ids", "start_positions"))
_LABEL_ARGUMENTS = frozenset(("labels", "text_target", "tgt_texts"))
# Whose tokenizer it is: a model that ranks, reads, embeds or generates from texts.
_ROLES = frozenset(
    (
        *("query", "queries", "question", "passage", "passages", "context", "ctx", "doc", "document", "generator"),
        *("reader", "reranker", "ranker", "sentence", "summarizer", "translator", "classifier", "embedding"),
    )
)
_TEXTS = frozenset(
    (
        *("text", "texts", "sentence", "sentences", "document", "documents", "doc", "docs", "passage", "passages"),
        *("query", "queries", "paragraph", "paragraphs", "corpus", "pair", "pairs", "review", "reviews"),
    )
)
_PIPELINE_ARGUMENTS = frozenset(("tokenizer_kwargs", "tokenize_kwargs", "preprocess_kwargs"))


def silent_because(module: Module, calls: ModelCalls, request: Request) -> str | None:
    """Return why a request is left alone, or None where it is reported: a text model gets the padded batch."""
    if not request.calls:
        return "nothing shows which call gets it"
    for call in request.calls:
        because = _left_alone(module, request, call)
        if because:
            return because
    verdicts = [_missing(module, calls, call) for call in request.calls]
    return None if None in verdicts else verdicts[0]


def _left_alone(module: Module, request: Request, call: cst.Call) -> str | None:
    surroundings = Surroundings(module, call)
    because = surroundings.not_text() or surroundings.fixed_context() or surroundings.query_expansion()
    if because or (because := surroundings.static_shapes()):
        return because
    if request.length is not None:
        if read_from_model(module, request.length):
            return "the length is read from the model's own input"
        if length_of_these_texts(module, call, request.length):
            return "the length is that of these texts, or of their bucket"
    return _training(module, call) or _cut_again(module, call)


def _missing(module: Module, calls: ModelCalls, call: cst.Call) -> str | None:
    """Return what is missing for a report, or None where the batch is seen to reach a text model with its mask."""
    name = last_name(call.func) or ""
    if any(a.keyword is not None and a.keyword.value in _PIPELINE_ARGUMENTS for a in call.args) or name in (
        "pipe",
        "nlp",
    ):
        return None
    if name == "enable_padding":
        return _missing_of_tokenizer(module)
    if name.endswith(("Collator", "DataCollatorWithPadding")) or name == "DataCollatorWithPadding":
        return _missing_of_collator(module, calls, call)
    destination = Destination(module, calls)
    ends = destination.ends(call)
    parts = {part for part, end in ends if end is not End.OUT}
    if Part.WHOLE in parts or Part.MASK in parts or (Part.IDS, End.GENERATION) in ends:
        return None
    if Part.IDS in parts:
        return "the ids go on without their mask: the pads are part of the input"
    leaving = {part for part, end in ends if end is End.OUT}
    with_mask = Part.WHOLE in leaving or destination.taken >= {Part.IDS, Part.MASK}
    if with_mask and (_is_of_text_model(call) or _is_text(module, call)):
        return None  # handed on whole, for whoever runs a model on it
    return "nothing shows a text model that gets the padded batch"


def _is_of_text_model(call: cst.Call) -> bool:
    """Return whether a tokenizer is named after a text model's input: a query, a passage, a reader."""
    return not _ROLES.isdisjoint(words(last_name(call.func) or ""))


def _is_text(module: Module, call: cst.Call) -> bool:
    """Return whether what is tokenized is named as texts are."""
    if not call.args:
        return False
    named = {n.value for n in module.nodes(cst.Name, within=call.args[0].value)}
    return any(_TEXTS & set(words(n)) for n in named)


def _missing_of_tokenizer(module: Module) -> str | None:
    """A tokenizer of the tokenizers library keeps its padding: the file shows whether masks reach a model."""
    code = module.facts.text
    if "attention_mask" in code and re.search(r"\.\s*run\s*\(|\bmodel\s*\(|\.\s*encode_batch\s*\(", module.facts.code):
        return None
    return "nothing shows a text model that gets what it pads, with its mask"


def _missing_of_collator(module: Module, calls: ModelCalls, call: cst.Call) -> str | None:
    scope = module.class_of(call) or module.function_of(call) or module.tree
    for other in module.nodes(cst.Call, within=scope):
        if any(a.star == "**" for a in other.args) and calls.runs_model(other):
            return None
    return "nothing shows a text model that gets what it pads"


def _training(module: Module, call: cst.Call) -> str | None:
    function, around = module.function_of(call), module.class_of(call)
    scope: cst.CSTNode = function if function is not None else module.tree
    name = function.name.value if function is not None else ""
    class_name = around.name.value if around is not None else ""
    if {"dataset", "collator"} & set(words(class_name)) or name in ("__getitem__",) or _TRAINING.search(name):
        return "data for training, where equal lengths may be needed"
    if _makes_labels(module, scope) and not _is_of_text_model(call):
        return "it makes labels: data for training"
    if function is not None and _makes_loss(module, function):
        return "it computes a loss: a training step"
    if trains(module.facts) and _is_mapped(module, call, function):
        return "a map feeds a trainer of this file"
    return None


def _makes_labels(module: Module, scope: cst.CSTNode) -> bool:
    if any(string_value(node) in _LABELS for node in module.nodes(cst.SimpleString, within=scope)):
        return True
    given = {a.keyword.value for a in module.nodes(cst.Arg, within=scope) if a.keyword is not None}
    return not given.isdisjoint(_LABEL_ARGUMENTS)


def _makes_loss(module: Module, function: cst.FunctionDef) -> bool:
    """Return whether a function returns a loss, or takes gradients of one."""
    for node in module.nodes(cst.Return, within=function):
        named = module.nodes(cst.Name, within=node.value) if node.value is not None else []
        if any("loss" in words(n.value) for n in named):
            return True
    return any(a.attr.value == "backward" for a in module.nodes(cst.Attribute, within=function))


def _is_mapped(module: Module, call: cst.Call, function: cst.FunctionDef | None) -> bool:
    """Return whether a call stands in a lambda or function that is given to `map`, or at a script's own level."""
    for parent in module.parents(call):
        if isinstance(parent, cst.Lambda):
            return True
        if isinstance(parent, cst.FunctionDef):
            break
    if function is None:
        return True
    name = function.name.value
    return any(
        last_name(other.func) in ("map", "with_transform", "set_transform")
        and any(last_name(a.value) == name for a in other.args)
        for other in module.nodes(cst.Call)
    )


def _cut_again(module: Module, call: cst.Call) -> str | None:
    """Silent where the function trims the pads: a length taken from the mask's sum and used in a slice."""
    scope: cst.CSTNode = module.function_of(call) or module.tree
    lengths = set()
    for assign in module.nodes(cst.Assign, within=scope):
        text = module.code(assign.value)
        if "attention_mask" in text and ".sum(" in text:
            lengths |= {t.target.value for t in assign.targets if isinstance(t.target, cst.Name)}
    for piece in module.nodes(cst.Slice, within=scope):
        if piece.upper is not None and any(n.value in lengths for n in module.nodes(cst.Name, within=piece.upper)):
            return "the padding is cut off again"
    return None
