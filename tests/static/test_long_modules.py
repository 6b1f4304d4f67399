"""Twice as much to check takes about twice the work, counted in calls: nothing here is timed."""

import sys

import pytest

from pytest_cpuperf.static.file_check import check_source
from pytest_cpuperf.static.rules import all_rules

RULES = all_rules()
TOKENIZER = "from transformers import AutoTokenizer\ntok = AutoTokenizer.from_pretrained('x')\n"
BATCHES = "for i in range(0, len(ts), 8):\n    b = tok(ts[i:i+8], padding=True)\n    model(**b)\n"


def guards(n):
    return "".join(f"    with torch.no_grad():\n        a{i} = model(t)\n" for i in range(n))


MODULES = {
    "batches in a module": lambda n: TOKENIZER + BATCHES * n,
    "guards in a function": lambda n: f"import torch\ndef f(model, t):\n{guards(n)}    return 1\n",
    "functions": lambda n: "import torch\n" + f"def f(model, t):\n{guards(1)}    return a0.tolist()\n" * n,
    "guards whose results are used": lambda n: (
        "import torch\ndef f(model, t):\n" + guards(n) + "".join(f"    use(a{i})\n" for i in range(n))
    ),
    "guards of one name": lambda n: (
        "import torch\ndef f(model, t):\n"
        + "    with torch.no_grad():\n        a = model(t)\n    use(a.tolist())\n" * n
    ),
    "methods that call the next": lambda n: (
        "import torch\nclass A:\n"
        + "".join(
            f"  def f{i}(self, t):\n    with torch.no_grad():\n      x = self.g(t)\n    return self.f{i + 1}(x)\n"
            for i in range(n)
        )
    ),
    "imports": lambda n: "".join(f"from torch import m{i}\n" for i in range(n)) + f"def f(model, t):\n{guards(1)}",
    "comments": lambda n: "# cpuperf: ignore[" * n + "CPU101\n",
}


def calls_made(source):
    count = 0

    def profile(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        check_source(source.encode(), "a.py", RULES)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("kind", MODULES)
def test_work_grows_with_the_length_of_a_module(kind):
    make = MODULES[kind]
    calls_made(make(2))  # what is loaded and compiled once
    once, twice = calls_made(make(100)), calls_made(make(200))
    assert twice < 2.6 * once, (once, twice)
