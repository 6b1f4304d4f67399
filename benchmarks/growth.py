# ruff: noqa: E501 - each shape on its line
"""Shapes of files of which twice as much should cost about twice the time.

usage: python benchmarks/growth.py [--seconds S] [--most N] [--thorough] [SHAPE ...]

Each shape is a source, notebook or configuration made of N of something. Each is checked and fixed (unsafe fixes too,
nothing is written) at doubling N, until one round takes S seconds of CPU time. Prints the last two times of each and
their ratio, and exits with 1 where twice as much takes more than 2.5 times as long.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Callable
from typing import NamedTuple

from pytest_cpuperf.machine.cpulist import parse_list
from pytest_cpuperf.static.file_check import check_source
from pytest_cpuperf.static.fixing import fix_source
from pytest_cpuperf.static.gitignore import IgnorePatterns
from pytest_cpuperf.static.rules import all_rules

_WORST = 2.5
_FIRST = 25
# Below this, start-up and chance decide.
_WORTH_JUDGING = 0.1


class Shape(NamedTuple):
    """A file made of a number of parts."""

    path: str
    text: Callable[[int], str]


_TORCH = "import torch\nfrom transformers import AutoModel, AutoTokenizer\n"
_TOKENIZER = _TORCH + "tok = AutoTokenizer.from_pretrained('x')\n"
_ORT = "import onnxruntime as ort\n"


def _python(head: str, part: str, tail: str = "") -> Shape:
    """Return a Python file of many of one part, which may hold its number as `§`."""
    head, tail = head.replace("§", "0"), tail.replace("§", "0")
    return Shape("a.py", lambda n: head + "".join(part.replace("§", str(i)) for i in range(n)) + tail)


def _config(path: str, head: str, part: str, tail: str = "") -> Shape:
    return _python(head, part, tail)._replace(path=path)


def _notebook(part: str) -> Shape:
    def text(n: int) -> str:
        sources = [_TORCH, *(part.replace("§", str(i)) for i in range(n))]
        return json.dumps({"cells": [{"cell_type": "code", "source": s} for s in sources], "nbformat": 4})

    return Shape("a.ipynb", text)


_GUARDED = "    with torch.no_grad():\n        a§ = model(t)\n"
_MODEL_CONFIG = "minWorkers: 1\nmaxWorkers: 4\n"
_SERVICE = "  s§:\n    image: pytorch/serve\n    command: gunicorn -w 4 app:app\n"
_DOCKER = "FROM pytorch/pytorch\n"

PYTHON = {
    "straight line": _python(f"{_TORCH}def f(model, t):\n{_GUARDED}", "    b§ = t + §\n", "    return a§.tolist()\n"),
    "one name": _python(f"{_TORCH}def f(model, t):\n", f"{_GUARDED}    t = a§ + t\n".replace("a§", "a"), "    return t\n"),
    "guards": _python(f"{_TORCH}def f(model, t):\n", _GUARDED, "    return 1\n"),
    "guards in a module": _python(_TORCH, "with torch.no_grad():\n    a§ = model(t)\n"),
    "guards, values used": _python(f"{_TORCH}def f(model, t):\n", f"{_GUARDED}    use(a§)\n", "    return a0\n"),
    "guards, one value": _python(
        f"{_TORCH}def f(model, t):\n", "    with torch.no_grad():\n        a = model(t)\n    use(a.cpu())\n"
    ),
    "guards, one list": _python(
        f"{_TORCH}def f(model, t):\n    x = []\n", "    with torch.no_grad():\n        x.append(model(t).cpu())\n", "    return x\n"
    ),
    "decorated": _python(_TORCH, "@torch.no_grad()\ndef f§(model, t):\n    return model(t).tolist()\n"),
    "functions": _python(_TORCH, f"def f§(model, t):\n{_GUARDED}    return a§.tolist()\n"),
    "same functions": _python(_TORCH, "def f(model, t):\n    with torch.no_grad():\n        return model(t).tolist()\n"),
    "methods": _python(
        f"{_TORCH}class A:\n", "    def f§(self, t):\n        with torch.no_grad():\n            return self.model(t).tolist()\n"
    ),
    "same methods": _python(
        f"{_TORCH}class A:\n", "    def f(self, t):\n        self.f()\n        with torch.no_grad():\n            return self.model(t).tolist()\n"
    ),
    "classes": _python(
        _TORCH, "class A§(torch.nn.Module):\n    def forward(self, t):\n        with torch.no_grad():\n            return self.model(t).tolist()\n"
    ),
    "chain of functions": Shape(
        "a.py",
        lambda n: _TORCH + "".join(f"def f{i}(model, t):\n    return f{i + 1}(model, t)\n" for i in range(n))
        + f"def f{n}(model, t):\n{_GUARDED}    return a§.tolist()\n".replace("§", "")
    ),
    "chain of guards": Shape(
        "a.py",
        lambda n: _TORCH
        + "".join(f"def f{i}(model, t):\n{_GUARDED}    return f{i + 1}(model, a§)\n".replace("§", "") for i in range(n)),
    ),
    "chain backwards": Shape(
        "a.py",
        lambda n: _TORCH
        + "".join(f"def f{i}(model, t):\n{_GUARDED}    return f{i - 1}(model, a§)\n".replace("§", "") for i in range(n)),
    ),
    "chain of methods": Shape(
        "a.py",
        lambda n: f"{_TORCH}class A:\n"
        + "".join(f"  def f{i}(self, t):\n    with torch.no_grad():\n      x = self.m(t)\n    return self.f{i + 1}(x)\n" for i in range(n)),
    ),
    "chain of classes": Shape(
        "a.py",
        lambda n: f"{_TORCH}class A0(torch.nn.Module): pass\n"
        + "".join(f"class A{i + 1}(A{i}):\n  def f{i}(self, t):\n    with torch.no_grad():\n      return self.m(t)\n" for i in range(n)),
    ),
    "all call one": _python(
        f"{_TORCH}def g(model, t):\n    with torch.no_grad():\n        return model(t)\n", "def f§(model, t):\n    return g(model, t)\n"
    ),
    "one calls all": Shape(
        "a.py",
        lambda n: _TORCH + "".join(f"def f{i}(model, t):\n{_GUARDED}    return a\n".replace("§", "") for i in range(n))
        + "def g(model, t):\n" + "".join(f"    x = f{i}(model, t)\n" for i in range(n)),
    ),
    "nested blocks": Shape(
        "a.py",
        lambda n: _TORCH + "def f(model, t):\n"
        + "".join(f"{' ' * (i % 90 + 1)}if t:\n{' ' * (i % 90 + 2)}x = 1\n" for i in range(n) )
        + "".join(f" with torch.no_grad():\n  a{i} = model(t)\n" for i in range(n)) ,
    ),
    "nested functions": Shape(
        "a.py",
        lambda n: _TORCH + "".join(" " * i + f"def f{i}(model, t):\n" for i in range(min(n, 95)))
        + "".join(" " * min(n, 95) + "with torch.no_grad():\n" + " " * min(n, 95) + " a = model(t)\n" for i in range(n)),
    ),
    "else if": _python(f"{_TORCH}def f(model, t):\n    if t:\n        pass\n", "    elif t == §:\n        with torch.no_grad():\n            x = model(t)\n"),
    "imports": _python("", "import torch.m§\n", f"def f(model, t):\n{_GUARDED}"),
    "imported names": _python("", "from torch import m§\n", f"def f(model, t):\n{_GUARDED}"),
    "imports in one": _python("from torch import no_grad", ", m§", f"\ndef f(model, t):\n{_GUARDED}"),
    "kept modules": _python("import torch\n", "m§ = torch\n", f"def f(model, t):\n{_GUARDED}"),
    "aliases": _python("", "from torch import no_grad as ng§\n", "def f(model, t):\n    with ng0():\n        return model(t)\n"),
    "aliases used": _python("", "from torch import no_grad as ng§\nwith ng§():\n    model(t)\n"),
    "strings": _python(f"{_TORCH}x = (\n", "    'torch.no_grad()'\n", f")\ndef f(model, t):\n{_GUARDED}"),
    "f-strings": _python(f"{_TORCH}x = (\n", "    f'{a}torch.no_grad()'\n", f")\ndef f(model, t):\n{_GUARDED}"),
    "sum": _python(f"{_TORCH}def f(model, t):\n{_GUARDED}    return a§", " + a§"),
    "list": _python(f"{_TORCH}x = [\n", "    model(t),\n", f"]\ndef f(model, t):\n{_GUARDED}"),
    "long line": _python(f"{_TORCH}def f(model, t):\n    with torch.no_grad(): ", "a§ = model(t); "),
    "many on a line": _python(_TORCH, "torch.no_grad()(f)(§); "),
    "long list on a line": _python(f"{_TORCH}x = [", "§, ", f"]\ndef f(model, t):\n{_GUARDED}"),
    "attributes": _python(f"{_TORCH}def f(model, t):\n    with torch.no_grad():\n        return model(t)", ".a§"),
    "calls chained": _python(f"{_TORCH}def f(model, t):\n    with torch.no_grad():\n        return model(t)", ".a§()"),
    "comments": _python(_TORCH, "# torch.no_grad() §\n", f"def f(model, t):\n{_GUARDED}"),
    "long comment": _python("# cpuperf: ignore[", "CPU101, ", "]\n"),
    "comment of comments": _python("", "# cpuperf: ignore[CPU101] ", "\n"),
    "comment of open ones": _python("", "# cpuperf: ignore[", "\n"),
    "comment of noqas": _python("", "# noqa: CPU101 ", "\n"),
    "noqa of blanks": _python("# noqa:", " ", "CPU101\n"),
    "suppressions": _python(_TORCH, "def f§(model, t):\n    with torch.no_grad():  # noqa: CPU101\n        return model(t).tolist()\n"),
    "idle suppressions": _python("", "x = 1  # noqa: CPU101\n"),
    "idle file suppressions": _python("", "# cpuperf: ignore-file[CPU101]\n"),
    "blank lines": _python(_TORCH, "\n", f"def f(model, t):\n{_GUARDED}"),
    "blanks": _python(_TORCH, " ", f"\ndef f(model, t):\n{_GUARDED}"),
    "tokenizers": _python(_TOKENIZER, "b§ = tok(t, padding='max_length', max_length=512)\n"),
    "tokenizers in a function": _python(f"{_TOKENIZER}def f(t):\n", "    b§ = tok(t, padding='max_length', max_length=512)\n    model(**b§)\n"),
    "tokens in a loop": _python(f"{_TOKENIZER}for t in ts:\n", "    b§ = tok(t)\n    model(**b§)\n"),
    "batches": _python(_TOKENIZER, "for i in range(0, len(ts), 8):\n    b = tok(ts[i:i+8], padding=True)\n    model(**b)\n"),
    "batches in a function": _python(
        f"{_TOKENIZER}def f(ts, model):\n", "    for i in range(0, len(ts), 8):\n        b = tok(ts[i:i+8], padding=True)\n        model(**b)\n"
    ),
    "tokenizers made": _python(_TORCH, "t§ = AutoTokenizer.from_pretrained('x', use_fast=False)\n"),
    "models made": _python(_TORCH, "m§ = AutoModel.from_pretrained('x')\n"),
    "models called": _python(_TORCH, "m§ = AutoModel.from_pretrained('x')\ny§ = m§(t)\n"),
    "models of a class": _python(_TORCH, "class M§(torch.nn.Module):\n    def forward(self, x): return x\nm§ = M§()\ny§ = m§(t)\n"),
    "models called in functions": _python(_TORCH, "def f§(t):\n    m = AutoModel.from_pretrained('x')\n    return m(t).logits.tolist()\n"),
    "models in one function": _python(f"{_TORCH}def f(t):\n", "    m§ = AutoModel.from_pretrained('x')\n    y§ = m§(t)\n", "    return y0.tolist()\n"),
    "compiled": _python(_TORCH, "m§ = torch.compile(AutoModel.from_pretrained('x'))\n"),
    "compiled, called": _python(_TORCH, "m§ = torch.compile(AutoModel.from_pretrained('x'))\nm§(t)\n"),
    "half precision": _python(_TORCH, "m§ = AutoModel.from_pretrained('x', torch_dtype=torch.float16).to('cpu')\n"),
    "half precision in functions": _python(_TORCH, "def f§():\n    m = AutoModel.from_pretrained('x').half()\n    return m.to('cpu')\n"),
    "quantized": _python(_TORCH, "m§ = torch.quantization.quantize_dynamic(m, {torch.nn.Linear})\n"),
    "sessions": _python(_ORT, "s§ = ort.InferenceSession('m.onnx', providers=['CPUExecutionProvider'])\n"),
    "sessions in a function": _python(f"{_ORT}def f(x):\n", "    s§ = ort.InferenceSession('m.onnx')\n    s§.run(None, x)\n"),
    "sessions in functions": _python(_ORT, "def f§(x):\n    s = ort.InferenceSession('m.onnx')\n    return s.run(None, x)\n"),
    "session options": _python(
        _ORT, "o§ = ort.SessionOptions()\no§.intra_op_num_threads = 4\no§.inter_op_num_threads = 4\ns§ = ort.InferenceSession('m.onnx', o§)\n"
    ),
    "one session's options": _python(
        f"{_ORT}def f():\n    o = ort.SessionOptions()\n", "    o.inter_op_num_threads = §\n", "    return ort.InferenceSession('m.onnx', o)\n"
    ),
    "thread counts": _python(f"{_ORT}import os\n{_TORCH}", "o§ = ort.SessionOptions()\no§.intra_op_num_threads = os.cpu_count()\ntorch.set_num_threads(os.cpu_count())\n"),
    "variables set late": _python(f"import os\n{_TORCH}", "os.environ['OMP_NUM_THREADS'] = '§'\n"),
    "handlers": _python(
        f"from fastapi import FastAPI\n{_TORCH}app = FastAPI()\nmodel = AutoModel.from_pretrained('x')\n", "@app.post('/§')\nasync def f§(t):\n    return model(t)\n"
    ),
    "handlers that call": _python(
        f"from fastapi import FastAPI\n{_TORCH}app = FastAPI()\nmodel = AutoModel.from_pretrained('x')\n",
        "def g§(t):\n    return model(t)\n@app.post('/§')\nasync def f§(t):\n    return g§(t)\n",
    ),
    "one handler": _python(
        f"from fastapi import FastAPI\n{_TORCH}app = FastAPI()\nmodel = AutoModel.from_pretrained('x')\n@app.post('/')\nasync def f(t):\n", "    x§ = model(t)\n"
    ),
    "training": _python(f"{_TORCH}def f(model, t):\n", "    loss = model(t)\n    loss.backward()\n    with torch.no_grad():\n        x§ = model(t)\n"),
    "assignments": _python(f"{_TORCH}def f(model, t):\n    with torch.no_grad():\n        x0 = model(t)\n", "    x§ = x0 + 1\n", "    return x0.tolist()\n"),
    "values handed on": Shape(
        "a.py",
        lambda n: f"{_TORCH}def f(model, t):\n    with torch.no_grad():\n        x0 = model(t)\n"
        + "".join(f"    x{i + 1} = x{i} + 1\n" for i in range(n)) + f"    return x{n}.tolist()\n",
    ),
    "parameters": _python(f"{_TORCH}def f(model, ", "p§, ", f"t):\n{_GUARDED}    return a§.tolist()\n"),
    "arguments": _python(f"{_TORCH}def f(model, t):\n    with torch.no_grad():\n        return model(t", ", p§", ").tolist()\n"),
    "keywords": _python(f"{_TOKENIZER}tok(t, padding='max_length', ", "p§=§, ", ")\n"),
    "decorators": _python(_TORCH, "@torch.no_grad()\n", "def f(model, t):\n    return model(t).tolist()\n"),
    "open brackets": _python(_TORCH, "from a import (\n"),
    "open quotes": _python(_TORCH, "x = '''\n"),
    "lone quotes": _python(_TORCH, "x = '\"\"\"' \"'''\"\n"),
    "backslashes": _python(_TORCH, "\\\n", "x = torch.no_grad()\n"),
    "backslashes in a string": _python(f"{_TORCH}x = '", "\\\\", f"'\ndef f(model, t):\n{_GUARDED}"),
    "lazy": _python(f"{_TORCH}x = ", "lazy", f"\ndef f(model, t):\n{_GUARDED}"),
    "from": _python(f"{_TORCH}x = [", "from_import, ", f"]\ndef f(model, t):\n{_GUARDED}"),
    "form feeds": _python(_TORCH, "\f\ndef f§(model, t):\n    with torch.no_grad():\n        return model(t).tolist()\n"),
    "carriage returns": Shape("a.py", lambda n: (_TORCH + f"def f(model, t):\n{_GUARDED}" * n).replace("\n", "\r")),
    "not ASCII": _python(f"{_TORCH}def f(model, t):\n", "    ä§ = 'ü'; torch.no_grad(); b = model(ä§)\n"),
    "long line, not ASCII": _python(f"{_TORCH}x = ['ä', ", "torch.no_grad(), "),
    "constants": _python(_TORCH, "C§ = §\n", f"def f(model, t):\n{_GUARDED}"),
    "match": _python(f"{_TORCH}def f(model, t):\n    match t:\n", "        case §:\n            with torch.no_grad():\n                x = model(t)\n"),
    "try": _python(f"{_TORCH}def f(model, t):\n    try:\n        x = model(t)\n", "    except E§ as e:\n        with torch.no_grad():\n            x = model(t)\n"),
    "lambdas": _python(_TORCH, "f§ = lambda t: torch.no_grad()(model)(t)\n"),
    "comprehensions": _python(f"{_TORCH}def f(model, ts):\n    with torch.no_grad():\n", "        x§ = [model(t) for t in ts]\n", "    return [x0 for _ in ts]\n"),
    "globals": _python(f"{_TORCH}def f(model, ts):\n", "    global x§\n    with torch.no_grad():\n        x§ = model(ts)\n"),
}  # fmt: skip
CONFIGS = {
    "properties": _config("config.properties", "inference_address=a\nload_models=all\n", "key§=value\n"),
    "one property": _config("config.properties", "inference_address=a\nload_models=", "\\\n  m§.mar,"),
    "backslash in a property": _config("config.properties", "inference_address=a\nload_models=", "\\"),
    "models in a property": _config(
        "config.properties", 'inference_address=a\nload_models=all\nmodels={"a": ', '{"m§": ', "\n"
    ),
    "many models": _config(
        "config.properties", "inference_address=a\nload_models=all\nmodels={", '\\\n"m§": {"1.0": {"minWorkers": 1}},', "}\n"
    ),
    "property suppressions": _config("config.properties", "inference_address=a\nload_models=all\n", "# noqa: CPU401\n"),
    "YAML keys": _config("model-config.yaml", _MODEL_CONFIG, "key§: value\n"),
    "YAML list": _config("model-config.yaml", f"{_MODEL_CONFIG}list:\n", "  - §\n"),
    "YAML flow": _config("model-config.yaml", f"{_MODEL_CONFIG}list: [", "§, ", "]\n"),
    "YAML documents": _config("model-config.yaml", "", "---\na§: 1\n", f"---\n{_MODEL_CONFIG}"),
    "YAML aliases": _config("model-config.yaml", f"{_MODEL_CONFIG}a: &a [1, 2]\n", "b§: *a\n"),
    "YAML comments": _config("model-config.yaml", _MODEL_CONFIG, "# noqa: CPU402\n"),
    "YAML nesting": _config("model-config.yaml", f"{_MODEL_CONFIG}x: ", "[", "\n"),
    "YAML string": _config("model-config.yaml", f"{_MODEL_CONFIG}x: |\n", "  line § of a text\n"),
    "compose services": _config("compose.yaml", "services:\n", _SERVICE),
    "compose environment": _config(
        "compose.yaml", f"services:\n{_SERVICE}    environment:\n", "      V§: value\n"
    ),
    "compose commands": _config("compose.yaml", "services:\n  s:\n    image: pytorch/serve\n    command: ", "gunicorn -w 4 app:app; "),
    "Dockerfile": _config("Dockerfile", _DOCKER, "RUN pip install p§\n", "CMD gunicorn -w 4 app:app\n"),
    "Dockerfile commands": _config("Dockerfile", _DOCKER, "CMD gunicorn -w 4 app:app\n"),
    "Dockerfile commands, variables": _config("Dockerfile", _DOCKER, "ENV A§=1\nCMD gunicorn -w 4 app:app\n"),
    "Dockerfile one command": _config("Dockerfile", f"{_DOCKER}CMD ", "gunicorn -w 4 app:app && ", "true\n"),
    "Dockerfile continued": _config("Dockerfile", f"{_DOCKER}CMD gunicorn -w 4 app:app ", "\\\n --option§ "),
    "Dockerfile heredocs": _config("Dockerfile", _DOCKER, "RUN <<EOF\na\nEOF\n", "CMD gunicorn -w 4 app:app\n"),
    "Dockerfile open heredocs": _config("Dockerfile", _DOCKER, "RUN <<E§ \n", "CMD gunicorn -w 4 app:app\n"),
    "Dockerfile arithmetic": _config("Dockerfile", f"{_DOCKER}CMD gunicorn -w ", "$((", "\n"),
    "Dockerfile stages": _config("Dockerfile", "", "FROM pytorch/pytorch\nCMD gunicorn -w 4 app:app\n"),
    "Procfile": _config("Procfile", "", "web§: gunicorn -w 4 app:app\n"),
}  # fmt: skip
NOTEBOOKS = {
    "cells": _notebook("with torch.no_grad():\n    a = model(t)\n"),
    "shell cells": _notebook("!pip install x\n%time a\n"),
    "one cell": Shape(
        "a.ipynb",
        lambda n: json.dumps({"cells": [{"cell_type": "code", "source": [_TORCH, *["!ls\n", "x = model(t)\n"] * n]}]}),
    ),
    "open cell": _notebook("x = '''\n"),
    "magic of blanks": _notebook("x = " + " " * 100 + "?\n"),
    "long magic": Shape(
        "a.ipynb",
        lambda n: json.dumps({"cells": [{"cell_type": "code", "source": _TORCH + "a, " * n + "= model(t)\n"}]}),
    ),
}
SHAPES = {**PYTHON, **CONFIGS, **NOTEBOOKS}


def _works() -> dict[str, Callable[[int], None]]:
    """Return what else grows than a file: lists of CPUs, and patterns."""

    def ignores(patterns: int, paths: int) -> None:
        compiled = IgnorePatterns([f"folder{i}/*.py" for i in range(patterns)])
        for i in range(paths):
            compiled.ignore(f"a/b/c{i}.py")

    return {
        "CPU list": lambda n: void(parse_list(",".join(str(2 * i) for i in range(10 * n)))),
        "CPU range": lambda n: void(parse_list(f"0-{100 * n}")),
        "patterns": lambda n: ignores(n, 100),
        "paths": lambda n: ignores(10, 10 * n),
        "stars": lambda n: void(IgnorePatterns(["*a" * n]).ignore("a" * 2 * n + "b")),
    }


def void(_: object) -> None:
    """Return nothing."""


def seconds(work: Callable[[int], None], count: int) -> float:
    """Return the CPU time that one round takes, the lesser of two."""
    taken = []
    for _ in range(2):
        gc.collect()
        gc.disable()  # as a check does
        start = time.process_time()
        work(count)
        taken.append(time.process_time() - start)
        gc.enable()
    return min(taken)


def work_of(shape: Shape, thorough: bool) -> Callable[[int], None]:
    """Return what checks and fixes a shape of some size."""
    rules = all_rules()

    def work(count: int) -> None:
        data = shape.text(count).encode()
        check_source(data, shape.path, rules, thorough)
        fix_source(data, shape.path, rules, unsafe=True)

    return work


def grow(work: Callable[[int], None], limit: float, most: int) -> list[tuple[int, float]]:
    """Return the sizes and their times, up to the first that takes the limit."""
    found: list[tuple[int, float]] = []
    count = _FIRST
    work(count)  # what is compiled and loaded once
    while count <= most:
        try:
            found.append((count, seconds(work, count)))
        except RecursionError:
            break
        if found[-1][1] > limit:
            break
        count *= 2
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shapes", nargs="*", metavar="SHAPE", help=f"default: all of {', '.join(SHAPES)}")
    parser.add_argument("--seconds", type=float, default=1.0, help="CPU time of the longest round (default 1)")
    parser.add_argument("--most", type=int, default=100_000, help="the largest N (default 100,000)")
    parser.add_argument("--thorough", action="store_true", help="check as --show-silenced does")
    args = parser.parse_args()
    works = {name: work_of(shape, args.thorough) for name, shape in SHAPES.items()} | _works()
    worse = 0
    for name, work in works.items():
        if args.shapes and name not in args.shapes:
            continue
        found = grow(work, args.seconds, args.most)
        (half, before), (count, after) = found[-2:] if len(found) > 1 else [(0, 0.0), *found]
        ratio = after / before if before else float("inf")
        is_worse = ratio > _WORST and after > _WORTH_JUDGING
        worse += is_worse
        print(
            f"{name:<30} {half:>6}: {before:6.3f} s {count:>6}: {after:6.3f} s  x {ratio:4.1f}{'  <-' * is_worse}",
            flush=True,
        )
    return 1 if worse else 0


if __name__ == "__main__":
    raise SystemExit(main())
