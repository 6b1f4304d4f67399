"""Which calls hold the event loop up, and which do not."""

import textwrap

import pytest

from pytest_cpuperf.static.file_check import check_source
from pytest_cpuperf.static.fixing import fix_source
from pytest_cpuperf.static.rules import all_rules

RULES = [r for r in all_rules() if r.code == "CPU405"]
LIBRARY = "import torch, onnxruntime\n"


def verdicts(source, library=LIBRARY):
    data = (library + textwrap.dedent(source)).encode()
    quick, plain = (check_source(data, "a.py", RULES, thorough=thorough) for thorough in (False, True))
    assert quick.findings == plain.findings
    return [f.message for f in plain.findings], " ".join(s.because for s in plain.silenced)


OTHERS = """
async def own(x):
    await model.predict(x)
def tokens(x):
    for token in model.generate(x):
        yield token
def streamed(x):
    def inner():
        yield model(x)
    return Response(inner())
"""


def handler(body):
    return '@app.post("/x")\nasync def f(x, loop):\n' + textwrap.indent(body, "    ")


@pytest.mark.parametrize(
    "body",
    [
        "return model(x)",
        "return {'answer': model.encode(x.texts).tolist()}",
        "out = session.run(None, {'x': x})",
        "out = session.run(['logits'], {'x': x})",
        "with torch.inference_mode():\n    y = self.model.generate(x)",
        "for token in model.generate(x):\n    await x.send(token)",
        "data = await x.json()\nreturn classifier(data)",
        "return await x.send(model.predict(x))",
        "text, _ = model.chat(x)",
        "return helper(x)",
        "for token in tokens(x): await x.send(token)",
        "return next(tokens(x))",
    ],
)
def test_reported_in_a_handler(body):
    found, told = verdicts(handler(body) + "\ndef helper(x):\n    return model(x)\n" + OTHERS)
    assert len(found) == 1, told


@pytest.mark.parametrize(
    "source",
    [
        'class A:\n    @app.websocket("/ws")\n    async def ws(self, socket):\n        model(1)',
        "@serve.deployment\nclass A:\n    async def __call__(self, request):\n        return self.model(request)",
        "async def work(x):\n    return model(x)\n" + handler("return await work(x)"),
        "from fastapi import Request\nasync def work(request: Request):\n    return model(request)",
        "from jina import requests\nclass A:\n    @requests\n    async def a(self, x):\n        self.model(x)",
        "import discord\n@bot.event\nasync def on_message(m):\n    model.generate(m)",
    ],
)
def test_reported_in_whatever_answers_requests(source):
    found, told = verdicts(source)
    assert len(found) == 1, told


READER = """
class Reader:
    def __init__(self):
        self.predictor, self.size = load()
    def __call__(self, x):
        return self.read(x)
    def read(self, x):
        return self.predictor.run(None, {"x": x})
app.ctx.reader = Reader()
"""


@pytest.mark.parametrize(
    ("made", "body"),
    [
        ("sess = onnxruntime.InferenceSession(p)", "sess.run(names, x)"),
        ("encoder = onnxruntime.InferenceSession(p)", "encoder.run(names, x)"),
        ("session = (\n    onnxruntime.InferenceSession(p)\n)", "session.run(names, x)"),
        ("def load():\n    return onnxruntime.InferenceSession(p)\nsession = load()", "session.run(names, x)"),
        ("session: onnxruntime.InferenceSession | None = None", "session.run(names, x)"),
        ("class A:\n    def __init__(self, s: onnxruntime.InferenceSession): self.session = s", "a.s.run(names, x)"),
        ("names = [o.name for o in session.get_outputs()]", "session.run(names, x)"),
        ("", "session.run(output_names=names, input_feed=x)"),
        ("", "session.run([o.name for o in outputs], x)"),
        ("", "sessions[x.name].run(None, x)"),
        ("", "session.run_with_iobinding(x)"),
        ("from vllm_like import x\nllm = Llm()", "llm.generate(x)"),
        ("import diffusers\npainter = diffusers.DiffusionThing(p)", "painter.generate_image(x)"),
        ("import llama_cpp\ndef load():\n    return llama_cpp.Llama(p)\nwriter = load()", "writer.generate_text(x)"),
        ("", "classifier.predict_labels(x)"),
        ("", "service.transcribe(x)"),
        ("", "self.predictor.run(None, {'x': x})"),
        ("def classify(x):\n    return session.run(None, {'x': x})[0]", "classify(x)"),
        ("def load():\n    return onnxruntime.InferenceSession(p), 8\n" + READER, "app.ctx.reader(x)"),
        ("serve(net=AudioClient.SHARED)", "net = torch.jit.load(p)\nreturn net.transcribe(x)"),
        ("from audio import infer", "with torch.no_grad():\n    infer(text=x)"),
        ("from lab import evaluate_on\nnet = torch.nn.Linear(1, 1)", "evaluate_on(net, x)"),
    ],
)
def test_reported_where_the_file_shows_a_model_or_a_session(made, body):
    found, told = verdicts(made + "\n" + handler(body))
    assert len(found) == 1, told


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("return reports.generate_pdf(x)", "what it is called on is a model"),
        ("return qr.generate_image(x)", "what it is called on is a model"),
        ("return invoices.generate(x)", "what it is called on is a model"),
        ("return x.name.translate(table)", "what it is called on is a model"),
        ("return prices.predict_for(x)", "what it is called on is a model"),
        ("net = onnxruntime.thing(x)\nreturn (report or letter).generate(x)", "what it is called on is a model"),
        ("validate_options(x, service_policy)", "what it is handed is a model"),
        ("return registry.list_models()", "it is given nothing"),
        ("return prepare(x)", "not seen to run a model itself"),
        ("return helper(x)", "not seen to run a model itself"),
        ("return session.run(query, {'x': x})", "nothing shows that the session is onnxruntime's"),
        ("return session.run(cypher)", "the session is not onnxruntime's"),
        ("return session.run('MATCH (n) RETURN n', {'x': x})", "the session is not onnxruntime's"),
        ("return self.session.run(query, x=x)", "the session is not onnxruntime's"),
    ],
)
def test_silent_where_no_model_or_session_is_shown(body, reason):
    helper = "def helper(x):\n    return reports.generate_pdf(x)\n"
    helper += "def prepare(x):\n    validate_options(x, service_policy)\n    subprocess.run(['ls'], x)\n    return x\n"
    found, told = verdicts("import subprocess\nfrom neo4j import GraphDatabase\n" + handler(body) + "\n" + helper)
    assert found == []
    assert reason in told


