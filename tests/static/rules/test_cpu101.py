"""What a guard, a name and a model may look like for CPU101, and where results may go."""

import textwrap

import pytest

from pytest_cpuperf.static.file_check import check_source
from pytest_cpuperf.static.rules import all_rules

RULES = [r for r in all_rules() if r.code == "CPU101"]


def verdicts(source):
    """Return the lines of findings, and what is said of each silence; the quick way must find the same."""
    data = textwrap.dedent(source).encode()
    quick, plain = (check_source(data, "a.py", RULES, thorough=thorough) for thorough in (False, True))
    assert not plain.errors
    assert quick.findings == plain.findings
    return [f.line for f in plain.findings], " ".join(s.because for s in plain.silenced)


REPORTED = {
    "a name bound anew after the block, which is trained with": """
        import torch
        def f(model, head, x, y):
            with torch.no_grad():
                out = model(x)
            ids = out.argmax(-1).tolist()
            out = head(x)
            loss = criterion(out, y)
            loss.backward()
            return ids
        """,
    "a name bound anew under another guard, and changed in place": """
        import torch
        def f(model, x):
            with torch.no_grad():
                out = model(x)
            ids = out.tolist()
            with torch.no_grad():
                out = torch.ones(3)
            out.add_(1)
            return ids
        """,
    "an import after another on its line": """
        import os; import torch
        def f(model, x):
            with torch.no_grad():
                return model(x).tolist()
        """,
    "an import in a one-line try": """
        try: from torch import no_grad as quiet
        except ImportError: quiet = None
        @quiet()
        def f(model, x):
            return model(x).tolist()
        """,
    "everything imported": """
        from torch import *
        @no_grad()
        def f(model, x):
            return model(x).tolist()
        """,
    "a module kept as an attribute": """
        class Lazy:
            def __init__(self, model):
                import torch
                self.lib, self.model = None, model
                self.lib = torch
            def f(self, x):
                with self.lib.no_grad():
                    return self.model(x).tolist()
        """,
    "a module by its name": """
        from importlib import import_module
        T = import_module("torch")
        def f(model, x):
            with T.no_grad():
                return model(x).tolist()
        """,
    "a module from somewhere, called torch": """
        torch = Library().torch()
        def f(model, x):
            with torch.no_grad():
                return model(x).tolist()
        """,
    "a module that another module hands on": """
        from .compat import torch as T
        def f(model, x):
            with T.no_grad():
                return model(x).tolist()
        """,
    "the guard under another name": """
        import torch
        quiet = torch.no_grad
        def f(model, x):
            with quiet():
                return model(x).tolist()
        """,
    "a guard entered on a stack": """
        import contextlib, torch
        def f(model, x):
            with contextlib.ExitStack() as stack:
                stack.enter_context(torch.no_grad())
                return model(x).tolist()
        """,
    "a guard kept for one with": """
        import torch
        def f(model, x):
            guard = torch.no_grad()
            with guard:
                return model(x).tolist()
        """,
    "a guard called on a function": """
        import torch
        def f(model, x):
            return model(x).tolist()
        g = torch.no_grad()(f)
        """,
    "a guard called on a model": """
        import torch
        def f(model, x):
            return torch.no_grad()(model)(x).tolist()
        """,
    "a model of any name, made here": """
        import torch
        class Service:
            def __init__(self, path):
                self.thing = torch.jit.load(path)
            def f(self, x):
                with torch.no_grad():
                    return self.thing(x).tolist()
        """,
    "a model of any name, put into eval mode": """
        import torch
        def f(zoo, path, x):
            q = zoo.fetch(path).eval()
            with torch.no_grad():
                return q(x).tolist()
        """,
    "any method of a model": """
        import torch
        def f(model, left, right):
            with torch.no_grad():
                return model.estimate(left, right)["score"].tolist()
        """,
    "a method of another class of the file": """
        import torch
        class Worker:
            def outputs(self, x):
                return self.model(x)
        class Server:
            def __init__(self):
                self.worker = Worker()
            def f(self, x):
                with torch.no_grad():
                    return self.worker.outputs(x).tolist()
        """,
    "an object of a class of the file, made and asked at once": """
        import torch
        class Task:
            def __init__(self, model):
                self.model = model
            def run(self, x):
                return self.model(x)
        @torch.no_grad()
        def decode(model, x):
            return Task(model).run(x).tolist()
        """,
    "an inherited method": """
        import torch
        class Base:
            def outputs(self, x):
                return self.model(x)
        class Child(Base):
            def f(self, x):
                with torch.no_grad():
                    return self.outputs(x).tolist()
        """,
    "a method that derived classes implement": """
        import torch
        class Base:
            def outputs(self, x):
                raise NotImplementedError
            @torch.no_grad()
            def f(self, x):
                return self.outputs(x).tolist()
        class Child(Base):
            def outputs(self, x):
                return self.model(x)
        """,
    "a module moved under the guard, in code that trains nothing": """
        import torch
        class Embedder:
            @torch.no_grad()
            def embed(self, x, device):
                self.model.to(device)
                self.model.half()
                return self.model(x).cpu().numpy()
        """,
    "arithmetic in place on what was computed": """
        import torch
        @torch.no_grad()
        def f(model, x):
            embed = model(x)
            embed.div_(embed.norm())
            return embed.tolist()
        """,
    "evaluation within a training loop": """
        import torch
        def fit(model, rows, held_out):
            for x in rows:
                model(x).sum().backward()
                with torch.no_grad():
                    right = sum(model(y).argmax() for y in held_out)
                print(float(right))
        """,
    "what a forward only hands on": """
        import torch
        class Asr(torch.nn.Module):
            def transcribe(self, x):
                with torch.no_grad():
                    return self.tokenizer.decode(self.encoder(x).argmax(-1))
            def forward(self, x):
                return self.transcribe(x)
        """,
}


