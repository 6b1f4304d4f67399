"""xdist: each worker gets its part of the machine, and what workers leave comes together in the controller."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from pytest_cpuperf.machine.slots import divide
from pytest_cpuperf.results.codec import from_json, to_json
from pytest_cpuperf.results.findings import CheckResult
from pytest_cpuperf.run.state import Run
from pytest_cpuperf.run.static_scope import arguments
from pytest_cpuperf.system.scratch import scratch_folder


class Workers:
    """Divides the machine among workers."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._slot_of: dict[str, int] = {}
        """Slots by the worker's id."""
        self._locks: Path | None = None
        self._held = ExitStack()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Give a worker on this machine its slot; one that replaces a dead worker gets that one's."""
        node.workerinput["cpuperf_arguments"] = arguments(self._run.config)
        if not node.gateway.spec.popen:
            return  # another machine, which it knows better
        slots = divide(self._run.topology, self._run.limits, int(node.workerinput["workercount"]))
        if not slots:
            return
        if self._locks is None:
            self._locks = self._held.enter_context(scratch_folder("workers"))
        taken = Counter(self._slot_of.values())
        slot = min(slots, key=lambda s: taken[s.number])
        self._slot_of[node.gateway.id] = slot.number
        node.workerinput["cpuperf"] = {"slot": asdict(slot), "locks": str(self._locks)}

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker left: the static checks' result, which every worker has."""
        self._slot_of.pop(node.gateway.id, None)
        static = getattr(node, "workeroutput", {}).get("cpuperf_static")
        if self._run.static is None and static is not None:
            self._run.static = from_json(CheckResult, static)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hand a worker's results on; put the controller's locks away."""
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["cpuperf_static"] = to_json(self._run.static)
        self._held.close()
