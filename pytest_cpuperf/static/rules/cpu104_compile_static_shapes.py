"""CPU104 compile-static-shapes."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_cpuperf.static.rules.base import Mend, PythonRule, Report, Silence
from pytest_cpuperf.static.rules.cpu202_tokenizer_per_item import TOKENIZER_WORDS
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import argument, dotted, has_unpacking, last_name
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.source.text import Words
from pytest_cpuperf.static.torch_code.held_models import is_run
from pytest_cpuperf.static.torch_code.modules import module_names
from pytest_cpuperf.static.torch_code.vocabulary import is_model_name

_PADS = pattern(
    rf"\b(?:{'|'.join(sorted(TOKENIZER_WORDS))})\w*\s*(?:\.\s*(?:__call__|batch_encode_plus|pad)\s*)?\("
    r"(?:[^()]|\([^()]*\))*?\bpadding\s*=\s*(?:True|[\"']longest[\"'])"
)
_HANDLES_SHAPES = pattern(r"\b(?:maybe_)?mark_(?:dynamic|static|unbacked)\b|\bpad_to_multiple_of\b")
_STATIC = pattern(r"\bdynamic\s*=[\s(\\]*False\b")
# What `dynamic=False` does, for all that the file compiles.
_ALL_STATIC = pattern(r"\bautomatic_dynamic_shapes\s*=\s*False\b")


class CompileStaticShapes(PythonRule):
    """A model compiled for fixed shapes, and fed with padded text batches of varying length.

    ## What it does
    Finds `torch.compile(model, dynamic=False)`, and `torch.compile(model)` where the file switches dynamo's
    `automatic_dynamic_shapes` off, where the file runs the compiled model and its tokenizer pads each batch to its
    longest text.

    ## Why is this bad?
    Each length compiles again, and after eight compilations torch runs new lengths uncompiled. How often a small
    encoder compiles for 20 batches of 8 texts, each batch of another length (torch 2.13, with inductor and with
    `backend="eager"` alike):

    | | compilations |
    |---|---|
    | `dynamic=False`, or `automatic_dynamic_shapes = False` | 8, the other 12 lengths uncompiled |
    | `dynamic=False`, lengths padded to multiples of 32 | 4, one for each length |
    | `dynamic` left out, or `None` | 2: the second is for all lengths |
    | `dynamic=True` | 1 |

    Without `dynamic`, another batch size costs one more compilation, once.

    ## Example
    ```python
    model = torch.compile(model, dynamic=False)
    model(**tokenizer(texts, padding=True, return_tensors="pt"))
    ```

    ## Use instead
    ```python
    model = torch.compile(model, dynamic=True)
    model(**tokenizer(texts, padding=True, return_tensors="pt"))
    ```

    or leave `dynamic` out, or keep fixed shapes and have few of them, by `pad_to_multiple_of=64`.

    ## Fix safety
    Unsafe: code for all shapes can be slower than code for one.

    ## When it stays silent
    Where `dynamic` is left out, true or chosen at run time, where the file marks dimensions itself or pads to a
    multiple, and where no padded text is seen.

    ## References
    https://docs.pytorch.org/docs/stable/torch.compiler_dynamic_shapes.html
    """

    code = "CPU104"
    name = "compile-static-shapes"
    heuristic = None
    on_by_default = False
    trigger = (b"compile",)
    live = r"\btorch\s*\.\s*compile\b|\.\s*compile\s*\("

    def may_concern(self, words: Words) -> bool:
        """Text is tokenized and padded in the file."""
        return b"torch" in words and b"padding" in words and super().may_concern(words)

    def may_report(self, facts: Facts) -> bool:
        """A file that asks for no fixed shapes, handles shapes itself or pads no text has nothing to report."""
        asks = "dynamic" in facts.code and (_STATIC.search(facts.code) or _ALL_STATIC.search(facts.code))
        return bool(asks) and not _HANDLES_SHAPES.search(facts.code) and _pads(facts)

    VALID = (
        """
        import re, torch
        def serve(model, other, tokenizer, texts, images):
            pattern = re.compile("x")
            a, b = torch.compile(model, dynamic=True), torch.compile(other)
            batch = tokenizer(texts, padding=True)
            return a(**batch), b(**batch)
        """,
        """
        import torch
        def serve(model, tokenizer, texts):
            a = torch.compile(model, dynamic=False)
            return a(**tokenizer(texts, padding="max_length", max_length=128))
        """,
    )
    INVALID = (
        """
        import torch
        class Encoder:
            def __init__(self, model, tokenizer):
                self.model = torch.compile(model, dynamic=False)  # <-
                self.tokenizer = tokenizer
            def encode(self, texts):
                batch = self.tokenizer(texts, padding=True, return_tensors="pt")
                return self.model(**batch)
        def other(model, tokenizer, texts):
            model.compile(mode="max-autotune", dynamic=False)  # <-
            return model(**tokenizer(texts, padding="longest"))
        """,
        """
        import torch
        torch._dynamo.config.automatic_dynamic_shapes = False
        def serve(model, tokenizer, texts):
            model = torch.compile(model)  # <-
            return model(**tokenizer(texts, padding=True))
        """,
    )
    FIXED = (
        (
            "import torch\nm = torch.compile(net, dynamic=False)\nm(**tokenizer(texts, padding=True))\n",
            "import torch\nm = torch.compile(net, dynamic=True)\nm(**tokenizer(texts, padding=True))\n",
        ),
        (
            "import torch\ntorch._dynamo.config.automatic_dynamic_shapes = False\nmodel.compile()\n"
            "model(**tokenizer(texts, padding=True))\n",
            "import torch\ntorch._dynamo.config.automatic_dynamic_shapes = False\nmodel.compile(dynamic=True)\n"
            "model(**tokenizer(texts, padding=True))\n",
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
                    "compiled for fixed shapes, and batches are padded to their longest: each length compiles again, "
                    "and after eight torch runs it uncompiled",
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
    dynamic = argument(call, "dynamic")
    given = "None" if dynamic is None else dotted(dynamic)
    if given == "None" and not _ALL_STATIC.search(facts.code):
        return "dynamic is left out: where shapes vary, torch compiles a second time, for all of them"
    if given not in ("None", "False"):
        return "dynamic is true, or chosen elsewhere"
    if _HANDLES_SHAPES.search(facts.code):
        return "the file handles shapes: it marks dimensions, or pads to a multiple"
    if not _pads(facts):
        return "no text is seen that is padded to the longest of its batch"
    return None if name and is_run(facts, name) else "the compiled model is not seen to run here"


def _pads(facts: Facts) -> bool:
    """Return whether a file pads texts to the longest of their batch."""
    return any(facts.code[m.start()] == facts.text[m.start()] for m in _PADS.finditer(facts.text))


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
