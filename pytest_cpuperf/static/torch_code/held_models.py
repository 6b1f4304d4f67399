"""What a file does with what it holds under a name: runs it, saves it, moves it. Read from text, so from all of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.torch_code.devices import names_cpu_in
from pytest_cpuperf.static.torch_code.vocabulary import runs_by_name

# Methods that run a model, beside those that do whatever they are called on.
_RUNS = pattern(
    r"__call__|forward|encode(?:_\w+)?|embed(?:_\w+)?|get_\w+_(?:features|embeddings?)|extract_\w+|chat(?:_\w+)?"
    r"|stream_chat|transcribe|translate|synthesi[sz]e|tts(?:_\w+)?|infer(?:ence)?(?:_\w+)?|predict\w*|detect\w*"
    r"|classify|score|rank|rerank|compute_\w+|similarity|\w*detection|streaming_\w+|ocr"
)
_SAVES = pattern(
    r"save\w*|push_to_hub|merge_and_unload|merge_adapter|state_dict|named_parameters|named_modules|export\w*|quantize\w*"
)
# What stands after a name that is called, or on which a method is.
_CALLED = pattern(r"\s*(?:\.\s*(\w+)\s*)?\(")
_LOADED = pattern(r"\b(\w+)\s*\.\s*load_state_dict\s*\(")
_MOVES = r"(?<![\w.])(?:self\s*\.\s*)?{name}\s*\.\s*(?:(cuda|mps|xpu)\s*\(|to\s*\(([^()]*(?:\([^()]*\))?[^()]*)\))"
# Libraries that move what they are handed, and what asks diffusers to keep a pipeline on a GPU, part by part.
_HANDED = (
    r"\b(?:\w*dispatch_model|load_checkpoint_and_dispatch|cpu_offload|(?:\w*accelerator|fabric)\s*\.\s*(?:prepare|setup)\w*)"
    r"\s*\([^()]*(?<![\w.])(?:self\s*\.\s*)?{name}\b|(?<!\w){name}\s*\.\s*enable_\w*offload\s*\("
)
_FAR = 80  # characters that `self.` is looked for in, before a name
_HALF = pattern(r"\b(?:half|b?float16|dtype\w*)\b")


def is_run(facts: Facts, name: str) -> bool:
    """Return whether a file calls what it holds under a name, or a method of it that runs a model."""
    return any(not method or runs_a_model(method) for method in methods(facts, name))


def runs_a_model(method: str) -> bool:
    """Return whether a method is named as those that run the model that they are called on."""
    return runs_by_name(method) or _RUNS.fullmatch(method) is not None


def is_saved(facts: Facts, name: str) -> bool:
    """Return whether a file saves, merges or exports what it holds under a name, or reads its parameters."""
    if any(_SAVES.fullmatch(method) for method in methods(facts, name)):
        return True
    return re.search(rf"\b(?:save\w*|export|convert\w*|quantize\w*)\s*\(\s*(?:self\.)?{name}\b", facts.code) is not None


def is_moved_off_cpu(facts: Facts, name: str) -> bool:
    """Return whether a file moves what it holds under a name to a device that is not plainly the CPU."""
    if re.search(_HANDED.format(name=re.escape(name)), facts.code):
        return True
    for match in re.finditer(_MOVES.format(name=re.escape(name)), facts.text):
        if match[1] is not None:
            return True
        target = match[2].strip()
        if target and not names_cpu_in(facts, target) and not _HALF.search(target):
            return True
    return False


def methods(facts: Facts, name: str) -> frozenset[str]:
    """Return the methods that a file calls on what it holds under a name; `""` where it is called itself."""
    return frozenset(_called(facts.code, name))


@lru_cache(maxsize=4)
def loaded_names(facts: Facts) -> frozenset[str]:
    """Return the names of what a file loads a state into: `net.load_state_dict(…)`."""
    code = facts.code
    if "load_state_dict" not in code:
        return frozenset()
    return frozenset(m[1] for m in _LOADED.finditer(code) if _is_held(code, m.start()))


def _called(code: str, name: str) -> Iterator[str]:
    """Yield the methods called on a name. It is looked for as a word: an expression for each name would be slow."""
    at = code.find(name)
    while at >= 0:
        end = at + len(name)
        found = _CALLED.match(code, end)
        # What is defined under the name is not called there.
        if found is not None and _is_held(code, at) and not code.endswith("def ", 0, at):
            yield found[1] or ""
        at = code.find(name, end)


def _is_held(code: str, at: int) -> bool:
    """Return whether a name begins at a place that is a variable, or an attribute of `self`."""
    before = code[max(0, at - _FAR) : at]
    if before[-1:].isalnum() or before.endswith("_"):
        return False
    owner, dot, blanks = before.rpartition(".")
    if not dot or blanks.strip():
        return True
    owner = owner.rstrip()
    return owner.endswith("self") and not (owner[-5:-4].isalnum() or owner[-5:-4] in ("_", "."))
