"""The work of a bucketing experiment: some sequences, and how to encode them batch by batch."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pytest_cpuperf.batching import Batch, one_by_one_batches
from pytest_cpuperf.errors import UsageError
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

    def tokenise(self) -> list[list[int]]:
        """Return each sequence's token ids, cut at `max_length`. Raises UsageError where one has no tokens."""
        if not isinstance(self.sequences[0], str):
            return [ids[: self.max_length] for ids in self.sequences]
        tokens: list[list[int]] = self.tokenizer(list(self.sequences), truncation=True, max_length=self.max_length)[
            "input_ids"
        ]
        if not all(tokens):
            raise UsageError(f"text {next(i for i, ids in enumerate(tokens) if not ids)} has no tokens: leave it out")
        return tokens

    def cut_off(self) -> int:
        """Return how many sequences are longer than `max_length` and lose their end."""
        sequences: Sequence[Sequence[int]] = self.sequences
        if isinstance(self.sequences[0], str):
            sequences = self.tokenizer(list(self.sequences), truncation=False, verbose=False)["input_ids"]
        return sum(len(ids) > self.max_length for ids in sequences)

    def run(
        self,
        ids: Sequence[Sequence[int]],
        batches: Sequence[Batch],
        padded_to: int | None = None,
        seconds: list[float] | None = None,
    ) -> list[Any]:
        """Return the outputs for all sequences in their original order, batch by batch.

        Batches are padded to their longest sequence, or all to `padded_to`. `seconds`, of one entry for each sequence,
        is filled with how long the batch took that the sequence was in.
        """
        outputs: list[Any] = [None] * len(ids)
        for batch in batches:
            start = time.perf_counter()
            padded = self.pad([ids[i] for i in batch], padded_to)
            found = self.encoder.rows(self.encoder.run(padded), padded, [len(ids[i]) for i in batch], self.pads_left)
            for index, row in zip(batch, found, strict=True):
                outputs[index] = row
            if seconds is not None:
                took = time.perf_counter() - start
                for index in batch:
                    seconds[index] = took
        return outputs

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

    def one_by_one(self) -> list[Any]:
        """Return the outputs of every sequence on its own, without padding."""
        ids = self.tokenise()
        return self.run(ids, one_by_one_batches(len(ids)))


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
