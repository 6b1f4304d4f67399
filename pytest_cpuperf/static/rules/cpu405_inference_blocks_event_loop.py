"""CPU405 inference-blocks-event-loop."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_cpuperf.static.rules.base import Mend, PythonRule, Report, Silence
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import dotted, last_name
from pytest_cpuperf.static.source.outline import Chunk
from pytest_cpuperf.static.torch_code.handlers import Handlers, packages, with_callers
from pytest_cpuperf.static.torch_code.held_models import runs_a_model
from pytest_cpuperf.static.torch_code.model_calls import ELSEWHERE, ModelCalls
from pytest_cpuperf.static.torch_code.modules import module_names
from pytest_cpuperf.static.torch_code.screening import may_run_model
from pytest_cpuperf.static.torch_code.vocabulary import is_model_name

# Packages that run models in the process that calls them.
_LOCAL = frozenset(
    (
        *(
            "torch",
            "transformers",
            "sentence_transformers",
            "onnxruntime",
            "optimum",
            "diffusers",
            "torchvision",
            "timm",
        ),
        *("whisper", "faster_whisper", "whisperx", "fastembed", "FlagEmbedding", "ultralytics", "easyocr", "paddleocr"),
        *(
            "llama_cpp",
            "ctranslate2",
            "openvino",
            "open_clip",
            "clip",
            "TTS",
            "speechbrain",
            "funasr",
            "stanza",
            "flair",
        ),
        *("gliner", "keybert", "setfit", "peft", "tensorflow", "keras", "insightface", "rapidocr", "surya", "kokoro"),
        *("rapidocr_onnxruntime", "docling", "InstructorEmbedding", "tf_keras", "rembg", "deepface", "demucs"),
    )
)
# What speaks to a model elsewhere, or is asynchronous itself, by what it is made from or how it is named.
_REMOTE = re.compile(
    r"(?i)client|openai|anthropic|genai|generativemodel|(?<![a-z])async|http|remote|grpc|triton"
    r"|parser|endpoint|\bapi\b|handle\b|proxy|queue|agent|chain\b|\bllm_?chain|langchain|invoke|ollama"
)
# Functions that are given coroutines, or generators that they run in threads.
_TAKES_COROUTINES = frozenset(
    (
        *("gather", "create_task", "ensure_future", "wait_for", "shield", "run_coroutine_threadsafe", "as_completed"),
        *(
            "iterate_in_threadpool",
            "StreamingResponse",
            "EventSourceResponse",
            "start_soon",
            "run",
            "run_until_complete",
        ),
    )
)
_USES_UP = frozenset({"next", "list", "tuple", "sum", "join", "enumerate", "sorted", "deque"})
_MAKES = re.compile(
    r"_*(?:get|load|build|create|init\w*|make|warm_?up|setup)_?(?:\w*(?:model|pipeline|session|engine)s?)?$"
)
_AWAITS = re.compile(r"\bawait\b|\basync\s+(?:for|with)\b")
_RUNS_SESSION = re.compile(r"\.\s*run\s*\(\s*(?:None|\[)")
_THREADED_FRAMEWORKS = frozenset({"fastapi", "starlette"})
_ROUTE_VERBS = frozenset({"get", "post", "put", "patch", "delete", "api_route", "route"})


class InferenceBlocksEventLoop(PythonRule):
    """A model run directly in an `async def` handler.

    ## What it does
    Finds, in `async def` functions that answer requests or are called by such, calls that run a model in this process
    (a module called, `.generate`, `.encode`, `.predict`, a pipeline, `session.run`, a function of the file that does
    one of these), where the file imports a library that runs models locally.

    ## Why is this bad?
    An event loop runs one thing at a time. While the model computes, no other request is read, answered or even
    refused: health checks time out, batches never fill, and the server's concurrency is one.

    ## Example
    ```python
    @app.post("/embed")
    async def embed(body: Texts):
        return model.encode(body.texts).tolist()
    ```

    ## Use instead
    ```python
    @app.post("/embed")
    def embed(body: Texts):  # FastAPI and Starlette run it in a thread
        return model.encode(body.texts).tolist()
    ```

    or `await asyncio.to_thread(model.encode, texts)`, with a limit on how many run at once.

    ## Fix safety
    Unsafe: the handler of a FastAPI or Starlette application that awaits nothing becomes a plain function, which runs
    in a thread: requests then run at the same time, and what they share must bear it.

    ## When it stays silent
    Where the call is awaited, gathered or iterated with `async for`; where it stands in a function or lambda that an
    executor may be given; where the model is a client of another service; where no library that runs models is
    imported; and in `async def` functions that no handler of the file is seen to call.

    ## References
    https://fastapi.tiangolo.com/async/
    https://docs.python.org/3/library/asyncio-dev.html#running-blocking-code
    """

    code = "CPU405"
    name = "inference-blocks-event-loop"
    heuristic = None
    trigger = (b"async def",)
    live = r"async[ \t]+def\b"

    def may_concern(self, data: bytes) -> bool:
        """A file that names no library which runs models has nothing to report."""
        return super().may_concern(data) and any(name.encode() in data for name in _LOCAL)

    def cannot_report(self, chunk: Chunk, facts: Facts) -> bool:
        """A function that runs no model has nothing to report."""
        if _LOCAL.isdisjoint(packages(facts)):
            return True
        return not (_RUNS_SESSION.search(chunk.code) or may_run_model(chunk, facts))

    def needed(self, chunks: set[Chunk], facts: Facts) -> set[Chunk]:
        """The functions that call them, and those that they call."""
        return facts.outline.closure(with_callers(chunks, facts))

    VALID = (
        """
        import asyncio, torch
        @app.post("/predict")
        def predict(x):
            return model(x)
        @app.post("/other")
        async def other(x, loop):
            await loop.run_in_executor(None, model.predict, x)
            await loop.run_in_executor(None, lambda: model(x))
            def work():
                return model(x)
            return await asyncio.to_thread(work)
        @app.post("/engine")
        async def engine(x):
            async for token in model.generate(x):
                print(token)
            return await model.predict(x)
        async def main(x):
            return model(x)
        """,
        """
        from openai import AsyncOpenAI
        @app.post("/predict")
        async def predict(x):
            return client.models.generate(x)
        """,
    )
    INVALID = (
        """
        import torch, onnxruntime as ort
        from sentence_transformers import SentenceTransformer
        encoder = SentenceTransformer("m")
        session = ort.InferenceSession("m.onnx", options)
        @app.post("/embed")
        async def embed(x):
            return encoder.encode(x).tolist()  # <-
        @app.post("/run")
        async def run(x):
            return session.run(None, {"x": x})  # <-
        def forward(x):
            with torch.inference_mode():
                return model(x)
        async def later(x):
            return forward(x)  # <-
        @app.post("/later")
        async def route(x):
            return await later(x)
        """,
    )
    FIXED = (
        (
            'import torch, fastapi\n@app.post("/a")\nasync def a(x):\n    return model(x)\n',
            'import torch, fastapi\n@app.post("/a")\ndef a(x):\n    return model(x)\n',
        ),
    )

    def check(self, module: Module) -> Iterator[Report | Silence]:
        """Judge each call in an asynchronous function that runs a model."""
        local = not _LOCAL.isdisjoint(packages(module.facts))
        handlers, calls = Handlers(module), ModelCalls(module)
        reported: list[cst.Call] = []
        for function in module.nodes(cst.FunctionDef):
            if function.asynchronous is None:
                continue
            for call in module.nodes(cst.Call, within=function.body):
                if not (calls.runs_model(call) or _runs_session(module, call)):
                    continue
                if any(module.is_inside(call, other) for other in reported):
                    continue  # `model.encode(model.prepare(x))` is one place
                because = _silent_because(module, handlers, calls, function, call, local)
                if because:
                    yield Silence(call, because)
                    continue
                reported.append(call)
                message = f"{module.code(call.func)} runs in the event loop: every other request waits for it"
                yield Report(
                    call,
                    message,
                    "run it in a thread, or write the handler with def",
                    _mend(module, handlers, function),
                )


def _silent_because(
    module: Module, handlers: Handlers, calls: ModelCalls, function: cst.FunctionDef, call: cst.Call, local: bool
) -> str | None:
    if not local:
        return "no library that runs models in this process is imported"
    node: cst.CSTNode = call
    is_argument = False
    for parent in module.parents(call):
        is_argument = is_argument or isinstance(parent, cst.Arg)
        if isinstance(parent, cst.Await) and node is parent.expression and not is_argument:
            return "it is awaited"
        if isinstance(parent, (cst.For, cst.CompFor)) and parent.asynchronous is not None and node is parent.iter:
            return "its results come by async for"
        if isinstance(parent, cst.With) and parent.asynchronous is not None and not module.is_inside(call, parent.body):
            return "it is entered by async with"
        if isinstance(parent, cst.Call) and last_name(parent.func) in _TAKES_COROUTINES | ELSEWHERE:
            return f"it is handed to {last_name(parent.func)}"
        if isinstance(parent, cst.Lambda):
            return "it stands in a lambda, which a thread may run"
        if isinstance(parent, cst.FunctionDef):
            if parent is not function:
                return f"it stands in {parent.name.value}, which a thread may run"
            break
        node = parent
    targets = calls.helpers(call)
    if targets and all(target.asynchronous is not None for target in targets):
        return "it is asynchronous itself"
    if targets and not any(_runs_at_once(module, calls, target) for target in targets):
        return "the function that it calls runs the model in another"
    if targets and all(_is_generator(module, target) for target in targets) and not _is_gone_over(module, call):
        return "it makes a generator, which is gone over elsewhere"
    if _MAKES.match(last_name(call.func) or ""):
        return "it loads a model, or makes one"
    if not targets and not _is_surely_a_run(module, call):
        return "nothing shows that it is more than a method of something called like a model"
    if _is_remote(module, call):
        return "what is called may be a client of another service, or asynchronous"
    if _iterated_later(module, function, call):
        return "its results come by async for, or are handed to what runs them in a thread"
    if handlers.handler_reaching(function) is None:
        return "no handler is seen to call the function it stands in"
    return None


def _runs_at_once(module: Module, calls: ModelCalls, function: cst.FunctionDef, depth: int = 4) -> bool:
    """Return whether calling a function runs a model, not only a function within it that something else may call."""
    for call in module.nodes(cst.Call, within=function.body):
        if module.function_of(call) is not function:
            continue
        targets = calls.helpers(call)
        if targets and depth:
            if any(
                (not _is_generator(module, target) or _is_gone_over(module, call))
                and _runs_at_once(module, calls, target, depth - 1)
                for target in targets
                if target is not function
            ):
                return True
        elif calls.runs_model(call) or _runs_session(module, call):
            return True
    return False


def _is_generator(module: Module, function: cst.FunctionDef) -> bool:
    return any(module.function_of(y) is function for y in module.nodes(cst.Yield, within=function.body))


def _is_gone_over(module: Module, call: cst.Call) -> bool:
    """Return whether a generator is used up where it is made: by a loop, `next`, `list` and their like."""
    parent = next(iter(module.parents(call)), None)
    if isinstance(parent, (cst.For, cst.CompFor)):
        return parent.iter is call
    if isinstance(parent, cst.Arg):
        taker = module.parent(parent)
        return isinstance(taker, cst.Call) and last_name(taker.func) in _USES_UP
    return False


def _runs_session(module: Module, call: cst.Call) -> bool:
    """Return whether a call is `session.run(None, {…})` of onnxruntime."""
    if not isinstance(call.func, cst.Attribute) or call.func.attr.value not in ("run", "run_with_iobinding"):
        return False
    receiver = last_name(call.func.value) or ""
    if "session" in receiver.lower() or receiver.lower() in ("sess", "ort_sess"):
        return "onnxruntime" in packages(module.facts)
    return "InferenceSession" in module.facts.made_from(receiver)


def _is_surely_a_run(module: Module, call: cst.Call) -> bool:
    """Return whether a method is named as those that run models, or is one of what the file made or loaded as one."""
    function = call.func
    if not isinstance(function, cst.Attribute) or _runs_session(module, call):
        return True
    method, receiver = function.attr.value, last_name(function.value) or ""
    return runs_a_model(method) or is_model_name(method) or receiver in module_names(module.facts)


def _is_remote(module: Module, call: cst.Call) -> bool:
    function = call.func
    name = dotted(function) or module.code(function)
    first = name.split(".")[1] if name.startswith("self.") and name.count(".") > 1 else name.split(".")[0]
    return _REMOTE.search(name) is not None or _REMOTE.search(module.facts.made_from(first).split("(")[0]) is not None


def _iterated_later(module: Module, function: cst.FunctionDef, call: cst.Call) -> bool:
    """Return whether what a call returns is kept, and awaited, iterated with `async for` or handed on later."""
    assign = next((p for p in module.parents(call) if isinstance(p, (cst.Assign, cst.AnnAssign))), None)
    if assign is None or assign.value is not call:
        return False
    targets = [t.target for t in assign.targets] if isinstance(assign, cst.Assign) else [assign.target]
    names = {name for t in targets if (name := dotted(t))}
    for loop in module.nodes(cst.For, within=function.body):
        if loop.asynchronous is not None and dotted(loop.iter) in names:
            return True
    if any(dotted(wait.expression) in names for wait in module.nodes(cst.Await, within=function.body)):
        return True
    if "stream" not in (last_name(call.func) or "").lower():
        return False
    return any(
        last_name(taker.func) in _TAKES_COROUTINES and any(dotted(a.value) in names for a in taker.args)
        for taker in module.nodes(cst.Call, within=function.body)
    )


def _mend(module: Module, handlers: Handlers, function: cst.FunctionDef) -> Mend | None:
    """Return the fix: a route of FastAPI or Starlette that awaits nothing becomes a plain function."""
    if _THREADED_FRAMEWORKS.isdisjoint(packages(module.facts)) or module.class_of(function) is not None:
        return None
    if not any(last_name(d.decorator) in _ROUTE_VERBS for d in function.decorators):
        return None
    if _AWAITS.search(module.code(function.body)) or function.asynchronous is None:
        return None
    word = module.position(function.asynchronous)
    head = re.match(r"async[ \t]+", module.code(function))
    if head is None:
        return None
    place = word._replace(end_column=word.column + head.end())
    return Mend("unsafe", "let the framework run the handler in a thread", ((place, ""),))
