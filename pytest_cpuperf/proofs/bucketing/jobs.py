"""The work of a bucketing experiment: some sequences, and how to encode them batch by batch."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pytest_cpuperf.batching import Batch
from pytest_cpuperf.clock import now
from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.measure.blocks import TimeOverError
from pytest_cpuperf.proofs.encoders import Batch as PaddedInputs
from pytest_cpuperf.proofs.encoders import Encoder, as_encoder, longest_input, unwrapped

_SEED = 20261123
_USUAL_LONGEST = 512
# A stand-in vocabulary for sequences of which only the lengths are known: ids that every tokenizer has, 0 left out,
# which is often the padding's.
_INVENTED_IDS = range(1, 100)


@dataclass(frozen=True)
class Job:
    """Some sequences, and how to encode them."""

    encoder: Encoder
    tokenizer: Any
    """None where sequences came as token ids or lengths without one: padding is id 0 then, on the right."""
    sequences: tuple[Any, ...]
    """Texts, or lists of token ids."""
    batch_size: int
    max_length: int

    def tokenise(self, indices: Sequence[int] | None = None) -> dict[int, list[int]]:
        """Return token ids by the index of the sequence, of all or some of them, cut at `max_length`.

        Raises UsageError where a sequence has no tokens.
        """
        indices = range(len(self.sequences)) if indices is None else indices
        if not isinstance(self.sequences[0], str):
            return {i: self.sequences[i][: self.max_length] for i in indices}
        texts = [self.sequences[i] for i in indices]
        found = self.tokenizer(texts, truncation=True, max_length=self.max_length)["input_ids"]
        tokens: dict[int, list[int]] = dict(zip(indices, found, strict=True))
        for index, ids in tokens.items():
            if not ids:
                raise UsageError(f"text {index} has no tokens: leave it out")
        return tokens

    def cut_off(self) -> int:
        """Return how many sequences are longer than `max_length` and lose their end."""
        sequences: Sequence[Sequence[int]] = self.sequences
        if isinstance(self.sequences[0], str):
            sequences = self.tokenizer(list(self.sequences), truncation=False, verbose=False)["input_ids"]
        return sum(len(ids) > self.max_length for ids in sequences)

    def run(
        self,
        ids: Mapping[int, Sequence[int]],
        batches: Sequence[Batch],
        padded_to: int | None = None,
        seconds: list[float] | None = None,
        until: float = math.inf,
    ) -> dict[int, Any]:
        """Return the outputs by the index of the sequence, in the sequences' order, batch by batch.

        Batches are padded to their longest sequence, or all to `padded_to`. How long each batch took is added to
        `seconds`. Raises TimeOverError where the clock passes `until` between two batches.
        """
        outputs: dict[int, Any] = {}
        began = now()
        for batch in batches:
            start = now()
            if outputs and start >= until:
                raise TimeOverError(len(batches), start - began)
            padded = self.pad([ids[i] for i in batch], padded_to)
            found = self.encoder.rows(self.encoder.run(padded), padded, [len(ids[i]) for i in batch], self.pads_left)
            outputs.update(zip(batch, found, strict=True))
            if seconds is not None:
                seconds.append(now() - start)
        return {index: outputs[index] for index in sorted(outputs)}

    @property
    def pads_left(self) -> bool:
        """Whether padding comes before the sequence."""
        return getattr(self.tokenizer, "padding_side", "right") == "left"

    def pad(self, ids: Sequence[Sequence[int]], padded_to: int | None) -> PaddedInputs:
        """Return one batch, padded, with its attention mask."""
        if self.tokenizer is None:
            return self.encoder.padded(ids, padded_to or max(len(i) for i in ids))
        padded: PaddedInputs = self.tokenizer.pad(
            {"input_ids": list(ids)},
            padding="longest" if padded_to is None else "max_length",
            max_length=padded_to,
            return_tensors=self.encoder.tensors,
        )
        return padded

    def first(self, count: int) -> Job:
        """Return the job with the first sequences alone."""
        return replace(self, sequences=self.sequences[:count])

    def sample(self, count: int) -> Job:
        """Return the job with a random sample of the sequences, the same in every run, in their order."""
        if count >= len(self.sequences):
            return self
        chosen = sorted(random.Random(_SEED).sample(range(len(self.sequences)), count))
        return replace(self, sequences=tuple(self.sequences[i] for i in chosen))

    def shown(self, index: int) -> str:
        """Return a sequence as a message shows it."""
        sequence = self.sequences[index]
        return repr(sequence[:40]) if isinstance(sequence, str) else f"{len(sequence)} tokens"

    def one_by_one(self, indices: Sequence[int], until: float) -> dict[int, Any]:
        """Return the outputs of some sequences, each on its own, unpadded. Raises TimeOverError as `run` does."""
        return self.run(self.tokenise(indices), [(index,) for index in indices], until=until)


def as_job(model: Any, tokenizer: Any, sequences: Sequence[Any], batch_size: int, max_length: int | None) -> Job:
    """Return the job for some arguments of a user, or raise UsageError saying which of them is wrong.

    Without a `max_length` it is 512 tokens, or as many as the model takes.
    """
    model, tokenizer = unwrapped(model, tokenizer)
    most = longest_input(model)
    if max_length is None:
        max_length = _USUAL_LONGEST if most is None else min(most, _USUAL_LONGEST)
    for name, value in (("batch_size", batch_size), ("max_length", max_length)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise UsageError(f"{name} takes a whole number of at least 1, found {value!r}")
    given = _sequences(sequences)
    if len(given) < 2:
        raise UsageError(f"bucketing needs at least 2 texts, found {len(given)}")
    if isinstance(given[0], str) and tokenizer is None:
        raise UsageError("texts need a tokenizer: give one, or token ids, or lengths")
    if tokenizer is not None:
        if not hasattr(tokenizer, "pad"):
            raise UsageError(f"tokenizer takes a transformers tokenizer, found {type(tokenizer).__name__}")
        if getattr(tokenizer, "pad_token", None) is None:
            raise UsageError("this tokenizer has no pad token: set tokenizer.pad_token before batching")
    if most is not None and max_length > most:
        raise UsageError(f"this model takes at most {most} tokens, found max_length={max_length}")
    return Job(as_encoder(model), tokenizer, given, batch_size, max_length)


def _sequences(given: Sequence[Any]) -> tuple[Any, ...]:
    """Return texts as they are, token ids as lists, and for lengths sequences of so many invented ids."""
    wrong = UsageError("texts takes a list of strings, of lists of token ids, or of lengths")
    if isinstance(given, (str, bytes)) or not hasattr(given, "__len__"):
        raise wrong
    values = list(given)
    if all(isinstance(v, str) for v in values):
        return tuple(values)
    if all(isinstance(v, int) and not isinstance(v, bool) for v in values):
        if min(values) < 1:
            raise UsageError(f"lengths take whole numbers of at least 1, found {min(values)}")
        generator = random.Random(_SEED)
        return tuple(generator.choices(_INVENTED_IDS, k=length) for length in values)
    if all(isinstance(v, (list, tuple)) and all(isinstance(i, int) for i in v) for v in values):
        if not all(values):
            raise UsageError("lists of token ids take at least one id each, found an empty one")
        return tuple(list(v) for v in values)
    raise wrong
