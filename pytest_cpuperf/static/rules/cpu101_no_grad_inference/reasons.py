"""The reasons to leave a guard alone, in the order they are asked."""

from __future__ import annotations

from collections.abc import Callable

from pytest_cpuperf.static.rules.cpu101_no_grad_inference.case import Case
from pytest_cpuperf.static.rules.cpu101_no_grad_inference.features import hands_out_features
from pytest_cpuperf.static.rules.cpu101_no_grad_inference.guarded import (
    exports,
    is_reusable,
    meets_autograd,
    prefers_inference_mode,
    runs_elsewhere,
    runs_no_model,
)
from pytest_cpuperf.static.rules.cpu101_no_grad_inference.parameters import builds_or_moves_modules, touches_parameters
from pytest_cpuperf.static.rules.cpu101_no_grad_inference.probes import probes
from pytest_cpuperf.static.rules.cpu101_no_grad_inference.results import changed_in_place_afterwards
from pytest_cpuperf.static.rules.cpu101_no_grad_inference.training import (
    depends_on_training,
    feeds_training,
    is_called_by_training,
    is_forward_of_a_module,
)
from pytest_cpuperf.static.torch_code.guards import outer_guard

Reason = Callable[[Case], str | None]
"""Returns why a guard is left alone, or None where this is no reason."""

REASONS: tuple[Reason, ...] = (
    is_reusable,
    prefers_inference_mode,
    runs_elsewhere,
    touches_parameters,
    builds_or_moves_modules,
    meets_autograd,
    exports,
    runs_no_model,
    probes,
    depends_on_training,
    is_forward_of_a_module,
    is_called_by_training,
    feeds_training,
    hands_out_features,
    changed_in_place_afterwards,
)


def silent_because(case: Case) -> str | None:
    """Return the first reason to stay silent, or None where the guard is reported."""
    if outer_guard(case.module, case.guard) is not None:
        return "it is inside another guard, which is judged instead"
    return next((because for reason in REASONS if (because := reason(case))), None)
