"""CPU104 compile-static-shapes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_cpuperf.static.rules.base import Mend, PythonRule, Report, Silence
from pytest_cpuperf.static.rules.cpu202_tokenizer_per_item import TOKENIZER_WORDS
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import argument, dotted, has_unpacking, last_name
from pytest_cpuperf.static.torch_code.held_models import is_run
from pytest_cpuperf.static.torch_code.modules import module_names
from pytest_cpuperf.static.torch_code.vocabulary import is_model_name

_PADS = re.compile(
    rf"\b(?:{'|'.join(sorted(TOKENIZER_WORDS))})\w*\s*(?:\.\s*(?:__call__|batch_encode_plus|pad)\s*)?\("
    r"(?:[^()]|\([^()]*\))*?\bpadding\s*=\s*(?:True|[\"']longest[\"'])"
)
_HANDLES_SHAPES = re.compile(
    r"\bmark_dynamic\b|\bmaybe_mark_dynamic\b|\bassume_static_by_default\b|\bautomatic_dynamic_shapes\b"
    r"|\bforce_parameter_static_shapes\b|\bpad_to_multiple_of\b|\bmark_static\b"
)


class CompileStaticShapes(PythonRule):
    """`torch.compile` without `dynamic` on a model fed with padded text batches of varying length.

    ## What it does
    Finds `torch.compile(model)` with no `dynamic` argument, where the file runs the compiled model and its tokenizer
    pads each batch to its longest text.

    ## Why is this bad?
    The first call compiles for its own shape, the next shape compiles again, and after eight recompilations torch
    quietly goes back to eager mode. Batches padded to their longest have as many shapes as there are lengths.

    ## Example
    ```python
    model = torch.compile(model)
    model(**tokenizer(texts, padding=True, return_tensors="pt"))
    ```

    ## Use instead
    ```python
    model = torch.compile(model, dynamic=True)
    model(**tokenizer(texts, padding=True, return_tensors="pt"))
    ```

    or few shapes, by `pad_to_multiple_of=64`.

    ## Fix safety
    Unsafe: code for all shapes can be slower than code for one.

    ## When it stays silent
    Where `dynamic` is given or may be, where the file marks dynamic dimensions, sets dynamo's options for shapes or
    pads to a multiple, and where no padded text is seen.

    ## References
    https://docs.pytorch.org/docs/stable/torch.compiler_dynamic_shapes.html
    """

    code = "CPU104"
    name = "compile-static-shapes"
    heuristic = None
    on_by_default = False
    trigger = (b"compile",)
    live = r"\btorch\s*\.\s*compile\b|\.\s*compile\s*\("

    def may_concern(self, data: bytes) -> bool:
        """Text is tokenized and padded in the file."""
        return b"torch" in data and b"padding" in data and super().may_concern(data)

    VALID = (
        """
        import re, torch
        def serve(model, tokenizer, texts, images):
            pattern = re.compile("x")
            a = torch.compile(model, dynamic=True)
            return a(**tokenizer(texts, padding=True))
        """,
        """
        import torch
        def serve(model, tokenizer, texts):
            a = torch.compile(model)
            return a(**tokenizer(texts, padding="max_length", max_length=128))
        """,
    )
    INVALID = (
        """
        import torch
        class Encoder:
            def __init__(self, model, tokenizer):
                self.model = torch.compile(model)  # <-
                self.tokenizer = tokenizer
            def encode(self, texts):
                batch = self.tokenizer(texts, padding=True, return_tensors="pt")
                return self.model(**batch)
        def other(model, tokenizer, texts):
            model.compile(mode="max-autotune")  # <-
            return model(**tokenizer(texts, padding="longest"))
        """,
    )
    FIXED = (
        (
            "import torch\nm = torch.compile(net)\nm(**tokenizer(texts, padding=True))\n",
            "import torch\nm = torch.compile(net, dynamic=True)\nm(**tokenizer(texts, padding=True))\n",
        ),
        (
            "import torch\nmodel.compile()\nmodel(**tokenizer(texts, padding=True))\n",
            "import torch\nmodel.compile(dynamic=True)\nmodel(**tokenizer(texts, padding=True))\n",
        ),
    )

    def check(self, module: Module) -> Iterator[Report | Silence]:
        """Judge each call that compiles a model."""
        for call in module.nodes(cst.Call):
            name = _compiled(module, call)
            if name is None:
                continue
            because = _silent_because(module.facts, call, name)
            if because:
                yield Silence(call, because)
            else:
                yield Report(
                    call,
                    "batches are padded to their longest: each new length compiles again, eight times at most",
                    "give dynamic=True, or pad to few lengths with pad_to_multiple_of",
                    _mend(module, call),
                )


def _compiled(module: Module, call: cst.Call) -> str | None:
    """Return the name under which a compiled model is held; `""` where it has none, None where no model is compiled."""
    if module.qualified(call.func) == "torch.compile":
        for parent in module.parents(call):
            if isinstance(parent, (cst.Assign, cst.AnnAssign)):
                target = parent.targets[0].target if isinstance(parent, cst.Assign) else parent.target
                return last_name(target) or ""
            if isinstance(parent, cst.Decorator):
                function = module.parent(parent)
                return function.name.value if isinstance(function, cst.FunctionDef) else ""
            if isinstance(parent, cst.FunctionDef):
                break
        return ""
    function = call.func
    if isinstance(function, cst.Attribute) and function.attr.value == "compile" and not module.is_imported(function):
        # `model.compile()` of torch takes keywords alone; Keras's takes an optimizer.
        if any(a.keyword is None for a in call.args) or argument(call, "optimizer") or argument(call, "loss"):
            return None
        name = last_name(function.value)
        return name if name and (name in module_names(module.facts) or is_model_name(name)) else None
    return None


def _silent_because(facts: Facts, call: cst.Call, name: str) -> str | None:
    if has_unpacking(call):
        return "unpacked arguments may hold dynamic"
    if argument(call, "dynamic") is not None and dotted(argument(call, "dynamic")) != "None":
        return "dynamic is given"
    if _HANDLES_SHAPES.search(facts.code):
        return "the file handles shapes: it marks dimensions, sets dynamo's options or pads to a multiple"
    if not any(facts.code[m.start()] == facts.text[m.start()] for m in _PADS.finditer(facts.text)):
        return "no text is seen that is padded to the longest of its batch"
    return None if name and is_run(facts, name) else "the compiled model is not seen to run here"


def _mend(module: Module, call: cst.Call) -> Mend | None:
    given = argument(call, "dynamic")
    if given is not None:
        return Mend("unsafe", "compile for all shapes", ((given, "True"),))
    code = module.code(call)
    if "#" in code:
        return None  # what is added might stand in a comment
    inside = code.rstrip()[:-1].rstrip()
    comma = "" if inside.endswith(("(", ",")) else ","
    space = "" if inside.endswith("(") else " "
    return Mend("unsafe", "compile for all shapes", ((call, f"{inside}{comma}{space}dynamic=True)"),))
