"""The tree made of `ast` is the tree libcst has, node for node, and says the same of where each is."""

import sys
import textwrap

import libcst
import pytest

from pytest_cpuperf.static.rules import all_rules
from pytest_cpuperf.static.rules.base import PythonRule
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.from_ast import from_ast
from pytest_cpuperf.static.source.from_libcst import fields, from_libcst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.positions import PlacedNodes
from tests.static.test_whole_and_pruned import real_files

# Of these `ast` knows the place; of others it is near enough: nothing is reported at them.
PLACED = (cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.FunctionDef, cst.ClassDef, cst.With, cst.Decorator)

SYNTAX = {
    "assignments": "a = b = c\na: int = 1\na: str\na += 1\na |= {}\na, *b = c\n(a) = (b)\n",
    "calls": "f(a, *b, c=1, **d)\nf(c=1, *b)\nf(x for x in y)\nf((a))\nf(a)(b)[c](d)\n",
    "subscripts": "a[1]\na[1:2, ::3]\na[b, c]\na[(b, c)]\na[(b), (c)]\na[(b), :]\na[b:]\na[()]\n",
    "operators": "a and b and c or not d\n-a + b * ~c\na < b <= c != d not in e\na if b else c\n(a := b)\n",
    "strings": """a = 'x' "y"\nb = b'z'\nc = f"{a!r:>{b}} {c}" 'd' f'{e}'\nd = r"\\d" '''long\nstring'''\n""",
    "numbers": "a = 1, 0x1F, 1_000, 1.5, 2j, ..., True, None\n",
    "displays": "a = [1, *b]\nb = {1, 2}\nc = {1: 2, **d}\nd = ()\ne = (1,)\nf = []\n",
    "comprehensions": "[a for a in b if c if d for e in f]\n{a: b for a, b in c}\n{a for a in b}\n",
    "functions": (
        "@a.b(c)\n@d\ndef f(a, /, b: int = 1, *c, d, e=2, **g) -> h:\n    '''Text.'''\n    yield\n\n"
        "l = lambda *, a, b=1: a\n"
    ),
    "asynchronous": (
        "async def f():\n    async for a in b: await c\n    async with d as e, g: pass\n"
        "    return [h async for h in i]\n"
    ),
    "classes": "@a\nclass B(C, *d, metaclass=E, **f):\n    x = 1\n\nclass G: pass\n",
    "branches": "if a: b\nelif c:\n    d\nelse:\n    e\nif f:\n    g\nelse:\n    if h: i\n",
    "loops": "for a, b in c:\n    break\nelse:\n    d\nwhile e: continue\nelse: f\n",
    "exceptions": (
        "try:\n    a\nexcept (B, C) as d:\n    raise\nexcept E: raise f from g\nelse: h\nfinally:\n    assert i, j\n"
    ),
    "contexts": "with a: b; c\nwith (d as e, f as (g, h)):\n    i\nwith j, k as l[0]: m\n",
    "imports": (
        "import a, b.c as d\nfrom . import e\nfrom ..f.g import h as i, j\n"
        "from k import (l,\n    m as n)\nfrom o.o import *\n"
    ),
    "scopes": "def f():\n    global a, b\n    nonlocal c\n    del d, e\n    del g.h\n",
    "generators": "def f():\n    a = yield b\n    yield from c\n    return d\n",
    "matching": (
        "match a:\n    case B(c, d=e) if f: g\n    case [1, *h] | {'k': i, 'l': j, **m}: n\n"
        "    case _: o\n    case p.q as r: s\n    case None: t\n"
    ),
    "lines": "a; b; c = 1\n\n\nif x: y; z\nd = \\\n    e\n",
    "letters of several bytes": "é = 'ü'; ñ = f(é)\ndef ß(ö: é = ñ): return ß(ö)\n",
    "line ends of Windows": "a = 1\r\nif a:\r\n    b(c)\r\n",
    "nothing": "",
}
if sys.version_info >= (3, 11):
    SYNTAX["unpacking in subscripts"] = "a[*b]\na[b, *c]\n"
    SYNTAX["groups of exceptions"] = "try:\n    a\nexcept* B as c:\n    d\n"
if sys.version_info >= (3, 12):
    SYNTAX["names of types"] = "type A = B[c]\n"


def described(tree):
    """Return each node as plain values: its kind, what it holds, its parent and where it ends."""
    said = []
    for node in tree.nodes:
        values = []
        for name in fields(type(node)):
            value = getattr(node, name)
            if isinstance(value, cst.CSTNode):
                values.append(value.number)
            elif isinstance(value, list):
                values.append([inner.number for inner in value])
            elif not (isinstance(node, cst.SimpleString) and name == "value"):
                values.append(value)
        said.append((type(node).__name__, values, tree.parents[node.number], tree.ends[node.number]))
    return said


def assert_the_same(source):
    quick, plain = from_ast(source), from_libcst(libcst.parse_module(source))
    assert described(quick) == described(plain)
    places = [PlacedNodes(tree, source, ()) for tree in (quick, plain)]
    for one, other in zip(quick.nodes, plain.nodes, strict=True):
        if isinstance(one, PLACED):
            assert places[0].position(one) == places[1].position(other), places[0].code(one)


@pytest.mark.parametrize("kind", SYNTAX)
def test_the_tree_of_ast_is_that_of_libcst(kind):
    assert_the_same(SYNTAX[kind])


@pytest.mark.parametrize("rule", [r for r in all_rules() if isinstance(r, PythonRule)], ids=lambda rule: rule.code)
def test_so_it_is_of_all_examples(rule):
    for source in (*rule.VALID, *rule.INVALID):
        if type(source) is str:  # files of other languages have types of their own
            assert_the_same(textwrap.dedent(source))


@pytest.mark.slow
def test_so_it_is_of_real_files():
    files = real_files()
    if not files:
        pytest.skip("neither transformers nor torch is installed")
    for file in files:
        assert_the_same(file.read_text(encoding="utf-8"))


def test_what_python_does_not_take_is_left_to_libcst():
    # Its depth stands for all that `ast` refuses: what is newer than the Python that runs, too.
    deep = "x = " + " + ".join(["a"] * 900)
    with pytest.raises(RecursionError):
        from_ast(deep)
    assert len(Module(deep).nodes(cst.Name)) == 901


def test_code_is_as_it_is_written_without_parentheses_around_it():
    module = Module("x = (\n    a  # why\n    + b\n)\ny = f( g(1,\n  2) )\n")
    (operation,) = module.nodes(cst.BinaryOperation)
    assert module.code(operation) == "a  # why\n    + b"
    assert [module.code(call) for call in module.nodes(cst.Call)] == ["f( g(1,\n  2) )", "g(1,\n  2)"]


def test_names_that_ast_keeps_as_text_are_found():
    source = "import a.b as c\nfrom d.e import f as g\nclass H(i=J): pass\nasync def k(l, *m): n.o\n"
    module = Module(source)
    lines = source.split("\n")
    for name in module.nodes(cst.Name):
        place = module.position(name)
        assert lines[place.line - 1][place.column - 1 : place.end_column - 1] == name.value
