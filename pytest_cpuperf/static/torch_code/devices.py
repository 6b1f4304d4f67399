"""Whether code names the CPU as the device of what it loads or runs."""

from __future__ import annotations

import re

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import argument, dotted
from pytest_cpuperf.static.source.patterns import pattern

_CPU = r"(?:[\"']cpu(?::0)?[\"']|(?:torch\s*\.\s*)?device\s*\(\s*(?:type\s*=\s*)?[\"']cpu[\"']\s*\))"
_IS_CPU = pattern(rf"(?:device\s*=\s*)?{_CPU}|\{{\s*[\"'][\"']\s*:\s*{_CPU}\s*\}}")
_NAME = pattern(r"(?:device\s*=\s*)?((?:\w+\s*\.\s*)*\w+)")
_DTYPE = pattern(r"\b(?:half|b?float\w*|dtype\w*)\b")
_DEVICE_ARGUMENTS = ("device", "device_map", "device_type")


def names_cpu_in(facts: Facts, expression: str) -> bool:
    """Return whether an expression's text is the CPU: a literal, or a name that the file sets to nothing else."""
    first = expression.split(",")[0].strip()
    if _IS_CPU.fullmatch(first) or _IS_CPU.fullmatch(expression.strip()):
        return True
    named = _NAME.fullmatch(first)
    if named is None:
        return False
    name = named[1].rpartition(".")[2].strip()
    values = re.findall(rf"(?m)^[ \t]*(?:self\s*\.\s*)?{name}\s*(?::[^=\n]*)?=(?!=)[ \t]*([^\n#]+)", facts.text)
    return bool(values) and all(_IS_CPU.fullmatch(value.strip()) for value in values)


def on_cpu(module: Module, node: cst.CSTNode) -> bool:
    """Return whether the expression around a node, or the branch that it stands in, names the CPU as its device."""
    for around in (node, *module.parents(node)):
        if isinstance(around, cst.Call) and names_cpu(module, around):
            return True
        if isinstance(around, (cst.If, cst.IfExp)) and _in_cpu_branch(module, around, node):
            return True
        if isinstance(around, cst.FunctionDef):
            return False
    return False


def moved_to_cpu(module: Module, place: cst.CSTNode, name: str) -> bool:
    """Return whether the function around a place, or the file's top level, moves what it holds under a name there."""
    scope: cst.CSTNode = module.function_of(place) or module.tree
    for call in module.nodes(cst.Call, within=scope):
        function = call.func
        if not isinstance(function, cst.Attribute) or (dotted(function.value) or "").rpartition(".")[2] != name:
            continue
        if function.attr.value in ("to", "cpu", "half", "bfloat16") and names_cpu(module, call):
            return True
    return False


def names_other_device(module: Module, value: cst.BaseExpression) -> bool:
    """Return whether an expression puts what it loads on a device that is not plainly the CPU: `device_map="auto"`."""
    for call in module.nodes(cst.Call, within=value):
        method = call.func.attr.value if isinstance(call.func, cst.Attribute) else ""
        targets = [argument(call, keyword) for keyword in _DEVICE_ARGUMENTS]
        if method == "to":
            targets += [a.value for a in call.args if a.keyword is None and not _DTYPE.search(module.code(a.value))]
        named = [t for t in targets if t is not None and dotted(t) != "None"]
        if method in ("cuda", "xpu", "mps") or (named and not names_cpu(module, call)):
            return True
    return False


def names_cpu(module: Module, call: cst.Call) -> bool:
    """Return whether a call loads something on the CPU, or moves it there."""
    function = call.func
    if isinstance(function, cst.Attribute):
        method = function.attr.value
        if method == "cpu" and not call.args:
            return True
        if method == "to" and any(names_cpu_in(module.facts, module.code(a.value)) for a in call.args[:2]):
            return True
        # What a chain began with: `load(…, device="cpu").half()`.
        if isinstance(function.value, cst.Call) and names_cpu(module, function.value):
            return True
    for keyword in _DEVICE_ARGUMENTS:
        value = argument(call, keyword)
        if value is None:
            continue
        text = module.code(value)
        if names_cpu_in(module.facts, text) or (keyword == "device" and text.replace(" ", "") == "-1"):
            return True
    return False


def _in_cpu_branch(module: Module, branch: cst.If | cst.IfExp, node: cst.CSTNode) -> bool:
    """Return whether a node runs only where a test says that the device is the CPU, or that there is no GPU."""
    test = module.code(branch.test)
    first = branch.body
    orelse = branch.orelse
    in_first = module.is_inside(node, first)
    in_else = orelse is not None and not isinstance(orelse, cst.If) and module.is_inside(node, orelse)
    negated = test.startswith("not ") or "!=" in test
    if re.search(rf"==\s*{_CPU}|{_CPU}\s*==", test):
        return in_first
    if re.search(rf"!=\s*{_CPU}", test):
        return in_else
    if re.fullmatch(r"(?:not )?\s*torch\s*\.\s*cuda\s*\.\s*is_available\s*\(\s*\)", test.strip()):
        return in_first if negated else in_else
    return False
