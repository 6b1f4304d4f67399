"""CPU101 no-grad-inference."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Literal

from pytest_cpuperf.static.rules.base import Mend, PythonRule, Report, Silence
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.lazy_libcst import cst
from pytest_cpuperf.static.source.module import Module, dotted, last_name
from pytest_cpuperf.static.source.prune import Chunk
from pytest_cpuperf.static.torch_code.dataflow import all_plain, assigned_names, becomes_plain, is_plain, uses_after
from pytest_cpuperf.static.torch_code.guards import Guard, NoGuard, find_guards, outer_guard
from pytest_cpuperf.static.torch_code.model_calls import ModelCalls, is_model_name, may_run_model, words
from pytest_cpuperf.static.torch_code.training import called_by_forward, used_by_training

_HELP = "use torch.inference_mode(), where nothing computed here meets autograd later"

_IN_PLACE = re.compile(r"[a-z]\w*[a-z0-9]_")
_PARAMETER_WORDS = frozenset(
    [
        "weight",
        "weights",
        "bias",
        "biases",
        "param",
        "params",
        "parameter",
        "parameters",
        "buffer",
        "buffers",
        "embed",
        "p",
        "ema",
    ]
)
_INITIALISES = frozenset(["init", "initialize", "initialise", "reset"])
_PARAMETER_NAMES = frozenset(
    ["weights", "weight", "parameters", "params", "prefix", "embeddings", "embedding", "adapter"]
)
_CALIBRATES = frozenset(["fit", "calibrate", "calibration"])
_KEEPERS = frozenset(
    ["append", "extend", "add", "update", "insert", "put", "setdefault", "send", "write", "set", "appendleft"]
)
_PARAMETER_LISTS = frozenset(["parameters", "named_parameters", "buffers", "named_buffers", "state_dict"])
_AUTOGRAD = frozenset({"backward", "requires_grad_", "enable_grad", "requires_grad"})
_AUTOGRAD_WORD = re.compile(r"\b(?:backward|requires_grad_?|enable_grad|autograd|func)\b")
_MOVES = frozenset({"half", "bfloat16", "float", "double", "to", "cuda", "cpu", "to_empty", "quantize"})
_LOADS = frozenset(
    [
        "from_pretrained",
        "load_state_dict",
        "load_adapter",
        "load_pretrained",
        "load_weights",
        "load_from_checkpoint",
        "add_adapter",
        "merge_and_unload",
        "fuse_lora",
        "load_lora_weights",
        "resize_token_embeddings",
        "tie_weights",
        "init_weights",
        "reset_parameters",
    ]
)
_EXPORTS = (
    "torch.onnx",
    "torch.export",
    "torch.jit.trace",
    "torch.jit.script",
    "torch.compile",
    "torch.fx",
    "torch._dynamo",
)
_DUMMY = frozenset(f"torch.{f}" for f in ("zeros", "ones", "rand", "randn", "randint", "empty", "full"))
_FROZEN_NAMES = frozenset(
    ["teacher", "target", "guide", "ref", "reference", "frozen", "momentum", "ema", "matcher", "assigner"]
)
_LOSS = re.compile(
    r"(?i)(^|_)(loss|losses|criterion|criterions|kl_div|cross_entropy|mse_loss|bce\w*|nll_loss|objective)($|_|\d)"
)
_TRAINING_FLAG = re.compile(
    r"(?i)training|freeze|frozen|finetune|fine_tune|requires_grad|with_grad|no_grad|train_\w+|\w+_trainable"
)


class NoGradInference(PythonRule):
    """`torch.no_grad` around inference.

    ## What it does
    Finds `torch.no_grad` (and `torch.set_grad_enabled(False)`), as a with-item or a decorator, around code that runs
    a model for prediction, evaluation, embedding or generation.

    ## Why is this bad?
    `torch.inference_mode` also leaves out version counters and view tracking, so each operator costs a little less;
    published gains are 0.5 to 5 %, and they shrink as the model's own work grows. It also fails loudly where an
    output meets autograd by mistake. Measure it with `cpuperf.compare` before you believe in it.

    ## Example
    ```python
    with torch.no_grad():
        scores = model(**batch).logits.tolist()
    ```

    ## Use instead
    ```python
    with torch.inference_mode():
        scores = model(**batch).logits.tolist()
    ```

    ## Fix safety
    Safe where all that leaves the guarded code is turned into plain data in the same function: numbers, lists, arrays.
    Unsafe otherwise: an output that meets autograd later, or is changed in place, raises.

    ## When it stays silent
    Where inference mode would break something or there is nothing to gain: parameters that are initialised, updated,
    loaded or converted; teachers and frozen encoders whose outputs feed a loss; a module's `forward`; probes with
    dummy inputs; export and tracing; code that runs no model; results changed in place after the block; guards
    chosen at run time. `cpuperf check --show-silenced` says which it was.

    ## References
    https://docs.pytorch.org/docs/stable/notes/autograd.html#inference-mode
    """

    code = "CPU101"
    name = "no-grad-inference"
    heuristic = "inference-mode"
    trigger = (b"no_grad", b"set_grad_enabled")
    live = r"no_grad\b|set_grad_enabled\b"

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

    def cannot_report(self, chunk: Chunk, facts: Facts) -> bool:
        """A function none of whose calls can run a model has nothing to report, nor has a module's forward."""
        return (chunk.owner is not None and chunk.name == "forward") or not may_run_model(chunk, facts)

    def needed(self, chunks: set[Chunk], facts: Facts) -> set[Chunk]:
        """The functions they call too, those that may run a model or meet autograd."""
        return facts.outline.closure(chunks, lambda c: bool(_AUTOGRAD_WORD.search(c.code)) or may_run_model(c, facts))

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

    def check(self, module: Module) -> Iterator[Report | Silence]:
        """Judge each guard of the file."""
        calls = ModelCalls(module)
        for guard in find_guards(module):
            if isinstance(guard, NoGuard):
                yield Silence(guard.trigger, guard.because)
                continue
            judgement = _Judgement(module, calls, guard)
            because = judgement.silent_because()
            if because:
                yield Silence(guard.trigger, because)
            else:
                message = f"{module.code(guard.trigger)} guards inference"
                yield Report(guard.trigger, message, _HELP, _mend(module, guard, judgement.leaves_only_plain_data()))


