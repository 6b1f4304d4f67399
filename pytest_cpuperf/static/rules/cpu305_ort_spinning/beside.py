"""What computes beside a session: other sessions that the file holds, torch, numpy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_cpuperf.static.ort_code.held_sessions import kept_by
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.chunks import Chunk
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import dotted, last_name
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.torch_code.call_targets import CallTargets
from pytest_cpuperf.static.torch_code.handlers import with_callers

# `run(None, …)` is onnxruntime's whatever it is asked of; `subprocess.run(…)` is none of a session.
_RUNS = pattern(r"\.\s*run(?:_with_iobinding\s*\(|\s*\(\s*None\b)")
# Work that a pool of threads shares out: products, convolutions, distances, transforms. `dot` and `inner` only of a
# matrix, as vectors and the small matrices of `linalg` (poses, alignments) are done by one thread.
_TORCH_WORK = pattern(
    r"\b(?:torch|F)\s*\.\s*(?:nn\s*\.\s*functional\s*\.\s*|linalg\s*\.\s*|fft\s*\.\s*)?"
    r"(?:matmul|mm|bmm|baddbmm|einsum|cdist|conv\w*|i?stft|i?r?fft2?|interpolate|grid_sample|linear|nms"
    r"|scaled_dot_product_attention)\s*\("
)
_NUMPY_WORK = pattern(
    r"\b(?:np|numpy)\s*\.\s*(?:(?:matmul|einsum|tensordot)\s*\("
    r"|(?:dot|inner)\s*\((?:[^()\n]|\([^()\n]*\))*\.\s*(?:T\b|transpose\b))"
)
# A helper builds a session, an object holds it, and another holds two such objects.
_MOST_STEPS = 4


def beside(module: Module, sessions: list[cst.Call]) -> str | None:
    """Return what computes beside a file's sessions, in words; None for nothing that is seen."""
    built = list(_built(module, sessions))
    held: dict[int, set[str]] = {}
    for call in built:
        owner = module.class_of(call) or module.function_of(call) or module.tree
        held.setdefault(id(owner), set()).update(_held_as(module, call) - {"_"})
    most = max(map(len, held.values()), default=0)
    if most > 1:
        return f"and {most} sessions share the CPUs"
    if any(_is_one_of_many(module, call) for call in built):
        return "and several sessions share the CPUs"
    targets = [part for of_owner in held.values() for target in of_owner for part in target.split(",")]
    names = {target.partition("[")[0].rpartition(".")[2].strip() for target in targets}
    for chunk in module.facts.outline.chunks:
        if not _runs_session(chunk, names):
            continue
        work = [chunk.code, *(called.code for called in module.facts.outline.called(chunk))]
        if any(_TORCH_WORK.search(code) for code in work):
            return "and torch computes beside it"
        if any(_NUMPY_WORK.search(code) for code in work):
            return "and numpy computes beside it"
    return None


def _built(module: Module, sessions: list[cst.Call]) -> Iterator[cst.Call]:
    """Yield the calls that build sessions or what holds one: of the class, of helpers and of the file's classes.

    A helper's own call is not one: what calls the helper holds the session.
    """
    targets = CallTargets(module)
    found, todo = {c.number for c in sessions}, sessions
    for _ in range(_MOST_STEPS):
        made: dict[cst.FunctionDef, list[cst.Call]] = {}
        holders: set[str] = set()
        for call in todo:
            maker, holder = _maker(module, call), module.class_of(call)
            if maker is not None:
                made.setdefault(maker, []).append(call)
                continue
            yield call
            if holder is not None and any(h.startswith("self.") for h in _held_as(module, call)):
                holders.add(holder.name.value)
        for several in made.values():
            if len({name for call in several for name in _held_as(module, call)}) > 1:
                yield from several  # it returns several
        calls = module.nodes(cst.Call) if made or holders else ()
        todo = [
            c
            for c in calls
            if last_name(c.func) in holders or any(t in made for t in targets.of(c)) or _calls_within(module, c, made)
        ]
        todo = [c for c in todo if c.number not in found]
        found |= {c.number for c in todo}


