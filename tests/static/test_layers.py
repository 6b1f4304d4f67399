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
    "suppressions": {"source"},
    "rules": {"source", "configs", "torch_code", "suppressions"},
}


@pytest.mark.parametrize("path", sorted(STATIC.rglob("*.py")), ids=lambda p: str(p.relative_to(STATIC)))
def test_a_layer_imports_only_what_is_below_it(path):
    layer = path.relative_to(STATIC).parts[0].removesuffix(".py")
    if layer not in BELOW:
        pytest.skip("on top of the layers")
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pytest_cpuperf.static."):
            other = node.module.split(".")[2]
            assert other in BELOW[layer] | {layer}, f"{layer} must not import {other}"
