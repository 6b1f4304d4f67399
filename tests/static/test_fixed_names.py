"""A fix writes no name that means something else, or nothing, at its place: the fixed code is run."""

import contextlib
import sys
import textwrap
import types

import pytest

from pytest_cpuperf.static.fixing import fix_source
from pytest_cpuperf.static.rules import all_rules
from pytest_cpuperf.static.rules.base import RuleOptions

RULES = {rule.code: rule for rule in all_rules(RuleOptions(ort_threads="available"))}

SESSIONS_FIXED = {
    "another function's import": """
        import onnxruntime as ort
        def g():
            import os
            return os.getcwd()
        S = ort.InferenceSession("m")
        """,
    "a class's import": """
        import onnxruntime as ort
        class A:
            import os
            def load(self):
                return ort.InferenceSession("m")
        A().load()
        """,
    "an import that may not run": """
        import onnxruntime as ort
        if ort is None:
            import os
        def load():
            return ort.InferenceSession("m")
        load()
        """,
    "an import below": """
        import onnxruntime as ort
        S = ort.InferenceSession("m")
        import os
        """,
    "an import above in the function": """
        import onnxruntime as ort
        def load():
            import os
            return ort.InferenceSession("m")
        load()
        """,
    "an import of the function around": """
        import onnxruntime as ort
        def make():
            import os
            def load():
                return ort.InferenceSession("m")
            return load
        make()()
        """,
    "an import at the top, and another": """
        import os
        import onnxruntime as ort
        def g():
            import os
        @staticmethod
        def load():
            return ort.InferenceSession("m")
        load()
        """,
    "an import beside one from __future__": """
        from __future__ import annotations; import sys
        import onnxruntime as ort
        def load():
            return ort.InferenceSession("m")
        load()
        """,
    "a method": """
        import os, onnxruntime as ort
        class A:
            def load(self):
                return ort.InferenceSession("m")
        A().load()
        """,
}
SESSIONS_LEFT = {
    "an import below in the function": """
        import os
        import onnxruntime as ort
        def load():
            session = ort.InferenceSession("m")
            import os
            return session
        load()
        """,
    "an import in a branch of the function": """
        import os
        import onnxruntime as ort
        def load(told=False):
            if told:
                import os
            return ort.InferenceSession("m")
        load()
        """,
    "a parameter": """
        import os
        import onnxruntime as ort
        def load(os):
            return ort.InferenceSession("m")
        load("linux")
        """,
    "a variable of the function around": """
        import os
        import onnxruntime as ort
        def make(os):
            def load():
                return ort.InferenceSession("m")
            return load
        make("linux")()
        """,
    "a variable of the module": """
        import onnxruntime as ort
        import os
        os = "linux"
        S = ort.InferenceSession("m")
        """,
    "another module": """
        import onnxruntime as ort
        import os.path as os
        S = ort.InferenceSession("m")
        """,
    "a global that a function sets": """
        import onnxruntime as ort
        import os
        def forget():
            global os
            os = None
        forget()
        S = ort.InferenceSession("m")
        """,
    "len is a name of the file": """
        import onnxruntime as ort
        import os
        len = None
        S = ort.InferenceSession("m")
        """,
    "no line of its own for an import": """
        from __future__ import annotations; import onnxruntime as ort
        S = ort.InferenceSession("m")
        """,
    "options of another function": """
        import os
        from onnxruntime import InferenceSession
        def g():
            from onnxruntime import SessionOptions
        S = InferenceSession("m")
        """,
}
GUARDS_FIXED = {
    "an import at the top": """
        from torch import no_grad
        def f(model, x):
            with no_grad():
                return model(x).item()
        f(Model(), 1)
        """,
    "an import of the function": """
        def g():
            from torch import no_grad
        def f(model, x):
            from torch import no_grad
            with no_grad():
                return model(x).item()
        g(), f(Model(), 1)
        """,
}
GUARDS_LEFT = {
    "inference_mode of another function": """
        from torch import no_grad
        def g():
            from torch import inference_mode
            return inference_mode
        def f(model, x):
            with no_grad():
                return model(x).item()
        g(), f(Model(), 1)
        """,
    "a function called inference_mode": """
        from torch import no_grad
        def inference_mode():
            raise AssertionError
        def f(model, x):
            with no_grad():
                return model(x).item()
        f(Model(), 1)
        """,
}
COUNTS_LEFT = {
    "os of another function": """
        from multiprocessing import cpu_count
        def g():
            import os
        o.intra_op_num_threads = cpu_count()
        """,
    "a list called len": """
        import os
        len = [1]
        o.intra_op_num_threads = os.cpu_count()
        """,
}


@pytest.fixture
def run(monkeypatch):
    """Fix a source by one rule, run both, and return whether it was fixed."""
    made = types.SimpleNamespace
    runtime = types.ModuleType("onnxruntime")
    runtime.SessionOptions = made
    runtime.InferenceSession = lambda *args, **kwargs: made()
    torch = types.ModuleType("torch")
    torch.no_grad = torch.inference_mode = contextlib.nullcontext
    monkeypatch.setitem(sys.modules, "onnxruntime", runtime)
    monkeypatch.setitem(sys.modules, "torch", torch)
    globals_of_code = {"Model": lambda: lambda x: made(item=lambda: x), "o": made()}

    def fix_and_run(code, source):
        before = textwrap.dedent(source)
        after = fix_source(before.encode(), "a.py", [RULES[code]], unsafe=True)[0].decode()
        for text in (before, after):
            exec(compile(text, "a.py", "exec"), {**globals_of_code, "__name__": "a"})
        return before != after

    return fix_and_run


def cases(**sources_of):
    """Return the sources, each with the rule it is for."""
    return [pytest.param(code, s, id=name) for code, sources in sources_of.items() for name, s in sources.items()]


@pytest.mark.parametrize(("code", "source"), cases(CPU301=SESSIONS_FIXED, CPU101=GUARDS_FIXED))
def test_what_is_fixed_runs_with_the_names_and_imports_of_its_place(run, code, source):
    assert run(code, source)


@pytest.mark.parametrize(("code", "source"), cases(CPU301=SESSIONS_LEFT, CPU101=GUARDS_LEFT, CPU302=COUNTS_LEFT))
def test_nothing_is_fixed_where_a_name_means_something_else(run, code, source):
    assert not run(code, source)
