"""Models that are run to see what comes out: with dummy inputs, or while they are built."""

from __future__ import annotations

from pytest_cpuperf.static.rules.cpu101_no_grad_inference.case import Case
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.torch_code.dataflow import assigned_names

_DUMMY = frozenset(f"torch.{f}" for f in ("zeros", "ones", "rand", "randn", "randint", "empty", "full"))


def probes(case: Case) -> str | None:
    """Return that a model is run to see what comes out, not for its outputs."""
    if case.function is not None and case.function.name.value == "__init__":
        return "it probes a model while it is built"
    if all(_is_dummy(case, call) for call in case.model_calls):
        return "it probes a model with a dummy input"
    return None


def _is_dummy(case: Case, call: cst.Call) -> bool:
    if not call.args:
        return False
    first = call.args[0].value
    if isinstance(first, cst.Name) and case.function is not None:
        values = assigned_names(case.module, case.function).get(first.value, [])
        return bool(values) and all(_makes_dummy(case, v) for v in values)
    return _makes_dummy(case, first)


def _makes_dummy(case: Case, value: cst.CSTNode) -> bool:
    while isinstance(value, cst.Call):
        if case.module.qualified(value.func) in _DUMMY:
            return True
        if not isinstance(value.func, cst.Attribute):
            return False
        value = value.func.value
    return False
