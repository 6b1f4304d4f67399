"""What CPU101 and CPU201 must know beyond their examples, one reason at a time; from RULES.md."""

import textwrap

import pytest

from pytest_cpuperf.static.file_check import check_source
from pytest_cpuperf.static.rules import all_rules


def reasons(source):
    """Return (findings, reasons for silence) of all rules on a source."""
    result = check_source(textwrap.dedent(source).encode(), "a.py", all_rules(), thorough=True)
    assert not result.errors
    return [f.rule for f in result.findings], [s.because for s in result.silenced]


SILENT = {
    "updates parameters": """
        import torch
        def average(model, ema):
            with torch.no_grad():
                out = model(1)
                for p, q in zip(model.parameters(), ema.parameters()):
                    q.mul_(0.9).add_(p, alpha=0.1)
        """,
    "loads or builds": """
        import torch
        def build(path, x):
            with torch.no_grad():
                model = AutoModel.from_pretrained(path)
                return model(x)
        """,
    "moves or converts": """
        import torch
        class Runner:
            @torch.no_grad()
            def predict(self, x):
                self.model.to("cpu")
                return self.model(x)
            def step(self, x):
                self.model(x).sum().backward()
        """,
    "meets autograd": """
        import torch
        class Attack:
            def _step(self, x):
                with torch.enable_grad():
                    return self.model(x).sum()
            @torch.no_grad()
            def run(self, x):
                return self.model(x) + self._step(x)
        """,
    "is handed to the caller by yield": """
        import contextlib, torch
        @contextlib.contextmanager
        def quiet(model):
            with torch.no_grad():
                model(0)
                yield
        """,
    "depends on whether something is trained": """
        import torch
        def run(self, x):
            if self.freeze_encoder:
                with torch.no_grad():
                    h = self.encoder(x)
            else:
                h = self.encoder(x)
            return h
        """,
    "without the guard": """
        import torch
        def run(model, x, fast):
            if fast:
                with torch.no_grad():
                    y = model(x)
            else:
                y = model(x)
            return y
        """,
    "chosen at run time": """
        import torch
        guard = torch.inference_mode if hasattr(torch, "inference_mode") else torch.no_grad
        def run(model, x):
            with guard():
                return model(x)
        """,
    "inside another guard": """
        import torch
        @torch.no_grad()
        def run(model, x):
            with torch.no_grad():
                return model(x).tolist()
        """,
    "changed in place": """
        import torch
        def run(model, x, keep):
            with torch.no_grad():
                y = model(x)
            y[~keep] = 0
            return y
        """,
    "feed a loss": """
        import torch
        def compute(self, batch):
            with torch.no_grad():
                wanted = self.guide_model(batch)
            loss = mse_loss(self.model(batch), wanted)
            return loss
        """,
    "become parameters": """
        import torch
        from torch import nn
        def fit(self, model, x):
            with torch.no_grad():
                y = model(x)
            self.centre = nn.Parameter(y.mean(0))
        """,
}


@pytest.mark.parametrize("words", SILENT)
def test_silent_and_says_why(words):
    findings, because = reasons(SILENT[words])
    if words != "inside another guard":
        assert findings == []
    assert any(words in b for b in because), because


def test_of_nested_guards_only_the_outer_is_reported():
    result = check_source(textwrap.dedent(SILENT["inside another guard"]).encode(), "a.py", all_rules(), thorough=True)
    assert [f.line for f in result.findings] == [3]


def test_evaluation_inside_a_training_function_is_reported():
    findings, _ = reasons(
        """
        import torch
        def fit(model, loader, optimizer):
            for batch in loader:
                loss = model(batch).loss
                loss.backward()
                optimizer.step()
            total = 0.0
            with torch.no_grad():
                for batch in loader:
                    total += model(batch).loss.item()
            print(total)
        """
    )
    assert findings == ["CPU101"]


def test_names_prove_nothing():
    findings, because = reasons(
        """
        import torch
        def predict(scores):
            with torch.no_grad():
                return torch.sigmoid(scores)
        """
    )
    assert findings == []
    assert because == ["no model is seen to run in it"]


def test_a_string_encode_is_no_model():
    findings, _ = reasons(
        """
        import torch
        def run(text, tokenizer):
            with torch.no_grad():
                return text.encode("utf-8"), tokenizer.encode(text)
        """
    )
    assert findings == []


@pytest.mark.parametrize(
    "call",
    [
        'CLIPTokenizer.from_pretrained(p)(t, padding="max_length")',
        'self.image_processor(t, padding="max_length")',
        'tok(t, padding="max_length" if self.fixed else "longest")',
        'tok(t, padding="max_length", max_length=session.get_inputs()[0].shape[1])',
    ],
)
def test_padding_a_model_needs_is_left_alone(call):
    findings, because = reasons(f"def run(self, tok, t, p, session):\n    return {call}\n")
    assert findings == []
    assert len(because) == 1
