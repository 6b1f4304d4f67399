"""A TorchServe on this machine: its workers, from its management API, and the file it was configured by."""

from __future__ import annotations

import itertools
import json
import queue
import socket
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

import psutil

from pytest_cpuperf.clock import now
from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.servers.processes import ancestors
from pytest_cpuperf.servers.roles import SERVER
from pytest_cpuperf.static.configs.properties import Properties

# For all that is asked of a server, not for each answer.
_MOST_SECONDS = 10
_MOST_BYTES = 16 << 20
_HINT = "is this management_address of its config?"
_WORKER = "model_service_worker.py"


@dataclass(frozen=True)
class TorchServe:
    """A running TorchServe front end, and how it is configured."""

    pid: int
    config: Path | None
    """The properties file it was started with, where its command, environment or folder tells."""
    launcher_enabled: bool = False
    """Whether its configuration asks for the launcher, which pins workers."""

    @property
    def config_name(self) -> str:
        """The configuration, as messages name it."""
        return str(self.config or "TorchServe's configuration")


def worker_pids(url: str) -> list[int]:
    """Return the processes of all workers a TorchServe names. Raises UsageError where it cannot be asked."""
    base = _local(url)
    until = now() + _MOST_SECONDS
    pids: list[int] = []
    try:
        for model in _get(f"{base}/models?limit=1000", until).get("models", []):
            for version in _get(f"{base}/models/{quote(model['modelName'])}/all", until, many=True):
                pids += [int(worker["pid"]) for worker in version.get("workers", []) if int(worker.get("pid", -1)) > 0]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise UsageError(f"{url} answers something else: expected TorchServe's management API") from None
    if not pids:
        raise UsageError(f"{url}: no model has a worker yet", "wait until its models are READY")
    for pid in pids:
        try:
            found = psutil.Process(pid).cmdline()
        except (psutil.Error, OverflowError):
            found = []
        if not any(word.endswith(_WORKER) for word in found):
            hint = "run this inside its container, or name the workers' PIDs as they are here"
            raise UsageError(f"{url} names worker {pid}, which is no TorchServe worker on this machine", hint)
    return pids


def torchserve_of(pids: Iterable[int]) -> TorchServe | None:
    """Return the TorchServe front end among some processes and those that started them, or None.

    Raises UsageError where its configuration cannot be read.
    """
    for pid in pids:
        try:
            candidates = [(pid, tuple(psutil.Process(pid).cmdline())), *ancestors(pid)]
        except psutil.Error:
            continue
        for candidate, command in candidates:
            if SERVER in command:
                return _configured(candidate, command)
    return None


def _configured(pid: int, command: tuple[str, ...]) -> TorchServe:
    try:
        process = psutil.Process(pid)
        folder, variables = Path(process.cwd()), process.environ()
    except psutil.Error:
        return TorchServe(pid, None)
    after = dict(itertools.pairwise(command))
    named = after.get("-f") or after.get("--ts-config-file") or variables.get("TS_CONFIG_FILE")
    path = folder / (named or "config.properties")
    if not path.is_file():
        return TorchServe(pid, None)
    return TorchServe(pid, path, _launcher_enabled(path, variables))


def _launcher_enabled(file: Path, variables: Mapping[str, str]) -> bool:
    try:
        config = Properties(file.read_bytes().decode("latin-1"))
    except OSError as error:
        raise UsageError(f"cannot read TorchServe's configuration {file}: {error.strerror}") from None
    if config.get("cpu_launcher_enable") is None and config.is_true("enable_envvars_config"):
        return variables.get("TS_CPU_LAUNCHER_ENABLE", "").lower() == "true"
    return config.is_true("cpu_launcher_enable")


def _local(url: str) -> str:
    parts = urlsplit(url if "//" in url else f"http://{url}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(f"--torchserve takes a management URL, found {url!r}", "such as http://127.0.0.1:8081")
    try:
        addresses = {str(info[4][0]) for info in socket.getaddrinfo(host, port or 8081)}
    except OSError:
        raise UsageError(f"{url}: the name {host!r} is not known here") from None
    here = {a.address.split("%")[0] for found in psutil.net_if_addrs().values() for a in found} | {"127.0.0.1", "::1"}
    if not addresses & here and not any(a.startswith("127.") for a in addresses):
        raise UsageError(f"{url} is on another machine, whose processes cannot be seen from here", "run this there")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _get(url: str, until: float, many: bool = False) -> Any:
    """Return a JSON answer. Raises UsageError where none has come, whole, when the clock reads `until`."""
    answers: queue.SimpleQueue[bytes | Exception] = queue.SimpleQueue()
    # A thread: the time limits of sockets are for each piece, and an answer may drip in many of them.
    threading.Thread(target=lambda: answers.put(_answer(url)), daemon=True).start()
    try:
        answer = answers.get(timeout=max(0.0, until - now()))
    except queue.Empty:
        raise UsageError(f"{url} does not answer: nothing whole within {_MOST_SECONDS} s", _HINT) from None
    if isinstance(answer, UsageError):
        raise answer
    if isinstance(answer, HTTPError):
        if answer.code in (400, 401, 403):
            hint = "name the workers' PIDs instead, or start it with disable_token_authorization=true"
            raise UsageError(f"{url} answers {answer.code}: it asks for a token", hint)
        raise UsageError(f"{url} answers {answer.code}: expected TorchServe's management API")
    if isinstance(answer, OSError):
        reason = getattr(answer, "reason", answer)
        text = getattr(reason, "strerror", None) or str(reason)
        raise UsageError(f"{url} does not answer: {text}", _HINT)
    if isinstance(answer, Exception):
        raise UsageError(f"{url} answers no HTTP: expected TorchServe's management API")
    if len(answer) > _MOST_BYTES:
        raise UsageError(f"{url} answers more than {_MOST_BYTES >> 20} MiB: expected TorchServe's management API")
    try:
        document = json.loads(answer)
    except (ValueError, RecursionError):
        raise UsageError(f"{url} answers no JSON: expected TorchServe's management API") from None
    if not isinstance(document, list if many else dict):
        raise UsageError(f"{url} answers something else: expected TorchServe's management API")
    return document


def _answer(url: str) -> bytes | Exception:
    """Return the body of an answer, or why there is none."""
    # No proxy: the server is on this machine.
    opener = build_opener(ProxyHandler({}), _SameHost())
    try:
        with opener.open(url, timeout=_MOST_SECONDS) as answer:
            body: bytes = answer.read(_MOST_BYTES + 1)
            return body
    except Exception as error:  # what is no HTTP makes http.client raise many kinds
        if isinstance(error, HTTPError):
            error.close()
        return error


class _SameHost(HTTPRedirectHandler):
    """Follows a redirect to the same host alone: another one is asked for nothing."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        """Return the request that a redirect asks for."""
        fp.close()  # urllib would read the body, however long
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        if new.scheme not in ("http", "https") or new.hostname != old.hostname:
            raise UsageError(f"{req.full_url} sends us to another host: expected TorchServe's management API")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