def _mend(module: Module, guard: Guard, safe: bool) -> Mend | None:
    """Return the edit to `inference_mode()`, in the way the guard was imported; None where that is too odd to edit."""
    mention = guard.trigger.func if isinstance(guard.trigger, cst.Call) else guard.trigger
    safety: Literal["safe", "unsafe"] = "safe" if safe else "unsafe"
    name = dotted(mention)
    if name is None:
        return None
    first, _, rest = name.partition(".")
    if rest:
        if module.imports.get(first) != "torch":
            return None
        return Mend(safety, "use torch.inference_mode()", ((guard.trigger, f"{first}.inference_mode()"),))
    known = next((local for local, full in module.imports.items() if full == "torch.inference_mode"), None)
    if known is not None:
        return Mend(safety, "use torch.inference_mode()", ((guard.trigger, f"{known}()"),))
    for statement in module.nodes(cst.ImportFrom):
        if isinstance(statement.names, cst.ImportStar) or dotted(statement.module) not in ("torch", "torch.autograd"):
            continue
        for alias in statement.names:
            local = dotted(alias.asname.name) if alias.asname is not None else dotted(alias.name)
            if local != name or dotted(statement.module) != "torch":
                continue
            uses = len(re.findall(rf"(?<![\w.]){name}\b", module.facts.code))
            # The import itself is one use (of the alias, where there is one) and this guard another.
            only_here = uses == 2
            plain = f"{dotted(alias.name)} as {name}" if alias.asname is not None else name
            imported: cst.CSTNode = alias.name if alias.asname is None else alias
            new = "inference_mode" if only_here else f"{plain}, inference_mode"
            return Mend(safety, "use torch.inference_mode()", ((guard.trigger, "inference_mode()"), (imported, new)))
    return None


