"""The names by which a file itself treats things as torch modules: what it makes, loads, annotates, evaluates."""

from __future__ import annotations

import re
import weakref

from pytest_cpuperf.static.source.chunks import Class
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.torch_code.vocabulary import is_model_name, makes_model, may_be_a_model

# The name before each is read backwards.
_ASKED_OF_MODULES = pattern(
    r"\.[ \t]*(?:eval[ \t]*\([ \t]*\)|load_state_dict[ \t]*\(|named_parameters[ \t]*\(|parameters[ \t]*\([ \t]*\))"
)
_MADE = pattern(r"=[ \t]*([A-Za-z_][\w.]*)[ \t]*\(")
_TARGET_BEFORE = pattern(r"([A-Za-z_]\w*)[ \t]*(?::[^=\n]+)?$")
_ANNOTATED = pattern(r":[ \t]*([\w.]*(?:Module|PreTrainedModel))\b")
_NAME_BEFORE = pattern(r"([A-Za-z_]\w*)\s*$")
_MODULE_BASES = frozenset(
    {"torch.nn.Module", "torch.jit.ScriptModule", "transformers.PreTrainedModel", "torch.nn.Sequential"}
)
_NOT_MODULES = frozenset({"torch.nn.Parameter", "torch.nn.Buffer"})
_LOADERS = frozenset(
    {"torch.jit.load", "torch.hub.load", "torch.compile", "transformers.pipeline", "timm.create_model"}
)
_NO_OBJECTS = frozenset({"self", "pd", "cls", "optimizer", "scheduler", "df"})
# Packages whose classes, named so, are models.
_MODEL_CLASSES = pattern(
    r"sentence_transformers\.(?:\w+\.)*(?:SentenceTransformer|CrossEncoder|SparseEncoder)|ultralytics\.\w*YOLO\w*"
    r"|(?:transformers|diffusers|peft|optimum\.\w+)\.(?:\w+\.)*\w*(?:Model\w*|For[A-Z]\w+|Pipeline\w*)"
    r"|torchvision\.models\.\w+|flair\.models\.\w+|gliner\.GLiNER|auto_gptq\.\w+Model\w*|ctranslate2\.\w+"
)
_BASE_ENDINGS = ("Module", "PreTrainedModel")

_known: weakref.WeakKeyDictionary[Facts, frozenset[str]] = weakref.WeakKeyDictionary()


def module_names(facts: Facts) -> frozenset[str]:
    """Return names, of variables, attributes and classes, that a file treats as torch modules. Remembered per file."""
    found = _known.get(facts)
    if found is None:
        found = _known[facts] = frozenset(_find(facts))
    return found


def is_module_class(facts: Facts, klass: Class) -> bool:
    """Return whether a class of a file is a torch module, by its bases or theirs."""
    for kind in (klass, *facts.outline.bases_of(klass)):
        for base in kind.bases:
            if facts.full_name(base) in _MODULE_BASES or base.endswith(_BASE_ENDINGS):
                return True
    return False


def may_be_module(facts: Facts, klass: Class) -> bool:
    """Return whether a class of a file may be a torch module: by its bases, their names, or layers that it holds."""
    if is_module_class(facts, klass):
        return True
    if any(is_model_name(b.rpartition(".")[2]) for b in klass.bases):
        return True
    code = "\n".join(facts.outline.lines[klass.start : klass.end])
    return re.search(r"\bnn\.[A-Z]|super\(\)\.forward\b", code) is not None


def _find(facts: Facts) -> set[str]:
    code = facts.code
    names = {_asked(code, m.start()) for m in _ASKED_OF_MODULES.finditer(code)} - _NO_OBJECTS
    known: dict[str, bool] = {}
    for match in _MADE.finditer(code):
        made = match[1]
        if made not in known:
            known[made] = _makes_module(facts, made)
        if known[made]:
            line_start = code.rfind("\n", 0, match.start()) + 1
            target = _TARGET_BEFORE.search(code, line_start, match.start())
            names.add(target[1] if target else "")
    for match in _ANNOTATED.finditer(code):
        if facts.full_name(match[1]) in _MODULE_BASES:
            names.add(_name_before(code, match.start()))
    modules = {k.name for k in facts.outline.classes if is_module_class(facts, k)}
    names |= {name for name, klass in facts.outline.instances.items() if klass.name in modules}
    return (names | modules) - {"", *_NO_OBJECTS}


def _asked(code: str, offset: int) -> str:
    """Return the name of what is asked; of what a chain makes (`net = load(path).eval()`), the name it is bound to."""
    if not code[max(0, offset - 20) : offset].rstrip().endswith(")"):
        return _name_before(code, offset)
    line_start = code.rfind("\n", 0, offset) + 1
    equals = code.find("=", line_start, offset)
    target = _TARGET_BEFORE.search(code, line_start, equals) if equals > 0 else None
    return target[1] if target else ""


def _name_before(code: str, offset: int) -> str:
    found = _NAME_BEFORE.search(code, max(0, offset - 100), offset)
    return found[1] if found else ""


def _makes_module(facts: Facts, made: str) -> bool:
    if made.endswith(".from_pretrained"):
        return may_be_a_model(made)
    full = facts.full_name(made)
    last = full.rpartition(".")[2]
    if full in _LOADERS or (_MODEL_CLASSES.fullmatch(full) and may_be_a_model(last)) or makes_model(last):
        return True
    return (
        full.startswith("torch.nn.") and last[:1].isupper() and full not in _NOT_MODULES and not last.endswith("Loss")
    )
