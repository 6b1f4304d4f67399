"""A model's claims table: which heuristics pay for this model, these texts, on this machine."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_cpuperf.cli.output import show_line, tell
from pytest_cpuperf.clock import now
from pytest_cpuperf.errors import UsageError

if TYPE_CHECKING:
    from pytest_cpuperf.proofs.base import Proof, Subject
    from pytest_cpuperf.results.claims import Claim


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("model", metavar="MODEL", help="a transformers folder, an .onnx file, or module:factory")
    parser.add_argument(
        "--texts",
        type=Path,
        metavar="FILE",
        help="texts as the model will see them, one a line (default: paragraphs "
        "of the standard library's documentation)",
    )
    parser.add_argument("--claims", metavar="NAMES", help="which heuristics to prove, as a,b; default all")
    parser.add_argument(
        "--max-seconds", type=float, default=600.0, metavar="S", help="the most all may take together (default 600)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write results (schema cpuperf/results/1) to FILE")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the report to FILE, one page")


def run(arguments: argparse.Namespace) -> int:
    """Prove, and print the table. Returns 1 where a heuristic is harmful here."""
    if not 0 < arguments.max_seconds < float("inf"):
        raise UsageError(f"--max-seconds takes a number above 0, found {arguments.max_seconds:g}")
    from pytest_cpuperf import __version__
    from pytest_cpuperf.machine.fingerprint import describe_machine
    from pytest_cpuperf.machine.limits import read_limits
    from pytest_cpuperf.machine.pin import Pin, can_pin
    from pytest_cpuperf.machine.placement import Request, place
    from pytest_cpuperf.machine.topology import read_topology
    from pytest_cpuperf.measure.sequential import Patience
    from pytest_cpuperf.proofs import chosen_proofs
    from pytest_cpuperf.proofs.base import Subject
    from pytest_cpuperf.proofs.models import load_model
    from pytest_cpuperf.reports.claims import claims_text
    from pytest_cpuperf.reports.files import write_run
    from pytest_cpuperf.reports.live import LiveLine
    from pytest_cpuperf.results.claims import Judgement
    from pytest_cpuperf.results.run import RunResult

    proofs = chosen_proofs(arguments.claims)
    texts = _texts(arguments.texts)
    cpus = place(read_topology(), read_limits(), Request()).cpus
    pin = Pin.apply(cpus) if can_pin() is None else None
    columns = shutil.get_terminal_size().columns
    watched = sys.stderr.isatty() and not os.environ.get("CI")
    live = LiveLine(sys.stderr, columns, lambda: 0, None) if watched else None
    claims: list[Claim] = []
    interrupted: KeyboardInterrupt | None = None
    try:
        model, tokenizer = load_model(arguments.model, len(cpus))
        if watched:
            tell(f"{len(proofs)} claim{'s' * (len(proofs) != 1)}, at most {arguments.max_seconds:.0f} s")
        subject = Subject(model, tokenizer, texts, Patience(progress=live), cpus)
        # One by one: what is judged when somebody interrupts is kept.
        claims.extend(_judged(proofs, subject, arguments.max_seconds))
    except KeyboardInterrupt as interrupt:
        interrupted = interrupt
    finally:
        if live is not None:
            live.clear()
        if pin is not None:
            pin.restore()
    if interrupted is not None and not claims:
        raise interrupted
    show_line(claims_text(claims, columns))
    if arguments.texts is None:
        show_line(f"\ntexts: {len(texts):,} paragraphs of Python's documentation; --texts takes your own")
    result = RunResult(version=__version__, machine=describe_machine(), claims=tuple(claims))
    for path, suffix in ((arguments.json, ".json"), (arguments.html, ".html")):
        if path is not None:
            write_run(path, result, suffix)
    if interrupted is not None:
        raise interrupted  # what was judged is told and written
    return 1 if any(claim.judgement is Judgement.HARMFUL for claim in claims) else 0


def _judged(proofs: Sequence[Proof], subject: Subject, max_seconds: float) -> Iterator[Claim]:
    """Yield each claim, judged. What one leaves of its share of the time goes to those after it."""
    deadline = now() + max_seconds
    for number, proof in enumerate(proofs):
        share = max(0.0, deadline - now()) / (len(proofs) - number)
        yield proof.run(replace(subject, patience=replace(subject.patience, max_seconds=share)))


def _texts(file: Path | None) -> list[str]:
    if file is None:
        return _paragraphs()
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError(f"cannot read the texts in {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not UTF-8 text") from None
    texts = [line for line in lines if line.strip()]
    if len(texts) < 2:
        raise UsageError(f"expected at least 2 texts in {file}, one a line, found {len(texts)}")
    return texts


def _paragraphs() -> list[str]:
    """Return the paragraphs of the standard library's own documentation: real texts of all lengths."""
    from pydoc_data.topics import topics

    paragraphs = (" ".join(text.split()) for topic in topics.values() for text in topic.split("\n\n"))
    return [text for text in paragraphs if text.count(" ") > 2]
