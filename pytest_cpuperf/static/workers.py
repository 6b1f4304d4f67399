"""Files spread over processes: one that dies takes the file it died of with it, and no other."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

Answer = TypeVar("Answer")
Pieces = list[Sequence[Path]]


def in_processes(
    work: Callable[[Sequence[Path]], Answer],
    pieces: Pieces,
    processes: int,
    died: Callable[[Path], Answer],
) -> list[Answer]:
    """Return what some work, which must be picklable, makes of each piece of a list of files.

    Where a process is killed (the system does that where memory runs out), the pieces that are left are done by one
    process at a time; a piece that kills it again is halved until the file is known, which `died` answers for. Where no
    process can be started, this one does the work.
    """
    answers: list[Answer] = []
    while pieces:
        try:
            done, pieces = _round(work, pieces, processes)
        except OSError:  # no more processes, or no shared memory
            return [*answers, *map(work, pieces)]
        answers += done
        if pieces and processes == 1:  # the first is the one that it died in
            piece, *rest = pieces
            if len(piece) == 1:
                answers.append(died(piece[0]))
                pieces = rest
            else:
                middle = len(piece) // 2
                pieces = [piece[:middle], piece[middle:], *rest]
        processes = 1
    return answers


def _round(work: Callable[[Sequence[Path]], Answer], pieces: Pieces, processes: int) -> tuple[list[Answer], Pieces]:
    """Return the answers of one pool of processes, and the pieces left where one of them died."""
    from concurrent.futures import ProcessPoolExecutor  # brings multiprocessing, which few runs need
    from concurrent.futures.process import BrokenProcessPool

    answers: list[Answer] = []
    left: Pieces = []
    with ProcessPoolExecutor(processes, initializer=_end_with_parent) as pool:
        futures = []
        for piece in pieces:
            try:
                futures.append(pool.submit(work, piece))
            except BrokenProcessPool:
                break
        for piece, future in zip(pieces, futures, strict=False):
            try:
                answers.append(future.result())
            except BrokenProcessPool:
                left.append(piece)
    return answers, [*left, *pieces[len(futures) :]]


def _end_with_parent() -> None:
    """Have this process end when the one that started it has, however that ended: it would wait for work for ever."""
    gc.disable()  # as for each piece of work; it would be collected between them
    from multiprocessing import connection, parent_process

    parent = parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel

    def watch() -> None:
        connection.wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="cpuperf-parent", daemon=True).start()
