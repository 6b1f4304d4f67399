"""A fix called safe changes nothing that can be seen: the fixed code is run where a tensor is kept and trained with."""

import importlib.util
import subprocess
import sys
import textwrap

import pytest

from pytest_cpuperf.static.file_check import check_source
from pytest_cpuperf.static.rules import all_rules

# Each keeps what the model gives in its own way; {keep} stands in the guarded code, where `out` is a tensor.
AGENT = """
import queue
import torch

STORE = {}


class Metric:
    def __init__(self):
        self.kept = []

    def __call__(self, out, *rest):
        self.kept.append(out)

    update = push = log = forward_batch = __call__


class Agent:
    def __init__(self, model):
        self.model = model
        self.kept = []
        self.metric = Metric()
        self.queue = queue.Queue()
        self.buffer = torch.zeros(2, 3)

    def act(self, x):
        with torch.no_grad():
            out = self.model(x)
            {keep}
            return out.argmax(-1).tolist()

    def remember(self, out):
        self.kept.append(out)

    def predict_and_keep(self, x):
        found = self.model(x)
        self.metric.push(found)
        return found
"""
KEEPS = {
    "a metric that is called": ("self.metric(out, x)", "agent.metric.kept[0]"),
    "a metric's update": ("self.metric.update(out.softmax(-1))", "agent.metric.kept[0]"),
    "a method called as one of tensors": ("self.metric.log(out.mean(0))", "agent.metric.kept[0]"),
    "a memory": ("self.metric.push(out)", "agent.metric.kept[0]"),
    "a queue": ("self.queue.put_nowait((x, out))", "agent.queue.get()[1]"),
    "setattr": ("setattr(self, 'last', out)", "agent.last"),
    "an attribute": ("self.last = out", "agent.last"),
    "a subscript": ('STORE["last"] = out', 'Agent.act.__globals__["STORE"]["last"]'),
    "out=": ("torch.mul(out, 1, out=self.buffer)", "agent.buffer"),
    "a callback": ("callback = self.kept.append; callback(out)", "agent.kept[0]"),
    "a lambda": ("(lambda kept: self.kept.append(kept))(out)", "agent.kept[0]"),
    "a method of the class": ("self.remember(out)", "agent.kept[0]"),
    "a method that runs the model": ("self.predict_and_keep(x)", "agent.metric.kept[0]"),
    "a loop over outputs": ("for row in out: self.metric.push(row)", "agent.metric.kept[0]"),
    "a tensor made from the inputs": ("made = x.float() + 1; self.metric.push(made[:, :3])", "agent.metric.kept[0]"),
}
CONSUMES = {
    "methods of tensors": "out = out.softmax(-1).max(-1, keepdim=True).values",
    "functions of torch": "out = torch.cat([out, torch.nn.functional.normalize(out)])",
    "builtins": "size = len(out); first = max(float(v) for v in out[0])",
    "plain data that is kept": "self.kept.append(out.mean().item()); self.metric(out.tolist())",
    "printing": "print(out.shape, out.sum().item())",
}


def fix_of(source):
    (finding,) = [f for f in check_source(source.encode(), "agent.py", all_rules()).findings if f.rule == "CPU101"]
    return finding.fix.safety


@pytest.mark.parametrize("keep", [k for k, _ in KEEPS.values()], ids=KEEPS)
def test_a_fix_is_unsafe_where_something_may_keep_a_tensor(keep):
    assert fix_of(AGENT.replace("{keep}", keep)) == "unsafe"


@pytest.mark.parametrize("keep", CONSUMES.values(), ids=CONSUMES)
def test_a_fix_is_safe_where_all_is_consumed(keep):
    assert fix_of(AGENT.replace("{keep}", keep)) == "safe"


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch")
def test_code_that_keeps_tensors_and_trains_with_them_works_after_all_safe_fixes(tmp_path):
    runs = []
    for n, (keep, kept) in enumerate(KEEPS.values()):
        (tmp_path / f"agent_{n}.py").write_text(AGENT.replace("{keep}", keep))
        runs.append(
            f"from agent_{n} import Agent\n"
            "agent = Agent(torch.nn.Linear(4, 3))\nagent.act(torch.ones(2, 4))\n"
            f"kept = {kept}\nassert not kept.requires_grad\n"
            "torch.nn.Linear(3, 1)(kept.reshape(-1, 3)).sum().backward()\n"
        )
    (tmp_path / "learn.py").write_text("import torch\n" + "".join(runs) + "print('learned')\n")

    def run(*arguments):
        return subprocess.run([sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True)

    assert run("learn.py").stdout == "learned\n", "it works beforehand"
    fixed = run("-m", "pytest_cpuperf", "check", "--isolated", "--fix", "--exit-zero")
    assert f"{len(KEEPS)} can be fixed: --unsafe-fixes" in fixed.stdout
    after = run("learn.py")
    assert after.stdout == "learned\n", after.stderr
    run("-m", "pytest_cpuperf", "check", "--isolated", "--fix", "--unsafe-fixes", "--exit-zero")
    assert "Inference tensors cannot be saved for backward" in run("learn.py").stderr, "and would have broken"


def test_a_helper_of_the_file_is_looked_into():
    source = """
        import torch
        def embed(model, x):
            found = model(x)
            {line}
            return found
        def handle(model, x):
            with torch.no_grad():
                return embed(model, x).tolist()
        """
    assert fix_of(textwrap.dedent(source).replace("{line}", "found = found.mean(1)")) == "safe"
    assert fix_of(textwrap.dedent(source).replace("{line}", "CACHE.put(found)")) == "unsafe"


def test_what_a_helper_is_given_counts_as_a_tensor():
    source = """
        import torch
        def step(model, found):
            {line}
            return model(found)
        def handle(model, x):
            with torch.no_grad():
                return step(model, model(x)).tolist()
        """
    assert fix_of(textwrap.dedent(source).replace("{line}", "size = len(found)")) == "safe"
    assert fix_of(textwrap.dedent(source).replace("{line}", "CACHE.put(found)")) == "unsafe"
