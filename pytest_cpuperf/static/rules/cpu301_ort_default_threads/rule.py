"""CPU301 ort-default-threads: its page and examples, and how it is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_cpuperf.static.rules.base import PythonRule, Report, Silence
from pytest_cpuperf.static.rules.cpu301_ort_default_threads.fix import mend
from pytest_cpuperf.static.rules.cpu301_ort_default_threads.options import SESSION, set_for_all, silent_because
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.lazy_libcst import cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.outline import Chunk

_HELP = "set intra_op_num_threads to the CPUs this process may use (affinity and quota), divided among its sessions"
_TOUCHES_OPTIONS = re.compile(r"\b(?:SessionOptions|intra_op_num_threads|add_session_config_entry|setattr)\b")


class OrtDefaultThreads(PythonRule):
    """An onnxruntime session on the CPU with no thread setting.

    ## What it does
    Finds `onnxruntime.InferenceSession(…)` on a CPU provider with no options, with fresh options, or with options
    made in the same file on which no thread count is set.

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
    trigger = (b"InferenceSession",)
    live = r"(?<!\w)InferenceSession\b"

    def may_concern(self, data: bytes) -> bool:
        """The class is onnxruntime's, so the file says its name."""
        return b"onnxruntime" in data and super().may_concern(data)

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
        for mention in module.nodes(cst.Name, cst.Attribute):
            parent = module.parent(mention)
            if isinstance(parent, (cst.Attribute, cst.ImportAlias)) or not module.is_imported(mention):
                continue
            if module.qualified(mention) != SESSION:
                continue
            if not (isinstance(parent, cst.Call) and parent.func is mention):
                yield Silence(mention, "the class is named, not built, here")
                continue
            because = everywhere or silent_because(module, parent)
            if because:
                yield Silence(parent, because)
            else:
                yield Report(
                    parent,
                    "no thread count: wrong under a CPU quota or cpuset, or beside other sessions or workers",
                    _HELP,
                    mend(module, parent, self.options.ort_threads),
                )
