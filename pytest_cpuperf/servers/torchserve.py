"""A TorchServe on this machine: its workers, from its management API, and the file it was configured by."""

from __future__ import annotations

import itertools
import json
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import ProxyHandler, build_opener

import psutil

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.servers.processes import ancestors
from pytest_cpuperf.servers.roles import SERVER
from pytest_cpuperf.static.configs.properties import Properties

_TIMEOUT_SECONDS = 5
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
    pids: list[int] = []
    try:
        for model in _get(f"{base}/models?limit=1000").get("models", []):
            for version in _get(f"{base}/models/{quote(model['modelName'])}/all", many=True):
                pids += [int(worker["pid"]) for worker in version.get("workers", []) if int(worker.get("pid", -1)) > 0]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UsageError(f"{url} answers something else: expected TorchServe's management API") from None
    if not pids:
        raise UsageError(f"{url}: no model has a worker yet", "wait until its models are READY")
    for pid in pids:
        try:
            found = psutil.Process(pid).cmdline()
        except psutil.Error:
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


def _get(url: str, many: bool = False) -> Any:
    # No proxy: the server is on this machine.
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(url, timeout=_TIMEOUT_SECONDS) as answer:
            document = json.load(answer)
    except HTTPError as error:
        if error.code in (400, 401, 403):
            hint = "name the workers' PIDs instead, or start it with disable_token_authorization=true"
            raise UsageError(f"{url} answers {error.code}: it asks for a token", hint) from None
        raise UsageError(f"{url} answers {error.code} {error.reason}: expected TorchServe's management API") from None
    except (URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        text = getattr(reason, "strerror", None) or str(reason)
        raise UsageError(f"{url} does not answer: {text}", "is this management_address of its config?") from None
    except ValueError:
        raise UsageError(f"{url} answers no JSON: expected TorchServe's management API") from None
    if not isinstance(document, list if many else dict):
        raise UsageError(f"{url} answers something else: expected TorchServe's management API")
    return document
