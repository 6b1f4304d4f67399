"""The layers of static/: each imports those below it alone."""

import ast
from pathlib import Path

import pytest

import pytest_cpuperf.static

STATIC = Path(pytest_cpuperf.static.__file__).parent
BELOW = {
    "source": set(),
    "configs": {"source"},
    "torch_code": {"source"},
    "ort_code": {"source"},
    "suppressions": {"source"},
    "rules": {"source", "configs", "torch_code", "ort_code", "suppressions"},
}


def layer_of(path):
    return path.relative_to(STATIC).parts[0].removesuffix(".py")


LAYERED = [path for path in sorted(STATIC.rglob("*.py")) if layer_of(path) in BELOW]


@pytest.mark.parametrize("path", LAYERED, ids=lambda p: str(p.relative_to(STATIC)))
def test_a_layer_imports_only_what_is_below_it(path):
    layer = layer_of(path)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pytest_cpuperf.static."):
            other = node.module.split(".")[2]
            assert other in BELOW[layer] | {layer}, f"{layer} must not import {other}"
