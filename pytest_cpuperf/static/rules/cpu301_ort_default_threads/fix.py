"""The lines that set a thread count."""

from __future__ import annotations

import re

from pytest_cpuperf.static.ort_code.session_options import OPTIONS
from pytest_cpuperf.static.rules.base import Mend
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import argument, dotted
from pytest_cpuperf.static.source.scopes import is_builtin, meaning
from pytest_cpuperf.static.source.spans import Span

_COUNTS = {
    "available": ("os", "len(os.sched_getaffinity(0))"),
    "physical": ("psutil", "psutil.cpu_count(logical=False)"),
    "logical": ("psutil", "psutil.cpu_count(logical=True)"),
}


def mend(module: Module, call: cst.Call, count: str) -> Mend | None:
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
            named = [local for local, full in module.imports.items() if full == OPTIONS]
            made = [local for local in named if meaning(module, local, OPTIONS, call) == "imported"]
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
    known = meaning(module, package, package, call)
    if known == "other" or ("len(" in expression and not is_builtin(module, "len", call)):
        return None
    if known == "unbound":
        place = _first_import(module)
        if place is None or place >= line:
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
        place = module.position(statement)
        if place.column == 1:  # after a docstring or a __future__ import on its line, it is not the first there
            return place.line
    return None
