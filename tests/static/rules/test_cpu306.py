"""What was left on for debugging, and what is set on purpose."""

import textwrap

import pytest

from pytest_cpuperf.static.file_check import check_source
from pytest_cpuperf.static.rules import all_rules

RULES = [r for r in all_rules() if r.code == "CPU306"]
PROFILING = "o.enable_profiling = True"
LEVEL = "o.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC"


def verdicts(source):
    data = ("import onnxruntime as ort\n" + textwrap.dedent(source)).encode()
    quick, plain = (check_source(data, "a.py", RULES, thorough=thorough) for thorough in (False, True))
    assert quick.findings == plain.findings
    return [f.message for f in plain.findings], " ".join(s.because for s in plain.silenced)


def function(*lines, name="load"):
    return f"def {name}(self, path):\n    o = ort.SessionOptions()\n" + textwrap.indent("\n".join(lines), "    ")


KEPT = [
    "return ort.InferenceSession(path, o)",
    "self.session = ort.InferenceSession(path, sess_options=o)",
    "self.sessions[path] = ort.InferenceSession(path, o)",
    "global S\nS = ort.InferenceSession(path, o)",
    "s = ort.InferenceSession(path, o)\nreturn s",
    "s = ort.InferenceSession(path, o)\nreturn Wrapper(s, path)",
    "s = ort.InferenceSession(path, o)\nself.session = s",
    "s = ort.InferenceSession(path, o)\nreturn cls.of(s)",
    "s = ort.InferenceSession(path, o)\nSESSIONS[path] = s",
    "self.sessions.append(ort.InferenceSession(path, o))",
    "self.sessions = [ort.InferenceSession(p, o) for p in path]",
]


@pytest.mark.parametrize("kept", KEPT)
@pytest.mark.parametrize("setting", [PROFILING, LEVEL])
def test_reported_where_the_session_is_kept(kept, setting):
    found, told = verdicts(function(setting, kept))
    assert len(found) == 1, told


TOP = "o = ort.SessionOptions()\n{}\n"


@pytest.mark.parametrize("setting", [PROFILING, LEVEL])
@pytest.mark.parametrize(
    "use",
    [
        "s = ort.InferenceSession(path, o)",
        "s = ort.InferenceSession(path, o)\ns.run(None, warm)\ndef f(x):\n    return s.run(None, x)",
        "s = ort.InferenceSession(path, o)\nwhile True:\n    s.run(None, read())",
        "encoder = ort.InferenceSession(a, o)\ndecoder = ort.InferenceSession(b)\napp = App(encoder, decoder)",
        "encoder = ort.InferenceSession(a, o)\no = ort.SessionOptions()\n"
        "o.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL\no.enable_profiling = False\n"
        "decoder = ort.InferenceSession(b, o)",
        "s = ort.InferenceSession(path, o) if careful else ort.InferenceSession(path)",
        "net = ort.InferenceSession(path, o)\ndef serve(s):\n    while True:\n        s.run(None, x)\nserve(net)",
        "try:\n    s = ort.InferenceSession(path, o)\nexcept OSError:\n    s = ort.InferenceSession(path)",
    ],
)
def test_reported_where_a_session_of_the_module_may_serve(setting, use):
    found, told = verdicts(TOP.format(setting) + use)
    assert len(found) == 1, told


@pytest.mark.parametrize("setting", [PROFILING, LEVEL])
@pytest.mark.parametrize(
    ("use", "reason"),
    [
        ("slow = ort.InferenceSession(path, o)\nfast = ort.InferenceSession(path)", "are compared"),
        ("p = ort.SessionOptions()\na = ort.InferenceSession(path, o)\nb = ort.InferenceSession(path, p)", "compared"),
        ("both = {'a': ort.InferenceSession(path, o), 'b': ort.InferenceSession(path)}", "are compared"),
        ("s = ort.InferenceSession(path, o)\ns.run(None, {})", "not kept"),
        (
            "s = ort.InferenceSession(a, o)\nt = ort.InferenceSession(b, o)\n"
            "def outputs(s):\n    return s.run(None, x)\nassert outputs(t) == outputs(t)\nprint(outputs(s))",
            "not kept",
        ),
        ("took['a'] = bench(ort.InferenceSession(path, o))", "not kept"),
        ("y = ort.InferenceSession(path, o).run(None, {})", "not kept"),
        ("s = ort.InferenceSession(a, o)\nt = ort.InferenceSession(b, o)\nmeasure(s)\nmeasure(t)", "not kept"),
        (
            "encoder = ort.InferenceSession(a, o)\ndecoder = ort.InferenceSession(b, o)\n"
            "for name, s in (('encoder', encoder), ('decoder', decoder)):\n    print(name, s.run(None, x))",
            "not kept",
        ),
        (
            "all = {}\nfor p in paths:\n    all[p] = ort.InferenceSession(p, o)\nfor s in all.values():\n"
            "    s.run(None, x)",
            "not kept",
        ),
        (
            "s = ort.InferenceSession(path, o)\no.enable_profiling = False\n"
            "o.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL\n"
            "t = ort.InferenceSession(path, o)",
            "are compared",
        ),
    ],
)
def test_silent_in_a_script_that_compares_or_ends(setting, use, reason):
    found, told = verdicts(TOP.format(setting) + use)
    assert found == []
    assert reason in told


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (function(f"if self.debug:\n    {PROFILING}", KEPT[0]), "on a condition"),
        (function(PROFILING, "s = ort.InferenceSession(path, o)\ns.run(None, {})"), "not kept"),
        (function(PROFILING, "s = ort.InferenceSession(path, o)\nreturn s.run(None, {})"), "not kept"),
        (function(LEVEL, "s = ort.InferenceSession(path, o)\nself.size = s.get_inputs()[0].shape"), "not kept"),
        (function(LEVEL, "s = ort.InferenceSession(path, o)\nreturn inputs_of(s)"), "not kept"),
        (function(LEVEL, "return inputs_of(ort.InferenceSession(path, o))"), "not kept"),
        (function(LEVEL, "model.graph.output.append(tap)", KEPT[0]), "on purpose"),
        (function(LEVEL, KEPT[0]).replace("path)", "path, calibration_providers)", 1), "does not serve"),
        ("class A(CalibrationDataReader):\n" + textwrap.indent(function(LEVEL, KEPT[0]), "    "), "does not serve"),
        (function(PROFILING, "o.profile_file_prefix = path", KEPT[0]), "on purpose"),
        (function(LEVEL, "o.optimized_model_filepath = path", KEPT[0]), "on purpose"),
        (function(LEVEL, KEPT[0], name="benchmark_model"), "does not serve"),
        (function(LEVEL, "return ort.InferenceSession(path, o, ['OpenVINOExecutionProvider'])"), "another provider"),
        ("levels = {'basic': ort.GraphOptimizationLevel.ORT_ENABLE_BASIC}", "chosen elsewhere"),
    ],
)
def test_silent_with_the_reason(source, reason):
    found, told = verdicts(source)
    assert found == []
    assert reason in told
