"""CPU305 ort-spinning."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_cpuperf.static.ort_code.session_options import SESSION, SPINNING, set_for_all, silent_because
from pytest_cpuperf.static.rules.base import Mend, PythonRule, Report, Silence
from pytest_cpuperf.static.rules.cpu305_ort_spinning.beside import beside, needed
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.chunks import Chunk
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import argument, dotted
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.source.spans import Span
from pytest_cpuperf.static.source.text import Words

_TOUCHES_OPTIONS = pattern(r"\bSessionOptions\b|\badd_session_config_entry\b|\bintra_op_num_threads\b")
_ENTRY = '.add_session_config_entry("session.intra_op.allow_spinning", "0")'
_HELP = "set session.intra_op.allow_spinning to 0, and measure with cpuperf.ort_threads that it pays"


class OrtSpinning(PythonRule):
    """Default spinning in a module that holds several sessions, or has torch or numpy work beside a session.

    ## What it does
    Finds `onnxruntime.InferenceSession(…)` on the CPU whose options leave spinning on, in a file that holds more than
    one session (built there, by a helper of the file, or by objects of its classes), or that multiplies matrices with
    torch or numpy in a function that runs a session, or in one that it calls.

    ## Why is this bad?
    After each run, the threads of a session's pool spin for a while in case more work comes. Meanwhile they take the
    CPUs from whoever computes next: another session, torch, numpy. Measured: 3.4 → 98 ms for torch beside an idle
    session, three models in turn 77 → 161 ms, and three CPU-seconds burned after each request. A single session that
    runs all the time is faster with spinning, so the rule is off by default.

    ## Example
    ```python
    encoder = onnxruntime.InferenceSession("encoder.onnx", options)
    decoder = onnxruntime.InferenceSession("decoder.onnx", options)
    ```

    ## Use instead
    ```python
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    encoder = onnxruntime.InferenceSession("encoder.onnx", options)
    decoder = onnxruntime.InferenceSession("decoder.onnx", options)
    ```

    ## Fix safety
    Unsafe: a session that runs back to back gets slower.

    ## When it stays silent
    Where spinning is set, where sessions have one thread or a global pool, where the options come from elsewhere, on
    GPU providers, and where the file holds one session and nothing that computes beside it: sessions of which only
    results are kept are not held, and products of vectors (`np.dot(a, b)`) take one thread.

    ## References
    https://onnxruntime.ai/docs/performance/tune-performance/threading.html
    https://github.com/microsoft/onnxruntime/issues/17011
    """

    code = "CPU305"
    name = "ort-spinning"
    heuristic = "ort-spinning"
    on_by_default = False
    trigger = (b"InferenceSession",)
    live = r"(?<!\w)InferenceSession\b"
    otherwise = "the class is named, not built, here"

    def may_concern(self, words: Words) -> bool:
        """The class is onnxruntime's, so the file says its name."""
        return b"onnx" in words and b"onnxruntime" in words and super().may_concern(words)

    def needed(self, chunks: set[Chunk], facts: Facts) -> set[Chunk]:
        """Also what uses them, and whatever makes or sets options."""
        return needed(chunks, facts) | {c for c in facts.outline.chunks if _TOUCHES_OPTIONS.search(c.code)}

    VALID = (
        """
        import onnxruntime as ort
        session = ort.InferenceSession("m.onnx")
        """,
        """
        import onnxruntime as ort
        def load(options):
            quiet = ort.SessionOptions()
            quiet.add_session_config_entry("session.intra_op.allow_spinning", "0")
            one = ort.SessionOptions()
            one.intra_op_num_threads = 1
            a, b = ort.InferenceSession("a.onnx", quiet), ort.InferenceSession("b.onnx", one)
            return a, b, ort.InferenceSession("c.onnx", options)
        """,
    )
    INVALID = (
        """
        import onnxruntime as ort
        class Service:
            def __init__(self, path):
                options = ort.SessionOptions()
                options.intra_op_num_threads = 4
                self.encoder = ort.InferenceSession(path + "/encoder.onnx", options)  # <-
                self.decoder = ort.InferenceSession(path + "/decoder.onnx", options)  # <-
        """,
        """
        import numpy as np, onnxruntime as ort
        session = ort.InferenceSession("m.onnx")  # <-
        def search(x, index):
            (vector,) = session.run(None, {"x": x})
            return np.matmul(index, vector)
        """,
    )
    FIXED = (
        (
            "import onnxruntime as ort\no = ort.SessionOptions()\n"
            'a = ort.InferenceSession("a.onnx", o)\nb = ort.InferenceSession("b.onnx", o)\n',
            "import onnxruntime as ort\no = ort.SessionOptions()\n"
            'o.add_session_config_entry("session.intra_op.allow_spinning", "0")\n'
            'a = ort.InferenceSession("a.onnx", o)\nb = ort.InferenceSession("b.onnx", o)\n',
        ),
    )

    def check(self, module: Module) -> Iterator[Report | Silence]:
        """Judge each session that is built."""
        everywhere = set_for_all(module)
        calls = [c for c in module.nodes(cst.Call) if module.qualified(c.func) == SESSION]
        work = beside(module, calls)
        for call in calls:
            because = everywhere or silent_because(module, call, SPINNING)
            if because is None and work is None:
                because = "no second session is held here, and nothing is seen to compute beside it"
            if because:
                yield Silence(call, because)
            else:
                yield Report(call, f"its threads spin after each run, {work}", _HELP, _mend(module, call))


def _mend(module: Module, call: cst.Call) -> Mend | None:
    """Return the line that switches spinning off, put after the one that makes the options; None where none does."""
    options = argument(call, "sess_options", 1)
    name = dotted(options) if options is not None else None
    scope: cst.CSTNode = module.function_of(call) or module.tree
    for assign in module.nodes(cst.Assign, within=scope):
        if name is None or len(assign.targets) != 1 or dotted(assign.targets[0].target) != name:
            continue
        statement = module.parent(assign)
        if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
            return None
        place = module.position(assign)
        indent = module.indentation(place.line)
        if indent is None or not isinstance(module.parent(statement), (cst.Module, cst.IndentedBlock)):
            return None
        after = Span(place.end_line + 1, 1, place.end_line + 1, 1)
        return Mend("unsafe", "switch spinning off", ((after, f"{indent}{name}{_ENTRY}{module.facts.line_end}"),))
    return None
