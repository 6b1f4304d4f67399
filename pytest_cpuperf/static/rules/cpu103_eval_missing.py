"""CPU103 eval-missing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_cpuperf.static.rules.base import Mend, PythonRule, Report, Silence
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.chunks import Chunk, Class
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import last_name
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.source.text import Words
from pytest_cpuperf.static.torch_code.held_models import is_run, is_saved, loaded_names
from pytest_cpuperf.static.torch_code.modules import is_module_class
from pytest_cpuperf.static.torch_code.training import trains
from pytest_cpuperf.static.torch_code.vocabulary import words

_DIFFERS = pattern(r"(?i)dropout|batch_?norm|instance_?norm|drop_?path|stochastic_?depth|\btraining\b")
# `net.eval()`, `net.to(device).eval()`, `net.train(False)`
_ASKS_EVAL = (
    r"(?<!\w){name}\s*(?:\.\s*\w+\s*\((?:[^()]|\([^()]*\))*\)\s*)*"
    r"\.\s*(?:eval\s*\(|train\s*\(\s*(?:mode\s*=\s*)?False)"
)
_LOAD = "torch.load"
# What is called right after an equals sign.
_BOUND = pattern(r"=[\s\\(]*([A-Za-z_][\w.\s\\]*)\(")
_HOLDS_CLASS = pattern(r"\n[ \t]*class[ \t\\]")
_WORD = pattern(r"\w+")
# Bases of classes that hold models and are none.
_NO_MODULE_BASES = pattern(
    r"(?i)handler|service|predictor|pipeline|executor|worker|server|api|engine|object|\babc\b|runner|node"
)
_ASKS_ITSELF = pattern(r"\.\s*(?:eval\s*\(\s*\)|train\s*\(\s*False)")
_INFERS = pattern(r"\b(?:no_grad|inference_mode|set_grad_enabled)\b")
# What a call chain may do to a module that it made: all return the module.
_CHAIN = frozenset({"to", "cuda", "cpu", "half", "float", "double", "bfloat16", "requires_grad_", "eval"})
_KEEPS_MODE = frozenset(
    {"print", "len", "type", "isinstance", "sum", "id", "save", "getattr", "hasattr", "append", "compile"}
)


class EvalMissing(PythonRule):
    """A module built or loaded and used for inference that is never put into eval mode.

    ## What it does
    Finds torch modules that a file builds (a class of the file, `torchvision.models`, `timm.create_model`) or loads
    (`torch.load`, `load_state_dict`) and runs, where the file does not train and never calls `.eval()` on them.

    ## Why is this bad?
    A module is born in training mode: dropout is random, batch norm uses and changes the batch's own statistics. The
    answers are wrong, differ from run to run, and cost more.

    ## Example
    ```python
    model = torchvision.models.resnet18()
    model.load_state_dict(torch.load(path))
    answer = model(x)
    ```

    ## Use instead
    ```python
    model = torchvision.models.resnet18().eval()
    model.load_state_dict(torch.load(path))
    answer = model(x)
    ```

    ## Fix safety
    Unsafe: results change, to what they should be.

    ## When it stays silent
    Where the file trains, in tests, or where the module is saved; where it is handed to a function that may put it into
    eval mode; where something the rule cannot tell apart is put into eval mode, or the class does so itself; for
    classes of the file, and layers of `torch.nn`, without dropout or batch norm, and what is built with `dropout=0`;
    and for what arrives in eval mode: `from_pretrained` of transformers and diffusers, `torch.jit.load`.

    ## References
    https://docs.pytorch.org/docs/stable/notes/autograd.html#evaluation-mode-nn-module-eval
    """

    code = "CPU103"
    name = "eval-missing"
    heuristic = None
    on_by_default = False
    trigger = (b"load_state_dict", b"torch.load", b"torchvision", b"create_model", b"Module")
    live = r"\bload_state_dict\s*\(|\btorch\s*\.\s*load\s*\(|\btorchvision\b|\bcreate_model\s*\(|\bclass\s+\w+\s*\("

    def may_concern(self, words: Words) -> bool:
        """Modules are torch's."""
        return b"torch" in words and super().may_concern(words)

    def uses(self, facts: Facts) -> list[int]:
        """Where modules of the file may be built, too."""
        names = "|".join(re.escape(k.name) for k in facts.outline.classes if is_module_class(facts, k))
        built = [m.start() for m in re.finditer(rf"(?<![\w.])(?:{names})\s*\(", facts.code)] if names else []
        return super().uses(facts) + built

    def may_report(self, facts: Facts) -> bool:
        """A file that trains, or in which nothing shows inference, has nothing to report."""
        return not trains(facts) and _INFERS.search(facts.code) is not None

    def cannot_report(self, chunk: Chunk, facts: Facts) -> bool:
        """A function has nothing to report that binds no module, or whose class may be part of one."""
        if chunk.owner is not None and not _HOLDS_CLASS.search(chunk.code):
            klass = facts.outline.by_name.get(chunk.owner.name)
            if klass is not None and _may_be_module(facts, klass):
                return True
        if not loaded_names(facts).isdisjoint(_WORD.findall(chunk.code)):
            return False
        bound = {re.sub(r"[\s\\]", "", name) for name in _BOUND.findall(chunk.code)}
        return not any(_is_module(facts, facts.full_name(name)) or facts.full_name(name) == _LOAD for name in bound)

    VALID = (
        """
        import torch, torchvision
        from torch import nn
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.body = nn.Linear(2, 2)
        def serve(path, x):
            a = torchvision.models.resnet18().eval()
            b = torchvision.models.resnet18()
            b.load_state_dict(torch.load(path))
            b.eval()
            c = torchvision.models.resnet18()
            d = Net()
            return a(x), b(x), prepare(c)(x), d(x)
        """,
        """
        import torch, torchvision
        def train(x):
            model = torchvision.models.resnet18()
            model(x).sum().backward()
        """,
    )
    INVALID = (
        """
        import timm, torch, torchvision
        from torch import nn
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.body = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.1))
            def forward(self, x):
                return self.body(x)
        class Service:
            def __init__(self, path):
                self.net = Net()  # <-
                self.net.load_state_dict(torch.load(path))
                self.other = timm.create_model("resnet18", pretrained=True).to("cpu")  # <-
            def predict(self, x):
                with torch.no_grad():
                    return self.net(x), self.other(x)
        """,
    )
    FIXED = (
        (
            "import torch, timm\nm = timm.create_model(n)\nwith torch.no_grad():\n    y = m(x)\n",
            "import torch, timm\nm = timm.create_model(n).eval()\nwith torch.no_grad():\n    y = m(x)\n",
        ),
    )

    def check(self, module: Module) -> Iterator[Report | Silence]:
        """Judge each module that is built or loaded and bound to a name."""
        facts = module.facts
        for assign in module.nodes(cst.Assign):
            made = _made(assign.value)
            name = last_name(assign.targets[0].target)
            if made is None or name is None or not _makes_module(module, made, name):
                continue
            because = _silent_because(facts, assign, made, name, module)
            if because:
                yield Silence(assign, because)
                continue
            mend = Mend("unsafe", "put it into eval mode", ((assign.value, f"{module.code(assign.value)}.eval()"),))
            yield Report(assign, f"{name} runs in training mode: nothing puts it into eval mode", "call .eval()", mend)


