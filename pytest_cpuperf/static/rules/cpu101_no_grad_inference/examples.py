"""Sources that CPU101 is silent on, reports, and fixes."""

VALID = (
    """
    import torch
    class Layer(torch.nn.Module):
        @torch.no_grad()
        def reset(self, module):
            self.weight.normal_()
            module.bias.zero_()
    """,
    """
    import torch
    def train(student, teacher, batch, criterion, optimizer):
        with torch.no_grad():
            wanted = teacher(batch)
        loss = criterion(student(batch), wanted)
        loss.backward()
    """,
    """
    import torch
    def embed(model, batch):
        with torch.no_grad():
            x = model(batch)
        x /= x.norm(dim=-1, keepdim=True)
        return x
    """,
    """
    import torch
    # torch.no_grad is only spoken of here
    NOTE = "with torch.no_grad(): model(x)"
    """,
    """
    import torch
    class Net(torch.nn.Module):
        def __init__(self):
            with torch.no_grad():
                self.width = self.backbone(torch.zeros(1, 3, 224, 224)).shape[1]
    """,
    """
    import torch
    def export(model, example):
        with torch.no_grad():
            torch.onnx.export(model, example, "model.onnx")
    """,
    """
    import torch
    from contextlib import nullcontext
    def run(model, batch, grad):
        with torch.no_grad() if not grad else nullcontext():
            return model(batch)
    """,
    """
    import torch
    def top(scores):
        with torch.no_grad():
            return scores.softmax(-1).topk(3)
    """,
    """
    import torch
    def predict(model, batch):
        with torch.inference_mode():
            return model(batch)
    """,
    """
    import torch
    class Wrapper(torch.nn.Module):
        def forward(self, images):
            with torch.no_grad():
                features = self.encoder(images)
            return self.head(features)
    """,
    """
    import torch
    class Trainer:
        def collect(self, model, loader):
            found = []
            with torch.no_grad():
                for batch in loader:
                    found.append(model(batch))
            return torch.cat(found)
        def step(self, features):
            self.head(features).sum().backward()
        def fit(self, loader):
            self.step(self.collect(self.model, loader))
    """,
    """
    import torch
    @torch.no_grad()
    def initialize_adapter_weights(model, adapter, loader):
        adapter.start(torch.stack([model(batch).mean(0) for batch in loader]))
    """,
    """
    import torch
    class Conformal:
        @torch.no_grad()
        def fit(self, loader):
            self.q_hat = torch.quantile(torch.cat([self.model(x) for x in loader]), 0.9)
    """,
    """
    import torch
    def step(student_model, teacher_model, batch):
        with torch.no_grad():
            teacher_model(batch)  # hooks keep what a loss will ask for
        return student_model.loss(batch)
    """,
    """
    import torch
    class Choice(torch.nn.Module):
        def forward(self, x):
            def gradients(models, x, out):
                with torch.no_grad():
                    return [models[i](x) * out for i in range(2)]
            return Own.apply(x, gradients)
    """,
)
INVALID = (
    """
    import torch
    def embed(model, batch):
        with torch.no_grad():  # <-
            return model(**batch).last_hidden_state.mean(1).numpy()
    """,
    """
    import torch as t
    from torch import no_grad as ng
    class Handler:
        @ng()  # <-
        def predict(self, rows):
            return [self.model(row).argmax().item() for row in rows]
        @t.no_grad  # <-
        def complete(self, ids):
            return self.lm.generate(ids)
    """,
    """
    import torch
    class Service:
        def _encode(self, texts):
            return self.encoder(self.tokenizer(texts))
        def handle(self, texts):
            with open("log") as log, torch.no_grad():  # <-
                return self._encode(texts).tolist()
    """,
    """
    import torch
    def evaluate(model, loader):
        model.eval()
        total = 0.0
        with torch.set_grad_enabled(False):  # <-
            for batch in loader:
                total += model(batch).loss.item()
        return total
    """,
    """
    import torch
    class Tagger(torch.nn.Module):
        def forward(self, x):
            return self.head(self.encoder(x))
        @torch.no_grad()  # <-
        def tokens(self, x):
            return torch.argmax(self(x), dim=1)
    class Recognizer:
        def text(self, sound):
            with torch.no_grad():  # <-
                return self.mods.decode_features(sound)
    """,
)
FIXED = (
    (
        "import torch\ndef f(model, x):\n    with torch.no_grad():\n        return model(x).item()\n",
        "import torch\ndef f(model, x):\n    with torch.inference_mode():\n        return model(x).item()\n",
    ),
    (
        "import torch as t\n@t.no_grad  # once\ndef f(model, x):\n    return model(x)\n",
        "import torch as t\n@t.inference_mode()  # once\ndef f(model, x):\n    return model(x)\n",
    ),
    (
        "from torch import nn, no_grad as ng\n@ng()\ndef f(model, x):\n    return model(x)\n",
        "from torch import nn, inference_mode\n@inference_mode()\ndef f(model, x):\n    return model(x)\n",
    ),
    (
        "from torch import no_grad\n@no_grad()\ndef f(model, x):\n    return model(x)\nkeep = no_grad\n",
        "from torch import no_grad, inference_mode\n@inference_mode()\ndef f(model, x):\n    return model(x)\n"
        "keep = no_grad\n",
    ),
)