def test_a_file_may_have_sessions_of_both_kinds():
    body = "with driver.session() as session:\n    session.run(query, {'x': x})\nreturn self.session.run(names, feed)"
    found, told = verdicts("session = onnxruntime.InferenceSession(p)\n" + handler(body))
    assert len(found) == 1
    assert "self.session.run" in found[0]
    assert "not onnxruntime's" in told


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("return await model.predict(x)", "it is awaited"),
        ("return await asyncio.gather(model.predict(x), model.predict(x))", "handed to gather"),
        ("async for t in model.generate(x): print(t)", "async for"),
        ("g = model.generate(x)\nasync for t in g: print(t)", "async for"),
        ("g = model.generate_stream(x)\nreturn StreamingResponse(g)", "async for"),
        ("async with model.predict(x) as y: pass", "async with"),
        ("await loop.run_in_executor(None, lambda: model(x))", "a lambda"),
        ("def work(): return model(x)\nawait to_thread(work)", "it stands in work"),
        ("return openai_client.embed(x)", "a client of another service"),
        ("net = torch.jit.load(x)\nnet = ModelClient()\nreturn net.transcribe(x)", "a client of another service"),
        ("engine = AsyncEngine()\nreturn engine.generate(x)", "a client of another service"),
        ("return own(x)", "it is asynchronous itself"),
        ("return stored_model.model_dump(exclude_unset=x)", "called like a model"),
        ("net.hset(x, mapping=x)", "called like a model"),
        ("return StreamingResponse(tokens(x))", "handed to StreamingResponse"),
        ("made = tokens(x)\nreturn Response(made)", "makes a generator"),
        ("return streamed(x)", "not seen to run a model itself"),
        ("id = model.generate_id()\nreturn net.parse(x)", "called like a model"),
    ],
)
def test_silent_with_the_reason(body, reason):
    found, told = verdicts(handler(body) + OTHERS)
    assert found == []
    assert reason in told


def test_silent_where_no_handler_or_no_library_is_seen():
    assert verdicts("async def main():\n    model(1)") == ([], "no handler is seen to call the function it stands in")
    assert verdicts(handler("model(x)"), library='"""Not torch."""\n') == (
        [],
        "no library that runs models in this process is imported",
    )


def unsafely_fixed(source):
    return fix_source(source.encode(), "a.py", RULES, unsafe=True)[0].decode()


FASTAPI = "import asyncio, torch, fastapi\nfrom asyncio import get_running_loop as running\nlock = asyncio.Lock()\n"
BESIDE = """
def log(x):
    asyncio.get_event_loop().call_soon(print, x)
"""


def test_a_route_that_awaits_nothing_becomes_a_plain_function():
    source = FASTAPI + handler("return model(x)") + BESIDE + "\ndef f_other(x):\n    return other.f(x, f=1)\n"
    assert unsafely_fixed(source) == source.replace("async def", "def")


@pytest.mark.parametrize(
    "body",
    [
        "await x.read()\nreturn model(x)",
        "asyncio.create_task(notify(x))\nreturn model(x)",
        "running().call_soon(print)\nreturn model(x)",
        "loop.create_task(notify(x))\nreturn model(x)",
        "if lock.locked():\n    return None\nreturn model(x)",
        "log(x)\nreturn model(x)",
    ],
)
def test_a_route_that_uses_the_event_loop_stays_asynchronous(body):
    source = FASTAPI + handler(body) + BESIDE
    assert verdicts(source)[0]
    assert unsafely_fixed(source) == source


@pytest.mark.parametrize(
    "use",
    [
        "async def g(x):\n    return await f(x, None)",
        "def test():\n    assert asyncio.run(f(1, None))",
        "HANDLERS = [f]",
    ],
)
def test_a_route_that_is_named_elsewhere_stays_asynchronous(use):
    source = FASTAPI + handler("return model(x)") + "\n" + use + "\n"
    assert verdicts(source)[0]
    assert unsafely_fixed(source) == source


def test_a_route_with_another_decorator_stays_asynchronous():
    source = FASTAPI + handler("return model(x)").replace("async", "@retried\nasync") + "\n"
    assert verdicts(source)[0]
    assert unsafely_fixed(source) == source
