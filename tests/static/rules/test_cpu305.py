"""Where spinning threads are in the way of other work."""

import textwrap

import pytest

from pytest_cpuperf.static.file_check import check_source
from pytest_cpuperf.static.rules import all_rules

RULES = [r for r in all_rules() if r.code == "CPU305"]


def verdicts(source):
    data = ("import onnxruntime as ort, torch, numpy as np\n" + textwrap.dedent(source)).encode()
    quick, plain = (check_source(data, "a.py", RULES, thorough=thorough) for thorough in (False, True))
    assert quick.findings == plain.findings
    return [f.message for f in plain.findings], " ".join(s.because for s in plain.silenced)


LOAD = "def load(p):\n    s = ort.InferenceSession(p)\n    return s, s.get_inputs()\n"
ONE_EACH = """
class A:
    def __init__(self): self.s = ort.InferenceSession('a')
class B:
    def __init__(self): self.t = ort.InferenceSession('a')
"""
WITHIN = """
class A:
    def __init__(self):
        one = ort.SessionOptions()
        {}
        def load(p):
            return ort.InferenceSession(p, one)
        self.a = load('a')
        self.b = load('b')
"""


@pytest.mark.parametrize(
    ("source", "beside"),
    [
        ("a = ort.InferenceSession('a')\nb = ort.InferenceSession('b')", "2 sessions"),
        ("sessions = [ort.InferenceSession(p) for p in paths]", "several sessions"),
        ("sessions = [(p, ort.InferenceSession(p)) for p in paths]", "several sessions"),
        ("sessions = {p: Model(ort.InferenceSession(p)) for p in paths}", "several sessions"),
        ("for p in paths:\n    s = ort.InferenceSession(p)\n    s.run(None, x)\n    all.append(s)", "several"),
        ("for p in paths:\n    s = ort.InferenceSession(p)\n    all[p] = Model(s)", "several sessions"),
        ("sessions = {}\nfor p in paths:\n    sessions[p] = ort.InferenceSession(p)", "several sessions"),
        ("s = ort.InferenceSession('a')\ndef f(x):\n    return torch.matmul(x, s.run(None, x)[0])", "torch"),
        ("s = ort.InferenceSession('a')\ndef f(x):\n    return np.matmul(x, s.run(None, x)[0])", "numpy"),
        ("s = ort.InferenceSession('a')\ndef f(x):\n    return np.dot(s.run(None, x)[0], table.T)", "numpy"),
        ("net = ort.InferenceSession('a')\ndef f(x):\n    return np.matmul(x, net.run(names, x)[0])", "numpy"),
        ("s = ort.InferenceSession('a')\ndef f(x):\n    return np.matmul(x, other.run(None, x)[0])", "numpy"),
        ("sessions = [ort.InferenceSession('a'), ort.InferenceSession('b')]", "2 sessions"),
        ("a, b = ort.InferenceSession('a'), ort.InferenceSession('b')", "2 sessions"),
        (
            "def load():\n    a = ort.InferenceSession('a')\n    b = ort.InferenceSession('b')\n    return a, b",
            "2 sessions",
        ),
        (f"{LOAD}encoder, decoder = load('a'), load('b')", "2 sessions"),
        (
            f"{LOAD}class A:\n    def __init__(self):\n        self.a = load('a')\n        self.b = load('b')",
            "2 sessions",
        ),
        (f"{LOAD}for p in paths:\n    all.append(load(p))", "several sessions"),
        (
            f"{LOAD}class A:\n    def __init__(self):\n        for n in names:\n            setattr(self, n, load(n))",
            "several",
        ),
        (WITHIN.format("one.log_severity_level = 3"), "2 sessions"),
        (WITHIN.format("one.intra_op_num_threads = os.cpu_count() or 4"), "2 sessions"),
        (f"{ONE_EACH}class Both:\n    def __init__(self):\n        self.a, self.b = A(), B()", "2 sessions"),
        (
            "s = ort.InferenceSession('a')\ndef stft(x):\n    return torch.stft(x, 8)\n"
            "def f(x):\n    return s.run(None, stft(x))",
            "torch",
        ),
    ],
)
def test_reported_beside_other_work(source, beside):
    found, told = verdicts(source)
    assert found, told
    assert all(beside in message for message in found)


QUIET = """
o = ort.SessionOptions()
{}
a, b = ort.InferenceSession("a", o), ort.InferenceSession("b", o)
c = ort.InferenceSession("c", o)
"""


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ('o.add_session_config_entry("session.intra_op.allow_spinning", "0")', "a session entry for spinning"),
        ('o.add_session_config_entry("session.force_spinning_stop", "1")', "a session entry for spinning"),
        ("o.add_session_config_entry(key, value)", "a session entry for spinning"),
        ("o.intra_op_num_threads = 1", "intra_op_num_threads = 1"),
        ("o.intra_op_num_threads = n", "intra_op_num_threads, which may be 1"),
        ("configure(o)", "handed to configure"),
        ("o = make()", "come from elsewhere"),
    ],
)
def test_silent_where_spinning_may_be_off(setting, reason):
    found, told = verdicts(QUIET.format(setting))
    assert found == []
    assert reason in told


@pytest.mark.parametrize(
    "source",
    [
        "s = ort.InferenceSession('a')\ndef f(x):\n    y = s.run(None, x)[0]\n    return y / np.linalg.norm(y)",
        "y = [ort.InferenceSession(p).run(None, x) for p in paths]",
        "y = {p: measure(ort.InferenceSession(p)) for p in paths}",
        "a = ort.InferenceSession('a').run(None, x)\nb = ort.InferenceSession('b').run(None, x)",
        "for p in paths:\n    s = ort.InferenceSession(p)\n    results.append(s.run(None, x))",
        "for p in paths:\n    s = ort.InferenceSession(p)\n    results[p] = s.run(None, x)",
        "s = ort.InferenceSession('a')\ndef f(x):\n    subprocess.run(['ls'])\n    return np.matmul(x, x)",
        "s = ort.InferenceSession('a')\ndef f(x):\n    uvicorn.run(app)\n    return torch.matmul(x, x)",
        "s = ort.InferenceSession('a')\ndef f(x):\n    asyncio.run(g())\n    self.run(x)\n    return np.matmul(x, x)",
        "s = ort.InferenceSession('a')\ndef f(x, y):\n    return np.dot(s.run(None, x)[0][0], y) / norm(y)",
        "s = ort.InferenceSession('a')\ndef f(x):\n    return np.linalg.inv(pose(s.run(None, x)))",
        "if gpu:\n    s = ort.InferenceSession('a')\nelse:\n    s = ort.InferenceSession('b')",
        ONE_EACH,
        f"{LOAD}a = load('a')",
        "class A:\n    def load(self):\n        s = ort.InferenceSession('b')\n        return s\n"
        "    def f(self):\n        try:\n            self.s = ort.InferenceSession('a')\n"
        "        except OSError:\n            self.s = self.load()",
        f"{ONE_EACH}if gpu:\n    a = A()\nelse:\n    a = B()",
    ],
)
def test_silent_where_one_session_has_the_machine(source):
    found, told = verdicts(source)
    assert found == []
    assert "nothing is seen to compute beside it" in told
