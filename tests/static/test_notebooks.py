"""Notebooks: what IPython takes beside Python is stepped over, and nothing else is."""

import ast
import json

import pytest

from pytest_cpuperf.static.file_check import check_source
from pytest_cpuperf.static.rules import all_rules
from pytest_cpuperf.static.source.notebook import read_notebook

RULES = all_rules()
GUARD = "import torch\ndef f(model, x):\n    with torch.no_grad():\n        return model(x)\n"


def notebook(*cells):
    return json.dumps({"cells": [{"cell_type": "code", "source": c} for c in cells], "nbformat": 4}).encode()


STEPPED_OVER = {
    "a shell line over several lines": "!pip install -q \\\n    torch \\\n    transformers\nx = 1\n",
    "a shell line in a block": "if True:\n    !ls \\\n  -l\n    x = 1\n",
    "a shell line that ends the cell": "!ls \\\n",
    "what a shell prints, over several lines": "files = !ls \\\n    -l\n",
    "what a shell prints, in an attribute": "self.files[0], b = !ls\n",
    "what a magic returns": "x = %timeit -o f(1)\n",
    "a magic with a string that does not close": "%timeit f('\n",
    "help": "f?\nf(1)?\n?f\nf.g??\nx = f?\n",
    "calls without brackets": "/print 1\n,print a b\n;print a b\n",
    "a line magic of two signs": "!!ls\n",
}


@pytest.mark.parametrize("what", STEPPED_OVER)
def test_what_ipython_takes_is_stepped_over(what):
    result = check_source(notebook(STEPPED_OVER[what], GUARD), "a.ipynb", RULES)
    assert (result.errors, [(f.cell, f.line) for f in result.findings]) == ((), [(2, 3)])


PYTHON = {
    "an assertion over several lines": "assert (\n    a\n    != b\n)\n",
    "a remainder over several lines": "y = (\n    a\n    % b\n)\nz = a \\\n    % b\n",
    "a string over several lines": "s = '''\n%hello\n!x\n?\n'''\n",
    "a string with escapes, and one that is a prefix": 's = \'it\\\'s (\'\nt = r"""\\\n%x \\""""\n',
    "a comment with a bracket": "x = 1  # (\ny = 2  # \\\n",
    "a format": 'x["a = %s"] = "%s" % 1\nx = f(a="!b") != 2\nprint(f"{x!r}")\n',
    "a question in a string": "x = 'who?'\n# why?\nprint('(')  # who?\n",
    "quotes in quotes": "x = \"'''\"\ny = '\"\"\"'\n",
    "await": "await f()\n",
}


@pytest.mark.parametrize("what", PYTHON)
def test_python_stays_as_it_is(what):
    assert read_notebook(notebook(PYTHON[what])).text.rstrip("\n") == PYTHON[what].rstrip("\n")
    ast.parse(PYTHON[what])


@pytest.mark.parametrize("what", PYTHON)
def test_a_magic_after_python_is_stepped_over(what):
    result = check_source(notebook(f"{PYTHON[what]}!ls (\n", GUARD), "a.ipynb", RULES)
    assert (result.errors, [(f.cell, f.line) for f in result.findings]) == ((), [(2, 3)])


INDENTED = {
    "after an empty line": "\n    import torch\n    with torch.no_grad():\n        y = model(x).tolist()\n",
    "with a shell line": "    import torch\n    !ls\n    with torch.no_grad():\n        y = model(x).tolist()\n",
    "with a string that is not": (
        "    import torch\n    s = '''\na'''\n    with torch.no_grad():\n        y = model(s).tolist()\n"
    ),
    "by tabs": "\timport torch\n\tx = 1\n\twith torch.no_grad():\n\t\ty = model(x).tolist()\n",
}


@pytest.mark.parametrize("how", INDENTED)
def test_a_cell_that_is_indented_as_a_whole_is_read_without(how):
    source = INDENTED[how]
    result = check_source(notebook("x = 1\n", source), "a.ipynb", RULES)
    assert result.errors == ()
    (found,) = result.findings
    line = source.splitlines()[found.line - 1]
    assert (found.cell, line[found.column - 1 : found.end_column - 1]) == (2, "torch.no_grad()")
