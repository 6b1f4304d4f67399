"""Which sessions CPU301 takes to run on a GPU, and which libraries build sessions."""

import textwrap

import pytest

from pytest_cpuperf.static.file_check import check_source
from pytest_cpuperf.static.rules import all_rules

RULES = [r for r in all_rules() if r.code == "CPU301"]


def verdicts(source):
    """Return the lines of findings, their messages, and what is said of each silence."""
    data = textwrap.dedent(source).encode()
    quick, plain = (check_source(data, "a.py", RULES, thorough=thorough) for thorough in (False, True))
    assert not plain.errors
    assert quick.findings == plain.findings
    told = " ".join(s.because for s in plain.silenced)
    return [f.line for f in plain.findings], " ".join(f.message for f in plain.findings), told


GPU_ONLY = {
    "a local list": """
        from onnxruntime import InferenceSession
        def f(path):
            wanted = ["TensorrtExecutionProvider", ("CUDAExecutionProvider", {"device_id": 0})]
            return InferenceSession(path, providers=wanted)
        """,
    "a constant of the file": """
        from onnxruntime import InferenceSession
        WANTED = ("CUDAExecutionProvider",)
        session = InferenceSession("m.onnx", providers=WANTED)
        """,
    "an attribute of the class": """
        from onnxruntime import InferenceSession
        class E:
            wanted = ["CUDAExecutionProvider"]
            def f(self, path):
                return InferenceSession(path, providers=self.wanted)
        """,
    "an attribute set in a method": """
        from onnxruntime import InferenceSession
        class E:
            def __init__(self):
                self.wanted = ["ROCMExecutionProvider"]
            def f(self, path):
                return InferenceSession(path, None, self.wanted)
        """,
    "a branch for a device": """
        from onnxruntime import InferenceSession
        def f(path, device, wanted):
            if device.startswith("cuda"):
                return InferenceSession(path, providers=wanted)
        """,
    "a branch for a provider": """
        from onnxruntime import InferenceSession
        def f(path, wanted):
            if wanted[0] == "CUDAExecutionProvider":
                return InferenceSession(path, providers=wanted)
        """,
}


@pytest.mark.parametrize("way", GPU_ONLY)
def test_silent_on_gpus(way):
    lines, _, told = verdicts(GPU_ONLY[way])
    assert lines == []
    assert "GPU providers only" in told


ON_THE_CPU = {
    "the other branch": """
        from onnxruntime import InferenceSession
        def f(path, device):
            if device == "cuda":
                wanted = ["CUDAExecutionProvider"]
            else:
                wanted = ["CPUExecutionProvider"]
            return InferenceSession(path, providers=wanted)
        """,
    "what there is, not what is asked for": """
        import onnxruntime
        def f(path):
            if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
                print("there is a GPU")
                return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        """,
    "a branch for anything but a GPU": """
        from onnxruntime import InferenceSession
        def f(path, device, wanted):
            if device != "cuda":
                return InferenceSession(path, providers=wanted)
        """,
    "providers that a caller chooses": """
        from onnxruntime import InferenceSession
        def f(path, wanted):
            return InferenceSession(path, providers=wanted)
        """,
}


@pytest.mark.parametrize("way", ON_THE_CPU)
def test_reported_where_it_may_run_on_the_cpu(way):
    lines, _, told = verdicts(ON_THE_CPU[way])
    assert len(lines) == 1, told


def test_spinning_without_threads_is_said():
    lines, message, _ = verdicts("""
        import onnxruntime as ort
        options = ort.SessionOptions()
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = ort.InferenceSession("m.onnx", options)
        """)
    assert lines == [5]
    assert message.startswith("spinning is set, and no thread count")


def test_libraries_that_build_sessions():
    lines, _, told = verdicts("""
        from fastembed import SparseTextEmbedding, TextEmbedding
        from optimum.onnxruntime import ORTModelForSequenceClassification as Ranker
        from sentence_transformers import CrossEncoder, SentenceTransformer
        a = TextEmbedding("m")
        b = TextEmbedding("m", threads=2)
        c = SparseTextEmbedding("m", cuda=True)
        d = TextEmbedding("m", providers=["CUDAExecutionProvider"])
        e = Ranker.from_pretrained("m")
        f = Ranker.from_pretrained("m", session_options=make())
        g = Ranker.from_pretrained("m", provider="CUDAExecutionProvider")
        h = SentenceTransformer("m", backend="onnx")
        i = CrossEncoder("m", backend="onnx", model_kwargs={"session_options": make()})
        j = SentenceTransformer("m", backend="onnx", device="cuda")
        k = SentenceTransformer("m")
        """)
    assert lines == [5, 9, 12]
    assert "threads is given" in told
    assert "session_options is given" in told


def test_a_session_of_nobody_known_is_silent_with_a_reason():
    lines, _, told = verdicts("""
        import onnxruntime
        def f(ort, path):
            return ort.thing.InferenceSession(path)
        """)
    assert lines == []
    assert "nothing shows that ort.thing.InferenceSession is onnxruntime's" in told


@pytest.mark.parametrize(
    ("setting", "lines"), [("one.log_severity_level = 3", [7]), ("one.intra_op_num_threads = 2", [])]
)
def test_options_of_the_function_around_are_judged(setting, lines):
    source = f"""
        import onnxruntime as ort
        def load_all(paths):
            one = ort.SessionOptions()
            {setting}
            def load(path):
                return ort.InferenceSession(path, one)
            return [load(p) for p in paths]
        """
    found, _, told = verdicts(source)
    assert found == lines, told
