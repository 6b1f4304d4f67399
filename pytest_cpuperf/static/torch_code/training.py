"""Which functions of a file hand their results to training: told from who calls whom, and who takes gradients."""

from __future__ import annotations

from functools import lru_cache

from pytest_cpuperf.static.source.chunks import Chunk
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.outline import Outline
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.torch_code.vocabulary import words

# What a class's training may start from: modules, Lightning, the trainers of transformers and coqui.
_ENTRY_METHODS = frozenset(
    (
        *("forward", "training_step", "train_step", "compute_loss", "shared_step"),
        *("_prepare_inputs", "get_train_dataloader", "on_before_batch_transfer", "on_after_batch_transfer"),
        *("format_batch", "format_batch_on_device"),
    )
)
# A head, at most a docstring (blanked), and one return.
_ALIAS = pattern(r":[ \t]*\n[\s\"']*return\s+self\s*\.\s*[a-z]\w*\s*\([^()]*\)\s*$")
_TAKES_GRADIENTS = pattern(r"\.\s*(?:backward|zero_grad|manual_backward)\s*\(")
# Training loops evaluate too: what these return is looked at, not trained through.
_EVALUATES = frozenset(
    (
        *("eval", "evaluate", "evaluation", "val", "valid", "validate", "validation", "test", "predict", "prediction"),
        *("infer", "inference", "generate", "generation", "sample", "samples", "log", "plot", "score", "metrics"),
    )
)


_TRAINS = pattern(
    r"\.\s*(?:backward|manual_backward)\s*\(|\boptim(?:izer)?s?\s*\.\s*step\s*\(|\btorch\s*\.\s*optim\b|\bTrainer\s*\("
    r"|\bdef\s+(?:training_step|compute_loss|configure_optimizers)\b"
)


_WORDS_OF_TRAINING = ("backward", "optim", "Trainer", "training_step", "compute_loss", "configure_optimizers")


@lru_cache(maxsize=4)
def trains(facts: Facts) -> bool:
    """Return whether a file trains something: it takes gradients or optimizer steps, or has a trainer."""
    code = facts.code
    return any(word in code for word in _WORDS_OF_TRAINING) and _TRAINS.search(code) is not None


def called_by_forward(outline: Outline, class_name: str) -> frozenset[str]:
    """Return the methods of a class from which training may start, and those they call on `self`.

    A forward that is only another name for one public method (`return self.transcribe(…)`) is left out: that method is
    what the class is for.
    """
    classes = [klass for klass in outline.classes if klass.name == class_name]
    return frozenset(
        c.name
        for klass in classes
        for c in outline.closure(
            c for name, same in klass.methods.items() if name in _ENTRY_METHODS for c in same if not _is_alias(c)
        )
        if c.owner is klass
    )


def _is_alias(chunk: Chunk) -> bool:
    """Return whether a function only returns what one other method of its object returns."""
    return _ALIAS.search(chunk.code) is not None


def used_by_training(outline: Outline, class_name: str | None) -> frozenset[str]:
    """Return the methods of a class, or the functions of a module, whose results a training loop there may use.

    They are what is called by functions that take gradients, or that call one that does; evaluation is left out.
    """
    if class_name is None:
        return _used(outline, [c for c in outline.chunks if c.owner is None])
    classes = [klass for klass in outline.classes if klass.name == class_name]
    return frozenset(n for klass in classes for n in _used(outline, [c for c in outline.chunks if c.owner is klass]))


def _used(outline: Outline, chunks: list[Chunk]) -> frozenset[str]:
    training = {c for c in chunks if _TAKES_GRADIENTS.search(c.code)}
    if not training:
        return frozenset()
    among = set(chunks)
    calls = {c: among.intersection(outline.called(c)) for c in chunks}
    while callers := {c for c, called in calls.items() if called & training} - training:
        training |= callers
    used = outline.closure(training, lambda c: c in among and not _EVALUATES & set(words(c.name)))
    return frozenset(c.name for c in used)
