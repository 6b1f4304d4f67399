"""CPU301 ort-default-threads: its page and examples, and how it is asked."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_cpuperf.static.ort_code.session_options import (
    SESSION,
    set_for_all,
    sets_spinning,
    silent_because,
)
from pytest_cpuperf.static.rules.base import PythonRule, Report, Silence
from pytest_cpuperf.static.rules.cpu301_ort_default_threads.fix import mend
from pytest_cpuperf.static.rules.cpu301_ort_default_threads.wrappers import LIVE, find_wrapper
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.chunks import Chunk
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.source.text import Words

_NAMES = frozenset({"InferenceSession"})
_MESSAGE = "no thread count: wrong under a CPU quota or cpuset, or beside other sessions or workers"
_HELP = "set intra_op_num_threads to the CPUs this process may use (affinity and quota), divided among its sessions"
_LIBRARY = pattern(r"\b(?:optimum|fastembed|sentence_transformers)\b")
_TOUCHES_OPTIONS = pattern(r"\b(?:SessionOptions|intra_op_num_threads|add_session_config_entry|setattr)\b")


class OrtDefaultThreads(PythonRule):
    """An onnxruntime session on the CPU with no thread setting.

    ## What it does
    Finds `onnxruntime.InferenceSession(…)` on a CPU provider with no options, with fresh options, or with options
    made in the same file on which no thread count is set. Libraries that build sessions count where they take a
    thread count: optimum's `ORTModelFor….from_pretrained`, `SentenceTransformer(…, backend="onnx")`, fastembed.

    ## Why is this bad?
    The default is one thread per physical core of the whole machine, with an affinity of its own. On a bare machine
    with one session that is right: measured, it equals the best count. It is wrong under a CPU quota (a container's
    limit is invisible to it: threads are throttled), in a cpuset (it prints errors and runs unpinned), with several
    sessions or several workers (each takes all cores); too many threads cost up to five times.

    ## Example
    ```python
    session = onnxruntime.InferenceSession("model.onnx")
    ```

    ## Use instead
    ```python
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0)) // workers
    session = onnxruntime.InferenceSession("model.onnx", options)
    ```

    ## Fix safety
    Unsafe: the number of threads changes. `ort-threads` in the configuration says how it is counted: `available`
    (affinity; the default), `physical`, or `logical`, as TorchServe does.

    ## When it stays silent
    Where the options come from a parameter, a factory, an attribute set elsewhere or unpacked arguments; where a
    thread setting is made in any branch; with global thread pools or `ORT_INTRA_OP_NUM_THREADS` set in the file;
    with GPU providers only.

    ## References
    https://onnxruntime.ai/docs/performance/tune-performance/threading.html
    """

    code = "CPU301"
    name = "ort-default-threads"
    heuristic = "ort-threads"
    trigger = (b"InferenceSession", b"ORTModel", b"ORTDiffusion", b"ORTStable", b"fastembed", b"sentence_transformers")
    live = rf"(?<!\w)InferenceSession\b|{LIVE}"

    def may_concern(self, words: Words) -> bool:
        """The class is onnxruntime's or of a library that builds it, so the file says its name."""
        if b"onnx" not in words:
            return b"fastembed" in words
        if b"onnxruntime" in words:
            return super().may_concern(words)
        return b"fastembed" in words or b"sentence_transformers" in words

    def uses(self, facts: Facts) -> list[int]:
        """The words of libraries only where the file has these libraries."""
        found = super().uses(facts)
        if not _LIBRARY.search(facts.code):
            found = [offset for offset in found if facts.text.startswith("InferenceSession", offset)]
        return found

    VALID = (
        """
        import onnxruntime as ort
        def load(path, threads):
            options = ort.SessionOptions()
            if threads:
                options.intra_op_num_threads = threads
            return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        """,
        """
        import onnxruntime
        def load(path, options, **rest):
            onnxruntime.InferenceSession(path, options)
            onnxruntime.InferenceSession(path, **rest)
            return onnxruntime.InferenceSession(path, sess_options=make_options())
        """,
        """
        import onnxruntime
        session = onnxruntime.InferenceSession("m.onnx", providers=["CUDAExecutionProvider"])
        """,
        """
        from mylib import InferenceSession
        session = InferenceSession("m.onnx")
        """,
        """
        import onnxruntime
        class Engine:
            def __init__(self, path, threads):
                self.options = onnxruntime.SessionOptions()
                self._configure(threads)
                self.session = onnxruntime.InferenceSession(path, self.options)
            def _configure(self, threads):
                self.options.intra_op_num_threads = threads
        """,
        """
        import os
        os.environ["ORT_INTRA_OP_NUM_THREADS"] = "4"
        import onnxruntime
        session = onnxruntime.InferenceSession("m.onnx")
        """,
        """
        import onnxruntime
        def build(path, devices):
            options = onnxruntime.SessionOptions()
            options.add_provider_for_devices(devices, {})
            return onnxruntime.InferenceSession(path, sess_options=options)
        """,
    )
    INVALID = (
        """
        from optimum.onnxruntime import ORTModelForFeatureExtraction
        from sentence_transformers import SentenceTransformer
        from fastembed import TextEmbedding
        def load(path, kwargs):
            a = ORTModelForFeatureExtraction.from_pretrained(path)  # <-
            b = SentenceTransformer(path, backend="onnx")  # <-
            c = TextEmbedding("BAAI/bge-small-en-v1.5")  # <-
            d = TextEmbedding("BAAI/bge-small-en-v1.5", threads=4)
            return a, b, c, d, SentenceTransformer(path), ORTModelForFeatureExtraction.from_pretrained(path, **kwargs)
        """,
        """
        import onnxruntime as rt
        def load(path):
            options = rt.SessionOptions()
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
            return rt.InferenceSession(path, options)  # <-
        """,
        """
        import onnxruntime as rt
        session = rt.InferenceSession("m.onnx", providers=["CPUExecutionProvider"])  # <-
        """,
        """
        from onnxruntime import InferenceSession, SessionOptions
        def load(path):
            options = SessionOptions()
            options.inter_op_num_threads = 2
            options.enable_profiling = True
            first = InferenceSession(path, options)  # <-
            return first, InferenceSession(path, SessionOptions())  # <-
        """,
    )

    FIXED = (
        (
            'import os\nimport onnxruntime as ort\nsession = ort.InferenceSession("m.onnx")\n',
            "import os\nimport onnxruntime as ort\noptions = ort.SessionOptions()\n"
            "options.intra_op_num_threads = len(os.sched_getaffinity(0))\n"
            'session = ort.InferenceSession("m.onnx", sess_options=options)\n',
        ),
        (
            "import onnxruntime\ndef f(p):\n    o = onnxruntime.SessionOptions()\n"
            "    return onnxruntime.InferenceSession(p, o)\n",
            "import os\nimport onnxruntime\ndef f(p):\n    o = onnxruntime.SessionOptions()\n"
            "    o.intra_op_num_threads = len(os.sched_getaffinity(0))\n"
            "    return onnxruntime.InferenceSession(p, o)\n",
        ),
    )

    def needed(self, chunks: set[Chunk], facts: Facts) -> set[Chunk]:
        """The other methods of their classes too, and whatever makes or sets options."""
        siblings = {s for c in chunks for s in facts.outline.siblings(c)}
        return chunks | siblings | {c for c in facts.outline.chunks if _TOUCHES_OPTIONS.search(c.code)}

    def check(self, module: Module) -> Iterator[Report | Silence]:
        """Judge each session that is built."""
        everywhere = set_for_all(module)
        named = _NAMES | module.facts.imported.aliases(_NAMES)
        for mention in module.nodes(cst.Name, cst.Attribute):
            parent = module.parent(mention)
            if isinstance(parent, (cst.Attribute, cst.ImportAlias, cst.AsName, cst.AssignTarget, cst.ClassDef)):
                continue
            if (mention.value if isinstance(mention, cst.Name) else mention.attr.value) not in named:
                continue
            if module.qualified(mention) != SESSION or not module.is_imported(mention):
                yield Silence(mention, f"nothing shows that {module.code(mention)} is onnxruntime's")
                continue
            if not (isinstance(parent, cst.Call) and parent.func is mention):
                yield Silence(mention, "the class is named, not built, here")
                continue
            because = everywhere or silent_because(module, parent)
            if because:
                yield Silence(parent, because)
            else:
                yield Report(parent, _message(module, parent), _HELP, mend(module, parent, self.options.ort_threads))
        for call in module.nodes(cst.Call):
            wrapper = find_wrapper(module, call)
            if wrapper is None:
                continue
            because = everywhere or wrapper.silent_because
            if because:
                yield Silence(call, because)
            else:
                yield Report(call, f"its onnxruntime session has {_MESSAGE}", f"{wrapper.setting}: {_HELP}")


def _message(module: Module, call: cst.Call) -> str:
    """Return what is wrong; whoever set spinning has thought of threads, and not of how many."""
    if sets_spinning(module, call):
        return f"spinning is set, and {_MESSAGE}"
    return _MESSAGE