@pytest.mark.parametrize("way", REPORTED)
def test_reported_whatever_things_are_called(way):
    lines, because = verdicts(REPORTED[way])
    assert len(lines) == 1, because


LEFT_ALONE = {
    "out is changed in place after the block (add_)": """
        import torch
        def f(model, x):
            with torch.no_grad():
                out = model(x)
            ids = out.tolist()
            with suppress(ValueError):
                out = torch.ones(3)
            out.add_(1)
            return ids
        """,
    "out is changed in place after the block (mul_)": """
        import torch
        def f(model, xs):
            for x in xs:
                with torch.no_grad():
                    out = model(x)
                if done(out.tolist()):
                    break
                out = torch.ones(3)
            out.mul_(2)
        """,
    "nothing shows that quiet.no_grad is torch's": """
        import quiet
        def f(model, x):
            with quiet.no_grad():
                return model(x).tolist()
        """,
    "nothing shows that paddle.no_grad is torch's": """
        import paddle, torch
        @paddle.no_grad()
        def f(model, x):
            return model(x).tolist()
        """,
    "inference mode already": """
        import torch
        def f(model, x):
            with torch.no_grad(), torch.inference_mode():
                return model(x).tolist()
        """,
    "another thread or process": """
        import torch
        async def f(model, x, loop):
            with torch.no_grad():
                return await loop.run_in_executor(None, model, x)
        """,
    "outside the guard": """
        import torch
        def f(encoder, head, x):
            with torch.no_grad():
                features = encoder(x)
            return head(features), classifier(features)
        """,
    "hands out features": """
        import torch
        class Lm(torch.nn.Module):
            def features(self, x):
                with torch.no_grad():
                    out = self.encoder(x)
                return out
        """,
    "training step": """
        import torch
        def fit(model, encoder, rows):
            for x in rows:
                with torch.no_grad():
                    seen = encoder(x)
                wanted = seen * 2
                (model(x) - wanted).pow(2).sum().backward()
        """,
    "warms up": """
        import torch
        @torch.no_grad()
        def warmup(model, x):
            return model(x).tolist()
        """,
    "exports or converts": """
        import torch
        def check(model, x):
            other = convert_to_torchscript(model)
            with torch.no_grad():
                return model(x).tolist(), other(x)
        """,
    "become part of the model": """
        import torch
        @torch.no_grad()
        def prepare(model, rows):
            mean = sum(model.embed(r) for r in rows) / len(rows)
            model.set_prompts(mean)
        """,
    "no model is seen to run": """
        import torch
        class Ema:
            @torch.no_grad()
            def update(self, model):
                for v in model.values:
                    v.reshape(-1)
        """,
}


@pytest.mark.parametrize("because", LEFT_ALONE)
def test_left_alone_with_the_reason(because):
    lines, told = verdicts(LEFT_ALONE[because])
    assert lines == []
    assert because in told