def _made(value: cst.BaseExpression) -> cst.Call | None:
    """Return the call that makes what is bound, past `.to(device)` and its like."""
    while isinstance(value, cst.Call) and isinstance(value.func, cst.Attribute) and value.func.attr.value in _CHAIN:
        value = value.func.value
    return value if isinstance(value, cst.Call) else None


def _makes_module(module: Module, made: cst.Call, name: str) -> bool:
    full = module.qualified(made.func) or ""
    facts = module.facts
    known = _is_module(facts, full)
    if known is not None:
        return known
    if full == _LOAD:
        return is_run(facts, name)
    return name in loaded_names(facts) and last_name(made.func) != "from_pretrained"


def _is_module(facts: Facts, full: str) -> bool | None:
    """Return whether a call makes a module, by what is called; None where that does not tell."""
    if full.startswith("torchvision.models.") and ("Weights" in full or ".feature_extraction." in full):
        return False  # preprocessing, and what keeps the mode of the model it is made of
    if full == "torch.jit.load":
        return False  # it keeps the mode that it was saved in
    if full.startswith("torchvision.models.") or full == "timm.create_model":
        return True
    klass = facts.outline.by_name.get(full)
    return None if klass is None else is_module_class(facts, klass)


def _silent_because(facts: Facts, assign: cst.Assign, made: cst.Call, name: str, module: Module) -> str | None:
    if trains(facts):
        return "the file trains"
    function = module.function_of(assign)
    if function is not None and function.name.value.startswith("test_"):
        return "it is a test"
    because = _of_class(facts, made, module)
    if because:
        return because
    if _is_asked(facts, name) or "eval" in module.code(assign.value):
        return "it is put into eval mode"
    around = module.class_of(assign)
    klass = facts.outline.by_name.get(around.name.value) if around is not None else None
    if klass is not None and _may_be_module(facts, klass):
        return "it may be part of another module, whose mode it has"
    if {"loss", "criterion"} & set(words(name)):
        return "a loss is no model that infers"
    if re.search(rf"\bin\s*[\[(][^\])]*\b{re.escape(name)}\b", facts.code):
        return "it is gone over with others, which may put it into eval mode"
    if re.search(rf"\b(?:return|yield)\s+(?:\w+\s*,\s*)*(?:self\s*\.\s*)?{re.escape(name)}\s*(?:[,\n;]|$)", facts.code):
        return "it is returned: its caller may put it into eval mode"
    if is_saved(facts, name) and not is_run(facts, name):
        return "it is saved or converted"
    if not is_run(facts, name):
        return "nothing here runs it"
    if not _INFERS.search(facts.code):
        return "nothing shows that it runs for inference"
    handed = _handed_to(facts, name)
    return f"it is handed to {handed}, which may put it into eval mode" if handed else None


