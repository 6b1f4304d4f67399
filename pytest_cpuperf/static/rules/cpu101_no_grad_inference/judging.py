"""Each guard of a file, judged."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_cpuperf.static.rules.base import Report, Silence
from pytest_cpuperf.static.rules.cpu101_no_grad_inference.case import Case
from pytest_cpuperf.static.rules.cpu101_no_grad_inference.fix import mend
from pytest_cpuperf.static.rules.cpu101_no_grad_inference.reasons import silent_because
from pytest_cpuperf.static.rules.cpu101_no_grad_inference.safety import is_safe
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.torch_code.guards import NoGuard, find_guards
from pytest_cpuperf.static.torch_code.model_calls import ModelCalls

_HELP = "use torch.inference_mode(), where nothing computed here meets autograd later"


def judge_guards(module: Module) -> Iterator[Report | Silence]:
    """Yield what is reported of the guards of a file, and why others are left alone."""
    calls = ModelCalls(module)
    for guard in find_guards(module):
        if isinstance(guard, NoGuard):
            yield Silence(guard.trigger, guard.because)
            continue
        case = Case(module, calls, guard)
        because = silent_because(case)
        if because:
            yield Silence(guard.trigger, because)
        else:
            message = f"{module.code(guard.trigger)} guards inference"
            yield Report(guard.trigger, message, _HELP, mend(module, guard, is_safe(case)))
