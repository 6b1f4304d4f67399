"""Which sessions are kept, and which are built anew for each request."""

import textwrap

import pytest

from pytest_cpuperf.static.file_check import check_source
from pytest_cpuperf.static.rules import all_rules

RULES = [r for r in all_rules() if r.code == "CPU303"]
BUILT = 'ort.InferenceSession("m.onnx", options)'


def verdicts(source):
    data = ("import onnxruntime as ort\n" + textwrap.dedent(source)).encode()
    quick, plain = (check_source(data, "a.py", RULES, thorough=thorough) for thorough in (False, True))
    assert quick.findings == plain.findings
    return [f.message for f in plain.findings], " ".join(s.because for s in plain.silenced)


@pytest.mark.parametrize(
    "body",
    [
        f"if self.session is None: self.session = {BUILT}",
        f"if self.session is not None: return self.session.run(None, x)\nself.session = {BUILT}",
        f"if 'm' in CACHE: return CACHE['m'].run(None, x)\nCACHE['m'] = {BUILT}",
        f"if (s := CACHE.get('m')) is None: s = CACHE['m'] = {BUILT}",
        f"if self.ready is False:\n    self.session = {BUILT}\n    self.ready = True",
        f"self.session = self.session or {BUILT}",
        f"if self.session: pass\nelse: self.session = {BUILT}",
        f"try: s = self._session\nexcept AttributeError: s = self._session = {BUILT}",
        f"global SESSION\nif SESSION is None:\n    made = {BUILT}\n    SESSION = made",
        f"if not hasattr(self, 'session'): setattr(self, 'session', {BUILT})",
        f"if not self.pool: self.pool.append({BUILT})",
        f"if self.runner is None: self.runner = Runner({BUILT})",
    ],
)
def test_what_is_kept_and_asked_for_first_is_silent(body):
    source = "class Service:\n    def predict(self, x, options):\n" + textwrap.indent(body, " " * 8)
    assert verdicts(source) == ([], "it is built once and kept")


@pytest.mark.parametrize(
    "body",
    [
        f"return {BUILT}.run(None, x)",
        f"self.session = {BUILT}\nreturn self.session.run(None, x)",
        f"if self.session is None: self.answer = {BUILT}.run(None, x)",
        f"if x is None: return []\ns = {BUILT}\nreturn s.run(None, x)",
    ],
)
def test_what_is_thrown_away_or_not_asked_for_is_reported(body):
    source = "class Service:\n    def predict(self, x, options):\n" + textwrap.indent(body, " " * 8)
    assert verdicts(source)[0] == ["the session is built anew in each call of predict"]


@pytest.mark.parametrize(
    ("loop", "reason"),
    [
        (f"for _ in range(3):\n    try: return {BUILT}\n    except RuntimeError: pass", "the loop ends"),
        (
            f"for _ in range(3):\n    try:\n        s = {BUILT}\n        break\n    except RuntimeError: pass",
            "the loop ends",
        ),
        ("for p in paths:\n    full = base / p\n    s = ort.InferenceSession(str(full), options)", "another session"),
        (f"for n in names:\n    made[n] = {BUILT}", "each turn's session is kept"),
        (f"while True:\n    s = {BUILT}", "built again on purpose"),
    ],
)
def test_loops_that_end_or_keep_or_build_others_are_silent(loop, reason):
    found, told = verdicts("def f(options, paths, base, names, made):\n" + textwrap.indent(loop, "    "))
    assert found == []
    assert reason in told


def test_a_loop_that_throws_its_session_away_is_reported():
    found, _ = verdicts(f"""
        def f(options, batches):
            for batch in batches:
                s = {BUILT}
                print(s.run(None, batch))
        """)
    assert found == ["the session is built anew in each turn of the loop"]


@pytest.mark.parametrize(
    "handler",
    [
        "from flask_restful import Resource\nclass A(Resource):\n  def post(self): BODY",
        "from flask.views import MethodView\nclass A(MethodView):\n  def get(self): BODY",
        "from django.views import View\nclass A(View):\n  async def get(self, request): BODY",
        "from rest_framework.views import APIView\nclass B(APIView): 0\nclass A(B):\n  def post(self, request): BODY",
        "from celery import shared_task\n@shared_task\ndef a(x): BODY",
        "from celery import Celery\napp = Celery()\n@app.task(bind=True)\ndef a(self, x): BODY",
        "@router.api_route('/p', methods=['POST'])\ndef a(x): BODY",
        "from litestar import get\n@get('/p')\ndef a(x): BODY",
        "class TritonPythonModel:\n  def execute(self, requests): BODY",
        "def lambda_handler(event, context): BODY",
        "def predict_fn(data, model): BODY",
        "import bentoml\nclass S:\n  @bentoml.api\n  def classify(self, text): BODY",
        "import modal\nstub = modal.App('x')\n@stub.function()\ndef a(x): BODY",
        "from starlette.requests import Request\nasync def a(request: Request): BODY",
        "from starlette.routing import Route\ndef a(x): BODY\nroutes = [Route('/p', a)]",
        "import litserve as ls\nclass A(ls.LitAPI):\n  def decode_request(self, x): BODY",
        "class A(pb2_grpc.EmbedServicer):\n  def Embed(self, request, context): BODY",
        "import gradio as gr\ndef a(x): BODY\ngr.Interface(fn=a, inputs='text')",
    ],
)
def test_what_answers_requests_is_reported(handler):
    assert len(verdicts(handler.replace("BODY", f"return {BUILT}.run(None, {{}})"))[0]) == 1


@pytest.mark.parametrize(
    "function",
    [
        "def main(options): BODY",
        "@property\ndef a(options): BODY",
        "@x.setter\ndef a(options): BODY",
        "@app.task(bind=True)\ndef a(self, x): BODY",  # no package of tasks is imported
        "@pytest.fixture\ndef session(options): BODY",
    ],
)
def test_what_runs_once_for_all_that_is_known_is_silent(function):
    found, told = verdicts(function.replace("BODY", f"return {BUILT}.run(None, {{}})"))
    assert found == []
    assert "nothing shows" in told


def test_a_function_that_a_handler_calls_is_reported_unless_it_hands_the_session_on():
    found, told = verdicts(f"""
        def used(x, options):
            return {BUILT}.run(None, x)
        def made(options):
            session = {BUILT}
            return session
        @app.post("/a")
        def a(x):
            return used(x, None)
        @app.post("/b")
        def b(x):
            return made(None).run(None, x)
        """)
    assert found == ["the session is built anew for each request to a, which calls used"]
    assert "nothing shows" in told