def _of_class(facts: Facts, made: cst.Call, module: Module) -> str | None:
    """Return why eval mode is not missed in what a call makes, if what is made shows it."""
    full = module.qualified(made.func) or ""
    klass = facts.outline.by_name.get(full)
    if klass is not None:
        classes = (klass, *facts.outline.bases_of(klass))
        texts = ["\n".join(facts.outline.lines[k.start : k.end]) for k in classes]
        if not any(_DIFFERS.search(text) for text in texts):
            return "its class has nothing that eval mode changes"
        if any(_ASKS_ITSELF.search(text) for text in texts):
            return "its class puts itself, or a part of itself, into eval mode"
    elif full.startswith("torch.nn.") and not _DIFFERS.search(module.code(made)) and ".Transformer" not in full:
        return "its layers have nothing that eval mode changes"
    elif any(a.keyword is not None and "dropout" in a.keyword.value and _is_zero(module, a) for a in made.args):
        return "it is built with no dropout, and nothing else that eval mode changes is seen"
    return None


def _is_zero(module: Module, argument: cst.Arg) -> bool:
    return re.fullmatch(r"0?\.?0*", module.code(argument.value)) is not None


def _may_be_module(facts: Facts, klass: Class) -> bool:
    """Return whether a class may be a module that holds others: by its bases, a forward, or eval mode of its own."""
    unknown = [b for b in klass.bases if b not in facts.outline.by_name and not _NO_MODULE_BASES.search(b)]
    return is_module_class(facts, klass) or "forward" in klass.methods or bool(unknown) or _is_asked(facts, "self")


def _is_asked(facts: Facts, name: str) -> bool:
    """Return whether a file puts what it holds under a name into eval mode."""
    return re.search(_ASKS_EVAL.replace("{name}", re.escape(name)), facts.code) is not None


def _handed_to(facts: Facts, name: str) -> str | None:
    """Return the function that a module is given to, if any is that may change its mode."""
    given = re.compile(
        rf"(?<![\w.])(?<!def )([\w.]+)\s*\((?:[^()]*,)?\s*(?:\w+\s*=\s*)?(?:self\s*\.\s*)?{re.escape(name)}\s*[,)]"
    )
    for match in given.finditer(facts.code):
        if match[1].rpartition(".")[2] not in _KEEPS_MODE:
            return match[1]
    return "others in a tuple" if re.search(rf"=\s*\(\s*{re.escape(name)}\s*,\s*\)", facts.code) else None
