"""Which functions answer requests: routes, views, tasks, servers' contracts, and what these call in the same file."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.chunks import Chunk
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import dotted, last_name, string_value
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.torch_code.call_targets import CallTargets

_VERBS = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "trace"})
# `@app.post("/embed")`, `@router.api_route(…)`, `@sock.route(…)`: web frameworks, always called with a path.
_ROUTES = _VERBS | {"route", "api_route", "websocket", "websocket_route", "api_view", "add_route", "endpoint", "rpc"}
# Decorators that tell by what was imported, as the same words mean other things elsewhere: what the file must name.
_TOLD_BY_PACKAGE = {
    **dict.fromkeys(("task", "periodic_task", "actor", "job"), ("celery", "dramatiq", "huey", "taskiq", "rq")),
    **dict.fromkeys(("function", "method", "web_endpoint", "fastapi_endpoint", "cls"), ("modal",)),
    "api": ("bentoml",),
    "task_queue": ("beam",),
    "requests": ("jina",),
    **dict.fromkeys(
        ("event", "command", "hybrid_command", "message", "message_handler", "callback_query", "on_message", "listen"),
        ("discord", "telegram", "aiogram", "telebot", "pyrogram", "telethon", "nextcord", "disnake", "socketio"),
    ),
    "tool": ("mcp", "fastmcp"),
    **dict.fromkeys(("on_chat_start", "on_message"), ("chainlit",)),
    **dict.fromkeys(("http", "cloud_event"), ("functions_framework",)),
}
_ALWAYS = frozenset({"shared_task", "http_trigger"})

# Classes whose objects answer requests, by the last name of a base, and the methods that do.
_VIEW_METHODS = _VERBS | {"list", "create", "retrieve", "update", "partial_update", "dispatch", "dispatch_request"}
_VIEWS = pattern(
    r"(?:\w*APIView|View|MethodView|TemplateView|FormView|\w*ViewSet|Resource|HTTPEndpoint|HTTPMethodView|RequestHandler"
    r"|Controller|\w*(?:Request|HTTP|API)Handler)"
)
_CONTRACTS: tuple[tuple[re.Pattern[str], frozenset[str]], ...] = (
    (_VIEWS, _VIEW_METHODS | {f"on_{v}" for v in _VERBS} | {f"do_{v.upper()}" for v in _VERBS}),
    (pattern(r"\w*(?:WebSocket|Websocket)\w*"), frozenset({"on_message", "on_receive", "receive", "receive_json"})),
    (pattern(r"BaseHandler|ContextHandler"), frozenset({"handle", "inference", "preprocess", "postprocess"})),
    (pattern(r"LitAPI|BasePredictor|PythonModel"), frozenset({"predict", "decode_request", "encode_response"})),
    (pattern(r"Model|ModelServerModel|MLModel"), frozenset({"predict", "preprocess", "postprocess", "explain"})),
)
_MODEL_SERVERS = ("kserve", "mlserver", "kfserving", "litserve", "cog", "mlflow", "ts", "ray", "bentoml")
# Functions that servers call by name, and how their first parameters are named.
_CALLED_BY_NAME = {
    "lambda_handler": r"\(\s*_?event\b",
    "handler": r"\(\s*_?event\s*(?::[^,]*)?,\s*_?context\b",
    "predict_fn": r"\(\s*\w+\s*(?::[^,]*)?,\s*model\b",
    "transform_fn": r"\(\s*model\b",
    "input_fn": r"\(\s*\w",
}
# A request as a parameter: Starlette, aiohttp, Django, Azure Functions, telegram.
_REQUEST_TYPES = frozenset({"Request", "HttpRequest", "WebSocket", "WebSocketServerProtocol", "Update"})
_REGISTERED = pattern(
    r"\b(?:add_url_rule|add_api_route|add_route|add_get|add_post|add_put|add_websocket_route|Route|WebSocketRoute"
    r"|Interface|ChatInterface|add_handler|MessageHandler|CommandHandler)\s*\(((?:[^()]|\([^()]*\))*)\)"
)
_IDENTIFIER = pattern(r"[A-Za-z_]\w*")
# How many calls may lie between a handler and what is asked about.
_CALLERS_DEPTH = 4


class Handlers:
    """Answers for one file."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._targets = CallTargets(module)
        self._packages = packages(module.facts)
        self._registered = {name for m in _REGISTERED.finditer(module.facts.code) for name in _IDENTIFIER.findall(m[1])}
        self._callers: dict[int, list[cst.FunctionDef]] | None = None

    def is_handler(self, function: cst.FunctionDef) -> bool:
        """Return whether a server calls a function for each request, by its decorators, its class or its contract."""
        return (
            any(self._is_route(decorator) for decorator in function.decorators)
            or self._fulfils_contract(function)
            or self._takes_request(function)
            or (function.name.value in self._registered and self._module.function_of(function) is None)
        )

    def handler_reaching(self, function: cst.FunctionDef) -> cst.FunctionDef | None:
        """Return the handler that a function is, or one of the file that calls it, directly or not; or None."""
        seen = {id(function)}
        level = [function]
        for _ in range(_CALLERS_DEPTH):
            for candidate in level:
                if self.is_handler(candidate):
                    return candidate
            level = [c for f in level for c in self._called_by(f) if id(c) not in seen]
            seen |= {id(c) for c in level}
        return None

    def _called_by(self, function: cst.FunctionDef) -> list[cst.FunctionDef]:
        if self._callers is None:
            self._callers = {}
            for call in self._module.nodes(cst.Call):
                around = self._module.function_of(call)
                if around is not None:
                    for target in self._targets.of(call):
                        self._callers.setdefault(id(target), []).append(around)
        return self._callers.get(id(function), [])

    def _is_route(self, decorator: cst.Decorator) -> bool:
        node = decorator.decorator
        name = last_name(node) or ""
        if name in _ALWAYS:
            return True
        told = _TOLD_BY_PACKAGE.get(name)
        if told is not None and (
            not self._packages.isdisjoint(told) or any(t in (dotted(_unwrapped(node)) or "") for t in told)
        ):
            return True
        # `@get("/x")` of litestar is imported; `@cache.get(key)` and `@property.getter` are no routes.
        if name not in _ROUTES or not isinstance(node, cst.Call):
            return False
        path = string_value(node.args[0].value) if node.args else None
        return path is None or not path or path.startswith("/")  # `@patch("service.load")` is a mock

    def _fulfils_contract(self, function: cst.FunctionDef) -> bool:
        name = function.name.value
        klass = self._module.class_of(function)
        if klass is None:
            parameters = _CALLED_BY_NAME.get(name)
            if parameters is not None:
                return re.match(parameters, "(" + self._module.code(function.params)) is not None
            return name == "run" and bool(self._module.facts.outline.functions.get("init"))  # Azure ML
        if klass.name.value == "TritonPythonModel":
            return name == "execute"
        if any(last_name(d.decorator) == "deployment" for d in klass.decorators):  # Ray Serve
            return not name.startswith("_") or name == "__call__"
        outlined = self._module.facts.outline.by_name.get(klass.name.value)
        bases = [last_name(b.value) or "" for b in klass.bases]
        if outlined is not None:
            bases += [b.rpartition(".")[2] for k in self._module.facts.outline.bases_of(outlined) for b in k.bases]
        if any(base.endswith("Servicer") for base in bases):  # gRPC
            return not name.startswith("_") and len(function.params.params) == 3
        for bases_named, methods in _CONTRACTS:
            if name in methods and any(bases_named.fullmatch(base) for base in bases):
                return bases_named.pattern != "Model|ModelServerModel|MLModel" or not self._packages.isdisjoint(
                    _MODEL_SERVERS
                )
        return False

    def _takes_request(self, function: cst.FunctionDef) -> bool:
        for parameter in function.params.params:
            if parameter.annotation is not None:
                kind = last_name(parameter.annotation.annotation)
                if kind in _REQUEST_TYPES and self._module.is_imported(parameter.annotation.annotation):
                    return True
        return False


def packages(facts: Facts) -> frozenset[str]:
    """Return the top-level packages that a file imports something of."""
    return frozenset(full.partition(".")[0] for full in facts.imports.values())


def with_callers(chunks: Iterable[Chunk], facts: Facts) -> set[Chunk]:
    """Return functions and all of the file that call them, directly or not."""
    callers = facts.outline.callers
    reached: set[Chunk] = set()
    todo = list(chunks)
    while todo:
        chunk = todo.pop()
        if chunk not in reached:
            reached.add(chunk)
            todo += callers.get(chunk, ())
    return reached


def _unwrapped(node: cst.BaseExpression) -> cst.BaseExpression:
    return node.func if isinstance(node, cst.Call) else node
