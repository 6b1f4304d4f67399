"""The quick way finds what a plain full parse of every file finds: over real packages, and where cutting is hard."""

import ast
import contextlib
import importlib.util
import itertools
import json
import random
import textwrap
from pathlib import Path

import pytest

from pytest_cpuperf.static.file_check import check_source
from pytest_cpuperf.static.rules import all_rules
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.prune import prune
from pytest_cpuperf.static.source.text import Words

RULES = all_rules()


def both(data, name="a.py"):
    return [check_source(data, name, RULES, thorough=thorough) for thorough in (False, True)]


def real_files(packages=("transformers", "sentence_transformers", "torch", "onnxruntime"), most=50):
    """Return real files that hold trigger words, at most so many of a package."""
    found = []
    for package in packages:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            continue
        files = sorted(Path(spec.origin).parent.rglob("*.py"))
        random.Random(20261124).shuffle(files)
        loud = (f for f in files if any(r.may_concern(Words(f.read_bytes())) for r in RULES if r.code != "CPU001"))
        found += itertools.islice(loud, most)
    return found


@pytest.mark.slow
def test_quick_and_plain_agree_on_real_files():
    files = real_files()
    if not files:
        pytest.skip("neither transformers nor torch is installed")
    findings = 0
    for file in files:
        quick, plain = both(file.read_bytes(), str(file))
        assert quick.findings == plain.findings, file
        assert quick.errors == plain.errors, file
        findings += len(quick.findings)
    assert len(files) > 100
    assert findings > 5


HARD = {
    "a long table that calls nothing, one that does, and a guard after them": (
        "import torch\nTABLE = [\n"
        + "    (1, 'two', 3.0),\n" * 300
        + "]\nOTHER = {\n"
        + "    'a': torch.no_grad(),\n" * 300
        + "}\ndef f(model, x):\n    with torch.no_grad():\n        return model(x)\n"
    ),
    "a decorator over several lines": """
        import torch
        @wrap(
            1,
        )
        @torch.no_grad()
        def f(model, x):
            return model(x)
        """,
    "a def in an if, and a class in a def": """
        import torch
        if True:
            def f(model, x):
                class Inner:
                    def g(self):
                        with torch.no_grad():
                            return model(x).item()
                return Inner
        """,
    "a bracket at the margin": """
        import torch
        def f(
            model,
        ) -> dict[
            str, int
        ]:
            with torch.no_grad():
                return model(
        1
        )
        def g(): pass
        """,
    "a string that looks like code": '''
        import torch
        TEXT = """
        def f():
            with torch.no_grad():
        """
        def g(model, x):
            """
        def h():
            """
            with torch.no_grad():
                return model(x)
        ''',
    "a helper far below": """
        import torch
        class A:
            def run(self, x):
                with torch.no_grad():
                    return self.one(x).tolist()
            def unrelated(self):
                return 1
            def one(self, x):
                return self.two(x)
            def two(self, x):
                return self.model(x)
        """,
    "an object of a class that runs no model, called as models are": """
        import torch
        class Blocks:
            def __call__(self, x):
                return x
        class A:
            def __init__(self):
                self.model = Blocks()
            def run(self, x, net):
                with torch.no_grad():
                    y = self.model(x).tolist()
                with torch.no_grad():
                    return net(y).tolist()
        """,
    "a property that holds a model": """
        import torch
        class A:
            @property
            def model(self):
                return self._held
            def other(self):
                return 1
            def run(self, x):
                with torch.no_grad():
                    return self.model(x).tolist()
        """,
    "a class that another function imports": """
        def f(x):
            from torch.ao.quantization.qconfig import QConfig
            return x
        def g(x):
            return QConfig.from_dict(x)
        """,
    "a tokenizer and a module at the top": """
        import torch, torchvision
        for text in texts:
            tokenizer(text)
        net = torchvision.models.resnet18()
        with torch.no_grad():
            print(net(image).tolist())
        """,
    "a guard in a class body and at the top": """
        import torch
        class A:
            with torch.no_grad():
                x = model(1)
        with torch.no_grad():
            print(model(2).item())
        """,
    "names within f-strings": """
        import torch
        def f(model, x):
            print(f"{model} {torch} {x:>{torch.width}}")
            with torch.no_grad():
                return model(x)
        """,
    "soft keywords": """
        import torch
        def f(model, match, x):
            match x:
                case {"a": _}:
                    with torch.no_grad():
                        return model(match)
        """,
    "carriage returns": "import torch\r\ndef f(model, x):\r\n    with torch.no_grad():\r\n        return model(x)\r\n",
    "old line ends": "import torch\rdef f(model, x):\r    with torch.no_grad():\r        return model(x)\r",
    "a form feed": "import torch\n\x0c\ndef f(model, x):\n    with torch.no_grad():\n        return model(x)\n",
    "tabs": "import torch\nclass A:\n\tdef f(self, x):\n\t\twith torch.no_grad():\n\t\t\treturn self.model(x)\n",
    "no line end at the end": "import torch\ndef f(model, x):\n    with torch.no_grad(): return model(x)",
}


