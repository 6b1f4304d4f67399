"""CPU501 deprecated-quantization."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_cpuperf.static.rules.base import PythonRule, Report, Silence
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.module import Module

_PREFIXES = ("torch.ao.quantization", "torch.quantization")
_SUCCESSORS = {
    "quantize_dynamic": "torchao's quantize_(model, Int8DynamicActivationInt8WeightConfig()) and torch.compile",
    "prepare": "torchao's PT2E flow: torchao.quantization.pt2e.prepare_pt2e",
    "convert": "torchao's PT2E flow: torchao.quantization.pt2e.convert_pt2e",
    "prepare_fx": "torchao's PT2E flow: torchao.quantization.pt2e.prepare_pt2e",
    "convert_fx": "torchao's PT2E flow: torchao.quantization.pt2e.convert_pt2e",
    "prepare_qat": "torchao.quantization.qat",
}


class DeprecatedQuantization(PythonRule):
    """`torch.ao.quantization`, with its successor.

    ## What it does
    Finds calls into `torch.ao.quantization` and `torch.quantization`.

    ## Why is this bad?
    They are deprecated in favour of torchao and leave torch with a coming release. They still run in torch 2.13, with a
    warning; what replaces them needs `torch.compile` to be fast on a CPU.

    ## Example
    ```python
    int8 = torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)
    ```

    ## Use instead
    ```python
    from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_
    quantize_(model, Int8DynamicActivationInt8WeightConfig())
    int8 = torch.compile(model)
    ```

    ## When it stays silent
    On imports and names that are not called. It is off by default: the code works today.

    ## References
    https://docs.pytorch.org/ao/stable/
    """

    code = "CPU501"
    name = "deprecated-quantization"
    heuristic = "int8"
    on_by_default = False
    trigger = (b"quantization",)
    live = (r"quantization\b", r"quantize_dynamic\b")
    otherwise = "nothing of it is called here"
    VALID = (
        """
        from torchao.quantization import quantize_
        from onnxruntime.quantization import quantize_dynamic
        quantize_dynamic("a.onnx", "b.onnx")
        """,
        """
        import quark.torch.quantization
        from quark.torch.quantization import Config
        quark.torch.quantization.quantize(Config())
        """,
    )
    INVALID = (
        """
        import torch
        from torch.ao.quantization import quantize_dynamic as qd
        def shrink(model):
            torch.quantization.prepare(model)  # <-
            return qd(model)  # <-
        """,
    )

    def uses(self, facts: Facts) -> list[int]:
        """Where the package is named, and where names imported from it are used."""
        names = [alias for alias in facts.imports if facts.full_name(alias).startswith(_PREFIXES)]
        pattern = "|".join(rf"\b{re.escape(name)}\b" for name in names)
        return super().uses(facts) + ([m.start() for m in re.finditer(pattern, facts.code)] if names else [])

    def check(self, module: Module) -> Iterator[Report | Silence]:
        """Judge each call into the packages."""
        for call in module.nodes(cst.Call):
            name = module.qualified(call.func) or ""
            if not module.is_imported(call.func) or not name.startswith(_PREFIXES):
                continue
            last = name.rsplit(".", 1)[-1]
            successor = _SUCCESSORS.get(last, "torchao.quantization")
            yield Report(call, f"{name} is deprecated", f"use {successor}")