def _calls_within(module: Module, call: cst.Call, made: Iterable[cst.FunctionDef]) -> bool:
    """Return whether a call goes to one of some functions, which stands within the function around the call."""
    around = module.function_of(call)
    return around is not None and any(
        f.name.value == dotted(call.func) and module.function_of(f) is around for f in made
    )


def needed(chunks: set[Chunk], facts: Facts) -> set[Chunk]:
    """Return the functions to look at: what builds a session, what calls it, what builds an object that holds one."""
    users: set[Chunk] = set()
    todo = chunks
    for _ in range(_MOST_STEPS):
        siblings = {s for c in todo for s in facts.outline.siblings(c)}
        owners = {c.owner.name for c in siblings if c.owner is not None}
        builders = {c for c in facts.outline.chunks if not owners.isdisjoint(c.called_names)}
        reached = with_callers(todo | siblings | builders, facts)
        todo = reached - users
        users |= reached
    return users


def _maker(module: Module, call: cst.Call) -> cst.FunctionDef | None:
    """Return the function that returns the session which a call in it builds; None where it keeps it."""
    function, keeper = module.function_of(call), kept_by(module, call)
    if function is None or isinstance(keeper, cst.Return):
        return function
    held = _held_as(module, call)
    for name in module.nodes(cst.Name, within=function.body):
        if name.value in held and isinstance(kept_by(module, name), cst.Return):
            return function
    return None


def _runs_session(chunk: Chunk, names: set[str]) -> bool:
    """Return whether a function runs a session: one that the file holds under a name, or calls so."""
    return _RUNS.search(chunk.code) is not None or any(
        called == "run" and (receiver in names or "sess" in receiver.lower()) for receiver, called in chunk.calls
    )


def _held_as(module: Module, call: cst.Call) -> set[str]:
    """Return the names that a session is held under; those of one display, `a = [A(), B()]`, have different ones."""
    keeper = kept_by(module, call)
    if isinstance(keeper, cst.Return):
        targets = ["return"]
    elif isinstance(keeper, (cst.Assign, cst.AnnAssign)):
        nodes = [t.target for t in keeper.targets] if isinstance(keeper, cst.Assign) else [keeper.target]
        targets = [module.code(t) for t in nodes]
    else:
        return set()
    place = f"[{call.number}]" if _is_several(module, call) else ""
    return {target + place for target in targets}


def _is_several(module: Module, call: cst.Call) -> bool:
    """Return whether a session is built in a list, pair or dictionary, as one of several."""
    parent = module.parent(call)
    display = module.parent(parent) if isinstance(parent, (cst.Element, cst.DictElement)) else None
    return isinstance(display, (cst.List, cst.Tuple, cst.Dict)) and len(display.elements) > 1


def _is_one_of_many(module: Module, call: cst.Call) -> bool:
    """Return whether a session is built in a loop or comprehension, and kept."""
    if isinstance(kept_by(module, call), (cst.ListComp, cst.DictComp)):
        return True
    loop = module.around(call, cst.For)
    if loop is None or module.function_of(loop) is not module.function_of(call):
        return False
    held = _held_as(module, call)
    uses = [n for n in module.nodes(cst.Name, cst.Attribute, within=loop.body) if dotted(n) in held]
    return any(_is_put_into_many(module, node) for node in (call, *uses))


def _is_put_into_many(module: Module, node: cst.CSTNode) -> bool:
    """Return whether a session is appended to a list, or stored under a key."""
    keeper = kept_by(module, node)
    if isinstance(keeper, cst.Call):
        return True
    return isinstance(keeper, cst.Assign) and any(isinstance(t.target, cst.Subscript) for t in keeper.targets)