@pytest.mark.parametrize("name", HARD)
def test_quick_and_plain_agree_where_cutting_is_hard(name):
    text = HARD[name]
    data = (textwrap.dedent(text) if "\r" not in text else text).encode()
    quick, plain = both(data)
    assert quick.findings == plain.findings
    assert len(quick.findings) >= 1
    assert not quick.errors


FORWARD = "def forward(labels=None):\n    return loss(labels=labels)"
TRAINER = "class Trainer:\n    def step(self):\n        self.loss.backward()\n        optimizer.step()"


def examples():
    """Return the rules' Python examples, and the bodies of their functions, to stand on a module's own level."""
    whole = [
        textwrap.dedent(example)
        for rule in RULES
        for example in (*rule.VALID, *rule.INVALID)
        if "python" in rule.languages and not hasattr(example, "language")
    ]
    functions = [
        node
        for source in whole
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    bodies = [[n for n in function.body if not isinstance(n, ast.Return)] for function in functions]
    imports = "import torch, onnxruntime as ort\n"
    return [*whole, *(imports + "\n".join(map(ast.unparse, body)) for body in bodies if body)]


def programs(seed, number):
    """Yield modules made of examples in loops, branches, classes and functions, beside what might silence them."""
    rng = random.Random(seed)
    pieces = examples()
    heads = ("", "if x:", "for i in range(3):", "class C:", "class D(C):", "def f(self=None, labels=None):")
    for _ in range(number):
        parts = [FORWARD, TRAINER] if rng.random() < 0.3 else []
        for _ in range(rng.randrange(1, 5)):
            head, piece = rng.choice(heads), rng.choice(pieces)
            parts.append(f"{head}\n{textwrap.indent(piece, '    ')}" if head else piece)
        rng.shuffle(parts)
        source = "\n".join(parts) + "\n"
        with contextlib.suppress(SyntaxError):  # `return` or `await` in no function
            compile(source, "a.py", "exec", dont_inherit=True)
            yield source


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@pytest.mark.parametrize("seed", range(4))
def test_quick_and_plain_agree_on_code_outside_functions(seed):
    found = 0
    for source in programs(seed, 150):
        quick, plain = both(source.encode())
        assert quick.findings == plain.findings, source
        assert quick.errors == plain.errors, source
        found += len(quick.findings)
    assert found > 50


OUTSIDE = {
    "a file that trains": f"for part in batched(texts, 16):\n    tokenizer(list(part), padding=True)\n{TRAINER}\n",
    "a function in a loop that returns": """
        import onnxruntime as ort
        for i in range(3):
            session = ort.InferenceSession("m.onnx")
            def search(x):
                return session.run(None, {"x": x})
        """,
    "labels for training": f"if x:\n    tok(x, padding='max_length', max_length=512)\n{FORWARD}\n",
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_check_with_its_silences_has_the_same_findings(project, cpuperf_command, name):
    project(a=textwrap.dedent(OUTSIDE[name]))
    plain, silences = (
        cpuperf_command("check", "--format", "json", "--select", "ALL", *options)
        for options in ((), ("--show-silenced",))
    )
    assert plain[0] == silences[0]
    assert json.loads(plain[1])["findings"] == json.loads(silences[1])["findings"]


def test_a_finding_covers_its_trigger():
    for source in HARD.values():
        data = (textwrap.dedent(source) if "\r" not in source else source).encode()
        for finding in (f for f in check_source(data, "a.py", RULES).findings if f.rule == "CPU101"):
            assert finding.source_line[finding.column - 1 :].startswith("torch.no_grad()")
            assert finding.end_column - finding.column == len("torch.no_grad()")


def test_thousands_of_constants_are_not_parsed_and_those_that_are_used_are():
    lines = [f'T{i} = [{i}, "text {i}", {{"a": ({i}, 2)}}]' for i in range(2500)]
    lines[7:7] = ["LENGTH = BASE", "BASE = 512", 'MODE = "max_length"', "import torch", "x = [1,", "    2]"]
    use = """
    def predict(model, tokenizer, texts):
        batch = tokenizer(texts, padding=MODE, max_length=LENGTH, truncation=True, return_tensors="pt")
        with torch.no_grad():
            return model(**batch).logits.argmax(-1).tolist()
    """
    data = ("\n".join(lines) + textwrap.dedent(use)).encode()
    quick, plain = both(data)
    assert quick.findings == plain.findings
    assert [f.rule for f in quick.findings] == ["CPU201", "CPU101"]
    facts = Facts(data.decode())
    chunk = facts.outline.chunks[0]
    left = prune(facts.text, facts.outline, {chunk}, set())
    assert len(left.lines) < 20
    assert 'MODE = "max_length"' in left.text
    assert "BASE = 512" in left.text