class _Judgement:
    """Whether one guard is around inference, and if not, why it is left alone."""

    def __init__(self, module: Module, calls: ModelCalls, guard: Guard) -> None:
        self.module = module
        self.calls = calls
        self.guard = guard
        self.body = guard.body
        self.function = guard.function
        self.model_calls = list(calls.within(guard.body))

    def silent_because(self) -> str | None:
        """Return the first reason to stay silent, or None where the guard is reported."""
        if outer_guard(self.module, self.guard) is not None:
            return "it is inside another guard, which is judged instead"
        for reason in (
            self._is_reusable,
            self._touches_parameters,
            self._builds_or_moves_modules,
            self._meets_autograd,
            self._exports,
            self._runs_no_model,
            self._probes,
            self._depends_on_training,
            self._is_forward_of_a_module,
            self._is_called_by_training,
            self._feeds_training,
            self._changed_in_place_afterwards,
        ):
            because = reason()
            if because:
                return because
        return None

    # --- what the guarded code does

    def _is_reusable(self) -> str | None:
        if not self.guard.is_decorator:
            for node in self.module.nodes(cst.Yield, within=self.body):
                if node.value is None and self.module.function_of(node) is self.function:
                    return "the guard is handed to the caller by yield"
        return None

    def _touches_parameters(self) -> str | None:
        name = set(words(self.function.name.value)) if self.function is not None else set()
        if (name & _INITIALISES and name & _PARAMETER_NAMES) or {"state", "dict"} <= name:
            return "it makes or initialises parameters"
        if name & _CALIBRATES and self._sets_attributes():
            return "it calibrates: its results become parameters"
        for call in self.module.nodes(cst.Call, within=self.body):
            function = call.func
            full = self.module.qualified(function) or ""
            if full.startswith(("torch.nn.init.", "nn.init.", "init.")):
                return "it initialises parameters"
            if full in ("torch.nn.Parameter", "torch.nn.parameter.Parameter", "torch.nn.Buffer"):
                return "it makes parameters"
            if not isinstance(function, cst.Attribute):
                continue
            method = function.attr.value
            if method in ("register_buffer", "register_parameter"):
                return "it makes parameters or buffers"
            if _IN_PLACE.fullmatch(method) and self._is_parameter(function.value):
                return f"it updates parameters or buffers in place ({method})"
            if method == "step" and "optim" in (last_name(function.value) or ""):
                return "it takes an optimizer step"
        for assign in self.module.nodes(cst.Assign, cst.AugAssign, within=self.body):
            targets = [t.target for t in assign.targets] if isinstance(assign, cst.Assign) else [assign.target]
            for target in targets:
                written = target.value if isinstance(target, cst.Subscript) else target
                if isinstance(written, cst.Attribute) and written.attr.value in ("data", "weight", "bias"):
                    return f"it writes to .{written.attr.value}"
                if isinstance(target, cst.Subscript) and self._is_parameter(written):
                    return "it writes into parameters or buffers"
        return self._results_become_parameters()

    def _sets_attributes(self) -> bool:
        return any(
            isinstance(target.target, cst.Attribute)
            for assign in self.module.nodes(cst.Assign, within=self.body)
            for target in assign.targets
        )

    def _results_become_parameters(self) -> str | None:
        if self.function is None:
            return None
        names = assigned_names(self.module, self.body)
        for call in self.module.nodes(cst.Call, within=self.function):
            full = self.module.qualified(call.func) or ""
            if full in ("torch.nn.Parameter", "torch.nn.parameter.Parameter") and self.module.is_after(call, self.body):
                read = {n.value for n in self.module.nodes(cst.Name, within=call)}
                if read & names.keys() or self.model_calls:
                    return "its results become parameters"
        return None

    def _is_parameter(self, node: cst.CSTNode) -> bool:
        """Return whether an expression reads as a parameter or buffer: `self.weight`, `p.data`, `self.running_mean`."""
        while isinstance(node, (cst.Subscript, cst.Call)):
            node = node.value if isinstance(node, cst.Subscript) else node.func
        name = dotted(node) or last_name(node) or ""
        parts = name.split(".")
        if parts[0] in self._loop_parameters:
            return True
        if any(set(words(part)) & _PARAMETER_WORDS for part in parts) or "data" in parts[1:]:
            return True
        return len(parts) > 1 and parts[0] == "self"

    @cached_property
    def _loop_parameters(self) -> frozenset[str]:
        """Names of loops over parameters: `for p, q in zip(a.parameters(), b.parameters())`."""
        return frozenset(
            name.value
            for loop in self.module.nodes(cst.For, within=self.function or self.body)
            if any(last_name(c.func) in _PARAMETER_LISTS for c in self.module.nodes(cst.Call, within=loop.iter))
            for name in self.module.nodes(cst.Name, within=loop.target)
        )

    def _builds_or_moves_modules(self) -> str | None:
        for call in self.module.nodes(cst.Call, within=self.body):
            function = call.func
            name = last_name(function) or ""
            if name in _LOADS:
                owner = last_name(function.value) if isinstance(function, cst.Attribute) else ""
                if not {"tokenizer", "processor", "config"} & set(words(owner or "")):
                    return f"it loads or builds modules ({name})"
            full = self.module.qualified(function) or ""
            last = full.rsplit(".", 1)[-1]
            if full.startswith("torch.nn.") and last[:1].isupper() and not full.startswith("torch.nn.functional"):
                if "Loss" not in last and last not in ("Softmax", "Sigmoid", "CosineSimilarity", "LogSoftmax", "ReLU"):
                    return f"it builds modules ({name})"
            if full == "torch.load":
                return "it loads weights (torch.load)"
            if isinstance(function, cst.Attribute) and name in _MOVES:
                receiver = function.value
                if isinstance(receiver, (cst.Name, cst.Attribute)) and self._is_module(receiver):
                    return f"it moves or converts a module ({name}): its parameters would become inference tensors"
        return None

    def _is_module(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Name) and node.value == "self":
            around = self.module.class_of(self.guard.holder)
            return around is not None and "to" not in {
                f.name.value for f in self.module.nodes(cst.FunctionDef, within=around)
            }
        return is_model_name(last_name(node))

    def _meets_autograd(self) -> str | None:
        found = self._autograd_word(self.body)
        if found:
            return f"it meets autograd ({found})"
        for call in self.module.nodes(cst.Call, within=self.body):
            helper = self.calls.helper(call)
            if helper is not None and not self.module.is_inside(call, helper):
                found = self._autograd_word(helper.body)
                if found:
                    return f"{helper.name.value}, which it calls, meets autograd ({found})"
        return None

    def _autograd_word(self, within: cst.CSTNode) -> str | None:
        for node in self.module.nodes(cst.Attribute, within=within):
            name = node.attr.value
            if name == "requires_grad" and not isinstance(self.module.parent(node), cst.AssignTarget):
                continue  # reading it proves nothing
            if name in _AUTOGRAD:
                return name
            full = self.module.qualified(node) or ""
            if full.startswith(("torch.autograd.", "torch.func.")) and not full.endswith(
                ("no_grad", "set_grad_enabled")
            ):
                return full
        return None

    def _exports(self) -> str | None:
        scope = self.function or self.body
        for node in self.module.nodes(cst.Attribute, cst.Name, within=scope):
            full = self.module.qualified(node)
            if full and full.startswith(_EXPORTS) and self.module.is_imported(node):
                return f"it exports, traces or compiles ({full})"
        if self.function is not None and "export" in words(self.function.name.value):
            exports = ("torch.onnx", "torch.export", "torch.jit", "onnx", "coremltools", "tensorrt", "openvino")
            if any(v.startswith(exports) for v in self.module.imports.values()) or "onnx" in self.module.facts.text:
                return "it is part of an export"
        return None

    def _runs_no_model(self) -> str | None:
        return None if self.model_calls else "no model is seen to run in it"

    def _probes(self) -> str | None:
        if self.function is not None and self.function.name.value == "__init__":
            return "it probes a model while it is built"
        name = set(words(self.function.name.value)) if self.function is not None else set()
        if "dummy" in name or ("example" in name and name & {"input", "inputs"}):
            return "it probes a model with an example input"
        if all(self._is_dummy(call) for call in self.model_calls):
            return "it probes a model with a dummy input"
        return None

    def _is_dummy(self, call: cst.Call) -> bool:
        if not call.args:
            return False
        first = call.args[0].value
        if isinstance(first, cst.Name) and self.function is not None:
            values = assigned_names(self.module, self.function).get(first.value, [])
            return bool(values) and all(self._makes_dummy(v) for v in values)
        return self._makes_dummy(first)

    def _makes_dummy(self, value: cst.CSTNode) -> bool:
        while isinstance(value, cst.Call):
            if self.module.qualified(value.func) in _DUMMY:
                return True
            if not isinstance(value.func, cst.Attribute):
                return False
            value = value.func.value
        return False

    # --- what it is a part of

    def _depends_on_training(self) -> str | None:
        inner: cst.CSTNode = self.guard.holder
        for node in self.module.parents(self.guard.holder):
            if isinstance(node, cst.FunctionDef):
                return None
            if isinstance(node, cst.If):
                if _TRAINING_FLAG.search(self.module.code(node.test)):
                    return "the guard depends on whether something is trained"
                twin = node.orelse if inner is node.body else node.body
                if twin is not None and self._is_twin(twin):
                    return "the same call stands beside it without the guard"
            inner = node
        return None

    def _is_twin(self, other: cst.CSTNode) -> bool:
        """Return whether a branch makes one of the guarded model calls outside any guard."""
        guarded = {self.module.code(call.func) for call in self.model_calls}
        for call in self.module.nodes(cst.Call, within=other):
            if self.module.code(call.func) in guarded and not self._is_guarded(call):
                return True
        return False

    def _is_guarded(self, node: cst.CSTNode) -> bool:
        for parent in self.module.parents(node):
            if isinstance(parent, cst.With) and any("grad" in self.module.code(i.item) for i in parent.items):
                return True
            if isinstance(parent, cst.FunctionDef):
                return False
        return False

    def _is_forward_of_a_module(self) -> str | None:
        if self.function is None or self.module.class_of(self.function) is None:
            return None
        around = [self.function, *(p for p in self.module.parents(self.function) if isinstance(p, cst.FunctionDef))]
        if any(f.name.value == "forward" for f in around):
            return "it is part of a module's forward, whose outputs may be trained through"
        return None

    def _is_called_by_training(self) -> str | None:
        """Outputs of what a forward or a training loop calls may meet autograd."""
        if self.function is None:
            return None
        outline, around = self.module.facts.outline, self.module.class_of(self.function)
        name, owner = self.function.name.value, around.name.value if around is not None else None
        if owner is not None and name in called_by_forward(outline, owner) and not self._ends_plain():
            return "a forward or training step of its class calls it, whose outputs may be trained through"
        if name in used_by_training(outline, owner) and not self.leaves_only_plain_data():
            return "a training loop of this file uses its results"
        return None

    def _feeds_training(self) -> str | None:
        if self.function is None or self.guard.is_decorator:
            return None
        names = assigned_names(self.module, self.body)
        uses = [u for n, values in names.items() if not all_plain(self.module, values) for u in self._uses(n)]
        uses = [u for u in uses if not becomes_plain(self.module, u)]
        if not uses:
            return self._fills_hooks_of_a_teacher()
        backward = any(
            isinstance(c.func, cst.Attribute) and c.func.attr.value == "backward"
            for c in self.module.nodes(cst.Call, within=self.function)
        )
        if backward:
            return "its results are used in a training step"
        for use in uses:
            for parent in self.module.parents(use):
                if isinstance(parent, cst.Call) and _LOSS.search(last_name(parent.func) or ""):
                    if self._returns_loss():
                        return "its results feed a loss"
                if parent is self.function:
                    break
        for call in self.model_calls:
            if set(words(last_name(call.func) or "")) & _FROZEN_NAMES or set(words(dotted(call.func) or "")) & {
                "teacher"
            }:
                return f"{self.module.code(call.func)} is a teacher or target, whose outputs feed a loss"
        return None

    def _fills_hooks_of_a_teacher(self) -> str | None:
        """A teacher run for its hooks alone: nothing is assigned, and yet a loss is fed."""
        assert self.function is not None
        for call in self.model_calls:
            if "teacher" in words(dotted(call.func) or "") and isinstance(self.module.parent(call), cst.Expr):
                return f"{self.module.code(call.func)} is a teacher, whose outputs feed a loss"
        return None

    def _returns_loss(self) -> bool:
        function = self.function
        assert function is not None
        return any(
            node.value is not None
            and any("loss" in words(n.value) for n in self.module.nodes(cst.Name, within=node.value))
            for node in self.module.nodes(cst.Return, within=function)
        )

    def _uses(self, name: str) -> list[cst.Name]:
        assert self.function is not None
        return uses_after(self.module, name, self.body, self.function)

    def _ends_plain(self) -> bool:
        """Return whether all that leaves the guarded code by name or return is plain data."""
        if self.function is None:
            return False
        names = assigned_names(self.module, self.body)
        for name, values in names.items():
            if not all_plain(self.module, values) and any(not becomes_plain(self.module, u) for u in self._uses(name)):
                return False
        returns = self.module.nodes(cst.Return, within=self.body)
        return all(r.value is None or all_plain(self.module, [r.value]) for r in returns)

    def leaves_only_plain_data(self) -> bool:
        """Return whether nothing but plain data leaves the guarded code: then a fix changes nothing anybody can see."""
        if self.function is None or not self._ends_plain() or self.module.nodes(cst.Yield, within=self.body):
            return False
        if self.module.nodes(cst.Global, cst.Nonlocal, within=self.function):
            return False
        for assign in self.module.nodes(cst.Assign, cst.AugAssign, cst.AnnAssign, within=self.body):
            targets = [t.target for t in assign.targets] if isinstance(assign, cst.Assign) else [assign.target]
            outside = isinstance(assign, cst.AugAssign) or any(
                not isinstance(t, (cst.Name, cst.Tuple)) for t in targets
            )
            if outside and assign.value is not None and not is_plain(self.module, assign.value):
                return False
        return not any(self._hands_on(call) for call in self.module.nodes(cst.Call, within=self.body))

    def _hands_on(self, call: cst.Call) -> bool:
        """Return whether a call may keep a tensor somewhere: `rows.append(output)`."""
        if not isinstance(call.func, cst.Attribute) or call.func.attr.value not in _KEEPERS:
            return False
        return any(not is_plain(self.module, arg.value) for arg in call.args)

    def _changed_in_place_afterwards(self) -> str | None:
        if self.function is None or self.guard.is_decorator:
            return None
        for name, values in assigned_names(self.module, self.body).items():
            if all_plain(self.module, values):
                continue
            for node in self.module.nodes(cst.AugAssign, within=self.function):
                if _writes(node.target, name) and self._is_results(node, name):
                    return f"{name} is changed in place after the block, which raises on inference tensors"
            for use in self._uses(name):
                change = self._in_place(use)
                if change:
                    return f"{name} is changed in place after the block ({change}), which raises on inference tensors"
        return None

    def _is_results(self, change: cst.CSTNode, name: str) -> bool:
        """Return whether a change after the block still works on the block's value."""
        if not self.module.is_after(change, self.body):
            return False
        for assign in self.module.nodes(cst.Assign, within=self.function):
            if self.module.is_after(assign, self.body) and self.module.is_after(change, assign):
                if any(_writes(t.target, name) and isinstance(t.target, cst.Name) for t in assign.targets):
                    return False
        return True

    def _in_place(self, use: cst.Name) -> str | None:
        """Return how a use changes its value in place, or None."""
        node: cst.CSTNode = use
        for parent in self.module.parents(use):
            if isinstance(parent, cst.Subscript) and parent.value is node:
                target = self.module.parent(parent)
                if isinstance(target, cst.AssignTarget):
                    return self.module.code(parent)
            if isinstance(parent, cst.Attribute) and parent.value is node:
                call = self.module.parent(parent)
                if isinstance(call, cst.Call) and call.func is parent and _IN_PLACE.fullmatch(parent.attr.value):
                    return parent.attr.value
                return None
            if not isinstance(parent, cst.Subscript):
                return None
            node = parent
        return None


def _writes(target: cst.CSTNode, name: str) -> bool:
    while isinstance(target, cst.Subscript):
        target = target.value
    return isinstance(target, cst.Name) and target.value == name
