"""CPU201 constant-padding."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_cpuperf.static.rules.base import Mend, PythonRule, Report, Silence
from pytest_cpuperf.static.source.edits import LINE_END
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.lazy_libcst import cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import argument, dotted, last_name, string_value
from pytest_cpuperf.static.torch_code.vocabulary import words

_HELP = 'padding="longest" with truncation=True and the same max_length; sort texts by length before batching'

_NOT_TEXT = re.compile(r"(?i)image|audio|speech|vision|video|feature_?extractor|pixel|wav2vec|whisper|waveform|mel")
_FIXED_CONTEXT = re.compile(r"(?i)siglip|diffus|(?<![a-z])clip|longclip|text_encoder_2|stable_?xl|unet|flux|t2i")
_STATIC_SHAPE = re.compile(
    r"(?i)export|trace|tracing|calibrat|tpu|xla|static_?shape|neuron|tensorrt|\btrt\b|tflite|coreml|core_ml|qnn|hailo|rknn"
    r"|openvino|executorch|compiled|aot_?inductor|cuda_?graph"
)
_DIFFUSION = re.compile(r"(?:^|\.)(?:diffusers|diffusionmodules|ldm|sgm)(?:\.|$)|\bCLIPTextModel")
_OPENING, _CLOSING = re.compile(r"[(\[{]"), re.compile(r"[)\]}]")
_TOKENIZER_METHODS = frozenset({"pad", "batch_encode_plus", "encode_plus", "encode", "encode_batch", "__call__"})
_GIVEN_TO_PADDING = re.compile(r"\bpadding\s*=(?!=)[^,=]*$")
_BOUND = re.compile(r"(?<![\w.])([A-Za-z_]\w*)\s*(?::[^=\n]+)?=\s*[\w.]*$")
_PADDING_NAME = re.compile(r"padding\s*=\s*([A-Za-z_]\w*)")
_TRAINING = re.compile(
    r"(?i)(^|_)(train|training|finetune|pretrain|trainer)($|_)|preprocess_function|tokenize_function|collate"
)


class ConstantPadding(PythonRule):
    """Text is padded to a constant length.

    ## What it does
    Finds tokenizer calls and collators that pad every text to `max_length`, whatever its real length.

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
    Where a constant length is what the model needs or the source does not tell: image and audio processors; CLIP,
    SigLIP and diffusion text encoders; query expansion with mask tokens; export, tracing, calibration and static
    shapes; lengths read from a compiled model's input; defaults a caller may override; labels and training data;
    padding that is cut off again in the same function.

    ## References
    https://huggingface.co/docs/transformers/pad_truncation
    """

    code = "CPU201"
    name = "constant-padding"
    heuristic = "constant-padding"
    trigger = (b'"max_length"', b"'max_length'", b"MAX_LENGTH", b"pad_to_max_length", b"enable_padding")
    live = r"""["']max_length["']|MAX_LENGTH\b|pad_to_max_length\s*=\s*True\b|enable_padding\b"""

    VALID = (
        """
        def encode(tokenizer, texts):
            return tokenizer(texts, padding="longest", truncation=True, max_length=512)
        """,
        """
        def encode(tokenizer, texts, padding="max_length"):
            if padding == "max_length":
                pass
            return tokenizer(texts, padding=padding)
        """,
        """
        def load(feature_extractor, sound):
            return feature_extractor(sound, padding="max_length", return_tensors="pt")
        """,
        """
        def export_model(tokenizer, path):
            example = tokenizer("hello", padding="max_length", max_length=128, return_tensors="pt")
        """,
        """
        def preprocess(tokenizer, rows):
            inputs = tokenizer(rows["text"], padding="max_length", truncation=True)
            inputs["labels"] = rows["label"]
            return inputs
        """,
        """
        def encode(tokenizer, texts):
            # XLA compiles anew for every shape
            return tokenizer(texts, padding="max_length", max_length=64)
        """,
        """
        from tokenizers import Tokenizer
        def no_padding(tokenizer):
            tokenizer.enable_padding(length=0)
        """,
    )
    INVALID = (
        """
        def encode(tokenizer, texts):
            return tokenizer(texts, padding="max_length", truncation=True, max_length=512)  # <-
        """,
        """
        from transformers import DataCollatorWithPadding
        from transformers.utils import PaddingStrategy
        PAD = "max_length"
        def embed(self, texts):
            a = self.tokenizer(texts, padding=PAD, max_length=256)  # <-
            b = self.tokenizer.pad(a, padding=PaddingStrategy.MAX_LENGTH)  # <-
            c = self.tokenizer.batch_encode_plus(texts, pad_to_max_length=True)  # <-
            return a, b, c, DataCollatorWithPadding(self.tokenizer, padding="max_length")  # <-
        """,
        """
        from tokenizers import Tokenizer
        tokenizer = Tokenizer.from_file("tokenizer.json")
        tokenizer.enable_padding(length=256)  # <-
        """,
    )

    FIXED = (
        (
            "def f(tokenizer, t):\n    return tokenizer(t, padding='max_length', max_length=9)\n",
            "def f(tokenizer, t):\n    return tokenizer(t, padding='longest', max_length=9)\n",
        ),
        (
            "def f(tokenizer, t):\n    return tokenizer(t, pad_to_max_length=True)\n",
            'def f(tokenizer, t):\n    return tokenizer(t, padding="longest")\n',
        ),
    )

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
        return found

    def check(self, module: Module) -> Iterator[Report | Silence]:
        """Judge each argument that asks for constant padding."""
        for call in module.nodes(cst.Call):
            for arg in call.args:
                trigger = _trigger(module, call, arg)
                if trigger is None:
                    continue
                because = _silent_because(module, call, arg)
                if because:
                    yield Silence(arg, because)
                else:
                    yield Report(arg, _message(module, call), _HELP, _mend(module, call, arg))
        for param in module.nodes(cst.Param):
            if param.default is not None and string_value(param.default) == "max_length":
                yield Silence(param, "a default, which a caller may override")


def _mend(module: Module, call: cst.Call, arg: cst.Arg) -> Mend | None:
    """Return the edit to padding by the longest text of a batch."""
    keyword = arg.keyword.value if arg.keyword is not None else ""
    description = "pad each batch to its longest text"
    if keyword == "pad_to_max_length" and argument(call, "padding") is None:
        return Mend("unsafe", description, ((arg, 'padding="longest"'),))
    if keyword != "padding":
        return None
    if isinstance(arg.value, cst.Attribute):
        return Mend("unsafe", description, ((arg.value, f"{module.code(arg.value.value)}.LONGEST"),))
    quote = "'" if isinstance(arg.value, cst.SimpleString) and arg.value.value.endswith("'") else '"'
    return Mend("unsafe", description, ((arg.value, f"{quote}longest{quote}"),))


def _trigger(module: Module, call: cst.Call, arg: cst.Arg) -> str | None:
    """Return the word that asks for constant padding in an argument, or None."""
    keyword = arg.keyword.value if arg.keyword is not None else None
    if keyword == "padding" and _is_max_length(module, call, arg.value):
        return "padding"
    if keyword == "pad_to_max_length" and isinstance(arg.value, cst.Name) and arg.value.value == "True":
        return keyword
    if last_name(call.func) == "enable_padding" and keyword == "length":
        length = _constant(module, call, arg.value)
        if isinstance(length, cst.Integer) and int(length.value, 0) > 0:  # 0 switches it off
            return keyword
    return None


def _is_max_length(module: Module, call: cst.Call, value: cst.BaseExpression) -> bool:
    if isinstance(value, cst.IfExp):
        return any(_is_max_length(module, call, branch) for branch in (value.body, value.orelse))
    value = _constant(module, call, value)
    if string_value(value) == "max_length":
        return True
    return (module.qualified(value) or "").endswith("PaddingStrategy.MAX_LENGTH")


def _constant(module: Module, call: cst.Call, value: cst.BaseExpression) -> cst.BaseExpression:
    """Return what a local variable or module constant holds where it is bound exactly once, else the value itself."""
    if not isinstance(value, cst.Name):
        return value
    scopes = [s for s in (module.function_of(call), module.tree) if s is not None]
    for scope in scopes:
        if isinstance(scope, cst.FunctionDef) and any(
            p.name.value == value.value for p in module.nodes(cst.Param, within=scope.params)
        ):
            return value
        bound = [
            assign.value
            for assign in module.nodes(cst.Assign, within=scope)
            if any(isinstance(t.target, cst.Name) and t.target.value == value.value for t in assign.targets)
            and module.function_of(assign) is (scope if isinstance(scope, cst.FunctionDef) else None)
        ]
        if bound:
            return bound[0] if len(bound) == 1 else value
    return value


def _message(module: Module, call: cst.Call) -> str:
    length = argument(call, "max_length") or argument(call, "length")
    if length is not None:
        value = _constant(module, call, length)
        text = value.value if isinstance(value, cst.Integer) else module.code(length)
        if len(text) <= 30:
            return f"text is padded to {text} tokens"
    return "text is padded to the model's longest input"


def _silent_because(module: Module, call: cst.Call, arg: cst.Arg) -> str | None:
    if isinstance(arg.value, cst.IfExp):
        return "whether it pads to a constant is chosen at run time"
    function, around = module.function_of(call), module.class_of(call)
    callee = dotted(call.func) or last_name(call.func) or ""
    if _NOT_TEXT.search(callee):
        return "images and audio have a fixed size"
    name = function.name.value if function is not None else ""
    class_name = around.name.value if around is not None else ""
    if _NOT_TEXT.search(name) or any(
        a.keyword is not None and a.keyword.value in ("images", "audio", "raw_speech", "sampling_rate")
        for a in call.args
    ):
        return "images and audio have a fixed size"
    made_from = _made_from(module, call) or module.code(call.func)
    length = argument(call, "max_length") or argument(call, "length")
    remarks = _remarks(module, call)
    if (
        any(_FIXED_CONTEXT.search(part) for part in (callee, name, class_name, made_from, remarks))
        or any(_DIFFUSION.search(v) for v in module.imports.values())
        or (length is not None and last_name(length) == "context_length")
    ):
        return "this text encoder was trained with a fixed context"
    scope: cst.CSTNode = function if function is not None else module.tree
    names = {n.value for n in module.nodes(cst.Name, within=scope)}
    if names & {"mask_token_id", "mask_token"}:
        return "pads are swapped for the mask token: query expansion"
    if any(_STATIC_SHAPE.search(part) for part in (callee, name, class_name, remarks)) or any(
        (module.qualified(n) or "").startswith(("torch.onnx", "torch.export", "torch.jit.trace", "torch_xla"))
        for n in module.nodes(cst.Attribute, cst.Name, within=scope)
        if module.is_imported(n)
    ):
        return "export, tracing and compiled models need static shapes"
    if length is not None and re.search(r"get_inputs|\.shape|input_shape|seq_len_from|static", module.code(length)):
        return "the length is read from the model's own input"
    return _training_data(module, scope, name, class_name) or _cut_again(module, scope)


def _remarks(module: Module, call: cst.Call) -> str:
    """Return the comments in a call's statement and right above it: there authors say why a length is constant."""
    lines = LINE_END.split(module.facts.text)
    first = last = module.statement_line(call) - 1
    while first > 0 and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    open_brackets = 0
    for code in module.facts.outline.lines[last:]:
        last += 1
        open_brackets += len(_OPENING.findall(code)) - len(_CLOSING.findall(code))
        if open_brackets <= 0:
            break
    # A line's first `#` may stand in a string; then too much is read as a remark, and at worst a place is left alone.
    return " ".join(line.partition("#")[2] for line in lines[first:last])


def _made_from(module: Module, call: cst.Call) -> str:
    """Return the text the callee was made from in this file: `CLIPTokenizer.from_pretrained(…)`."""
    function = call.func
    if isinstance(function, cst.Attribute) and function.attr.value in _TOKENIZER_METHODS:
        function = function.value
    return module.facts.made_from(last_name(function) or "")


def _training_data(module: Module, scope: cst.CSTNode, name: str, class_name: str) -> str | None:
    if {"dataset", "collator"} & set(words(class_name)) or name in ("__getitem__",) or _TRAINING.search(name):
        return "data for training, where equal lengths may be needed"
    for node in module.nodes(cst.SimpleString, within=scope):
        if string_value(node) in ("labels", "label_ids", "decoder_input_ids", "start_positions"):
            return "it makes labels: data for training"
    for arg in module.nodes(cst.Arg, within=scope):
        if arg.keyword is not None and arg.keyword.value in ("labels", "text_target", "tgt_texts"):
            return "it makes labels: data for training"
    return None


def _cut_again(module: Module, scope: cst.CSTNode) -> str | None:
    """Silent where the function trims the pads: a length taken from the mask's sum and used in a slice."""
    lengths = set()
    for assign in module.nodes(cst.Assign, within=scope):
        text = module.code(assign.value)
        if "attention_mask" in text and ".sum(" in text:
            lengths |= {t.target.value for t in assign.targets if isinstance(t.target, cst.Name)}
    for piece in module.nodes(cst.Slice, within=scope):
        if piece.upper is not None and any(n.value in lengths for n in module.nodes(cst.Name, within=piece.upper)):
            return "the padding is cut off again"
    return None
