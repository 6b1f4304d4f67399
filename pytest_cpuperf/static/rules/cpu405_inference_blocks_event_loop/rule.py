"""A model run directly in an `async def` handler."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_cpuperf.static.rules.base import PythonRule, Report, Silence
from pytest_cpuperf.static.rules.cpu405_inference_blocks_event_loop.evidence import silent_because
from pytest_cpuperf.static.rules.cpu405_inference_blocks_event_loop.fix import mend
from pytest_cpuperf.static.rules.cpu405_inference_blocks_event_loop.runs import LOCAL, may_run, runs_at_once
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.chunks import Chunk
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.source.text import Words
from pytest_cpuperf.static.torch_code.handlers import Handlers, packages, with_callers
from pytest_cpuperf.static.torch_code.model_calls import ModelCalls
from pytest_cpuperf.static.torch_code.screening import may_run_model

_RUNS_SESSION = pattern(r"\.\s*run(?:_with_iobinding)?\s*\(")
# A function that infers, which another file may hold: a guard around it tells.
_INFERS = pattern(r"\b(?:no_grad|inference_mode)\b")


class InferenceBlocksEventLoop(PythonRule):
    """A model run directly in an `async def` handler.

    ## What it does
    Finds, in `async def` functions that answer requests or are called by such, calls that run a model in this process
    (a module called, `.generate`, `.encode`, `.predict`, a pipeline, `session.run`, a function of the file that does
    one of these, `infer(…)` under `torch.no_grad()`), where the file imports a library that runs models locally.

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

    or `await asyncio.to_thread(model.encode, texts)`.

    Either way, limit what runs at once. Plain handlers run in a pool of threads, 40 unless the application sets
    another number (AnyIO's default, which Starlette and FastAPI use). So up to 40 runs share the CPUs, and each asks
    for all the threads that torch or onnxruntime may take. Let each run have few (`torch.set_num_threads`,
    `intra_op_num_threads`), or let few run:

    ```python
    runs = threading.Semaphore(2)

    @app.post("/embed")
    def embed(body: Texts):
        with runs:
            return model.encode(body.texts).tolist()
    ```

    ## Fix safety
    Unsafe: the handler of a FastAPI or Starlette application becomes a plain function, which runs in a thread:
    requests then run at the same time, and what they share must bear it. There is no fix where the handler awaits
    something or uses the event loop, has another decorator, or is named elsewhere in the file, as it may be awaited
    there.

    ## When it stays silent
    Where the call is awaited, gathered or iterated with `async for`; where it stands in a function or lambda that an
    executor may be given; where the model is a client of another service; where nothing shows that a method is asked
    of a model (`reports.generate_pdf`), that a function is handed one (`validate_options(options, policy)`) or that a
    session is onnxruntime's (made from `InferenceSession` in the file, annotated so, or run as `run(None, …)` or
    `run([names], …)`); where no library that runs models is imported; and in `async def` functions that no handler of
    the file is seen to call.

    ## References
    https://fastapi.tiangolo.com/async/
    https://www.starlette.io/threadpool/
    https://docs.python.org/3/library/asyncio-dev.html#running-blocking-code
    """

    code = "CPU405"
    name = "inference-blocks-event-loop"
    heuristic = None
    trigger = (b"async def",)
    live = r"async[ \t]+def\b"

    def may_concern(self, words: Words) -> bool:
        """A file that names no library which runs models has nothing to report."""
        return super().may_concern(words) and any(name.encode() in words for name in LOCAL)

    def cannot_report(self, chunk: Chunk, facts: Facts) -> bool:
        """A function that runs no model has nothing to report."""
        if LOCAL.isdisjoint(packages(facts)):
            return True
        if any(_RUNS_SESSION.search(c.code) for c in facts.outline.closure([chunk])):
            return False
        return not (may_run_model(chunk, facts) or _INFERS.search(chunk.code))

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
        local = not LOCAL.isdisjoint(packages(module.facts))
        handlers, calls = Handlers(module), ModelCalls(module)
        reported: list[cst.Call] = []
        for function in module.nodes(cst.FunctionDef):
            if function.asynchronous is None:
                continue
            for call in module.nodes(cst.Call, within=function.body):
                if not (may_run(module, calls, call) or self._helps_run(module, calls, call)):
                    continue
                if any(module.is_inside(call, other) for other in reported):
                    continue  # `model.encode(model.prepare(x))` is one place
                because = silent_because(module, handlers, calls, function, call, local)
                if because:
                    yield Silence(call, because)
                    continue
                reported.append(call)
                message = f"{module.code(call.func)} runs in the event loop: every other request waits for it"
                yield Report(
                    call,
                    message,
                    "run it in a thread, or write the handler with def, and limit how many run at once",
                    mend(module, function),
                )

    @staticmethod
    def _helps_run(module: Module, calls: ModelCalls, call: cst.Call) -> bool:
        """Return whether a call goes to a function of the file that only runs a session of onnxruntime."""
        return _RUNS_SESSION.search(module.facts.code) is not None and any(
            runs_at_once(module, calls, target) for target in calls.helpers(call)
        )
