"""CPU301 ort-default-threads."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_cpuperf.static.rules.base import Mend, PythonRule, Report, Silence
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.lazy_libcst import cst
from pytest_cpuperf.static.source.module import Module, argument, dotted, has_unpacking, string_value
from pytest_cpuperf.static.source.prune import Chunk
from pytest_cpuperf.static.source.spans import Span

_SESSION = "onnxruntime.InferenceSession"
_OPTIONS = "onnxruntime.SessionOptions"
_HELP = "set intra_op_num_threads to the CPUs this process may use (affinity and quota), divided among its sessions"
_VARIABLE = re.compile(r"""["']ORT_INTRA_OP_NUM_THREADS["']""")
_GLOBAL_POOLS = re.compile(r"\b(set_global_thread_pool_sizes|use_global_thread_pools|disable_per_session_threads)\b")
_TOUCHES_OPTIONS = re.compile(r"\b(?:SessionOptions|intra_op_num_threads|add_session_config_entry|setattr)\b")
_THREAD_ENTRIES = (
    "session.intra_op_thread_affinities",
    "session.intra_op.allow_spinning",
    "session.use_per_session_threads",
)


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
        everywhere = _set_for_all(module)
        for mention in module.nodes(cst.Name, cst.Attribute):
            parent = module.parent(mention)
            if isinstance(parent, (cst.Attribute, cst.ImportAlias)) or not module.is_imported(mention):
                continue
            if module.qualified(mention) != _SESSION:
                continue
            if not (isinstance(parent, cst.Call) and parent.func is mention):
                yield Silence(mention, "the class is named, not built, here")
                continue
            because = everywhere or _silent_because(module, parent)
            if because:
                yield Silence(parent, because)
            else:
                yield Report(
                    parent,
                    "no thread count: wrong under a CPU quota or cpuset, or beside other sessions or workers",
                    _HELP,
                    _mend(module, parent, self.options.ort_threads),
                )


_COUNTS = {
    "available": ("os", "len(os.sched_getaffinity(0))"),
    "physical": ("psutil", "psutil.cpu_count(logical=False)"),
    "logical": ("psutil", "psutil.cpu_count(logical=True)"),
}


def _mend(module: Module, call: cst.Call, count: str) -> Mend | None:
    """Return the lines that set a thread count, put before the statement; None where there is no room for lines."""
    statement = next((p for p in module.parents(call) if isinstance(p, cst.BaseStatement)), None)
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return None
    if not isinstance(module.parent(statement), (cst.Module, cst.IndentedBlock)):
        return None
    around = [
        p for p in module.parents(call) if isinstance(p, (cst.Lambda, cst.ListComp, cst.GeneratorExp, cst.DictComp))
    ]
    package, expression = _COUNTS[count]
    end = module.facts.line_end
    line = module.position(statement).line
    indent = module.indentation(line)
    if indent is None or around:
        return None
    before: list[str] = []
    edits: list[tuple[cst.CSTNode | Span, str]] = []
    options = argument(call, "sess_options", 1)
    name = dotted(options) if options is not None else None
    if name in (None, "None"):
        name = _free_name(module)
        prefix = (dotted(call.func) or "").rpartition(".")[0]
        if prefix:
            maker = f"{prefix}.SessionOptions"
        else:
            made = [local for local, full in module.imports.items() if full == _OPTIONS]
            if not made:
                return None
            maker = made[0]
        before.append(f"{name} = {maker}()")
        if options is not None:
            edits.append((options, name))
        elif call.args and call.args[0].star == "":
            first = call.args[0]
            edits.append((first.value, f"{module.code(first.value)}, sess_options={name}"))
        else:
            return None
    before.append(f"{name}.intra_op_num_threads = {expression}")
    if module.imports.get(package) != package:
        place = _first_import(module)
        if place is None or place == line:
            return None
        edits.append((Span(place, 1, place, 1), f"import {package}{end}"))
    lines = "".join(f"{indent}{text}{end}" for text in before)
    edits.append((Span(line, 1, line, 1), lines))
    return Mend("unsafe", f"set intra_op_num_threads ({count} CPUs)", tuple(edits))


def _free_name(module: Module) -> str:
    for name in ("options", "session_options", "ort_session_options"):
        if not re.search(rf"\b{name}\b", module.facts.code):
            return name
    return "cpuperf_session_options"


def _first_import(module: Module) -> int | None:
    """Return the line of the first import at the top of the file, after those from __future__."""
    for statement in module.nodes(cst.Import, cst.ImportFrom):
        if not isinstance(module.parent(module.parent(statement) or statement), cst.Module):
            continue
        if isinstance(statement, cst.ImportFrom) and dotted(statement.module) == "__future__":
            continue
        return module.statement_line(statement)
    return None


def _set_for_all(module: Module) -> str | None:
    if _VARIABLE.search(module.facts.text):
        return "the file sets ORT_INTRA_OP_NUM_THREADS"
    if _GLOBAL_POOLS.search(module.facts.code):
        return "the file uses global thread pools"
    return None


def _silent_because(module: Module, call: cst.Call) -> str | None:
    if has_unpacking(call):
        return "unpacked arguments may hold options"
    if _gpu_only(argument(call, "providers", 2)):
        return "it runs on GPU providers only"
    options = argument(call, "sess_options", 1)
    if options is None or (isinstance(options, cst.Name) and options.value == "None"):
        return None
    if _is_fresh(module, options):
        return None
    if isinstance(options, cst.Name):
        return _judge_name(module, call, options.value)
    if isinstance(options, cst.Attribute):
        return _judge_attribute(module, call, options)
    return "the options come from elsewhere"


def _gpu_only(providers: cst.BaseExpression | None) -> bool:
    """Return whether providers are literals none of which is the CPU's."""
    if not isinstance(providers, (cst.List, cst.Tuple)) or not providers.elements:
        return False
    names = []
    for element in providers.elements:
        value: cst.BaseExpression = element.value
        if isinstance(value, cst.Tuple) and value.elements:
            value = value.elements[0].value  # ("CUDAExecutionProvider", {…})
        names.append(string_value(value))
    return all(n is not None and n != "CPUExecutionProvider" for n in names)


def _is_fresh(module: Module, value: cst.BaseExpression) -> bool:
    return isinstance(value, cst.Call) and module.qualified(value.func) == _OPTIONS


def _judge_name(module: Module, call: cst.Call, name: str) -> str | None:
    function = module.function_of(call)
    scope: cst.CSTNode = function if function is not None else module.tree
    if function is not None and any(p.name.value == name for p in module.nodes(cst.Param, within=function.params)):
        return "the options come from a parameter"
    values = [
        a.value
        for a in module.nodes(cst.Assign, cst.AnnAssign, within=scope)
        if a.value is not None and name in {dotted(t) for t in _targets(a)}
    ]
    if not values:
        if function is None:
            return "the options come from elsewhere"
        return _judge_module_options(module, name)
    if not all(_is_fresh(module, v) for v in values):
        return "the options come from elsewhere"
    return _threads_set(module, scope, name)


def _judge_module_options(module: Module, name: str) -> str | None:
    """Options made at the top of the file and used in a function of it."""
    values = [
        a.value
        for a in module.nodes(cst.Assign)
        if module.function_of(a) is None and name in {dotted(t) for t in _targets(a)}
    ]
    if not values or not all(_is_fresh(module, v) for v in values):
        return "the options come from elsewhere"
    return _threads_set(module, module.tree, name)


def _judge_attribute(module: Module, call: cst.Call, options: cst.Attribute) -> str | None:
    name = dotted(options)
    around = module.class_of(call)
    if name is None or around is None or not name.startswith("self."):
        return "the options come from elsewhere"
    values = [a.value for a in module.nodes(cst.Assign, within=around) if name in {dotted(t) for t in _targets(a)}]
    if not values or not all(_is_fresh(module, v) for v in values):
        return "the options are an attribute set elsewhere"
    return _threads_set(module, around, name)


def _targets(assign: cst.Assign | cst.AnnAssign) -> list[cst.BaseExpression]:
    return [t.target for t in assign.targets] if isinstance(assign, cst.Assign) else [assign.target]


def _threads_set(module: Module, scope: cst.CSTNode, name: str) -> str | None:
    """Return why options called `name` may carry a thread setting, or None where the scope makes none."""
    for node in module.nodes(cst.Attribute, within=scope):
        if node.attr.value == "intra_op_num_threads" and dotted(node.value) == name:
            return "its options set intra_op_num_threads"
    for call in module.nodes(cst.Call, within=scope):
        function = dotted(call.func) or ""
        if function == f"{name}.add_session_config_entry" and call.args:
            key = string_value(call.args[0].value)
            if key is None or key in _THREAD_ENTRIES:
                return "its options set a session thread entry"
        if function in (f"{name}.add_provider_for_devices", f"{name}.set_provider_selection_policy"):
            return "its options choose the devices it runs on"
        first = dotted(call.args[0].value) if call.args else None
        if function == "setattr" and first == name:
            key = string_value(call.args[1].value) if len(call.args) > 1 else None
            if key in (None, "intra_op_num_threads"):
                return "setattr may set its threads"
        elif module.qualified(call.func) != _SESSION and any(dotted(a.value) == name for a in call.args):
            return f"its options are handed to {function or 'a function'}, which may set threads"
    return None
