"""A real TorchServe on loopback, two workers on two cores: with its launcher, without, and with one that fails."""

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import psutil
import pytest

WHY_NOT = (
    "TorchServe is not installed"
    if importlib.util.find_spec("ts") is None or importlib.util.find_spec("model_archiver") is None
    else "TorchServe needs Java 17"
    if shutil.which("java") is None
    else "needs two CPUs"
    if not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2
    else None
)
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))

HANDLER = """
import torch
from ts.torch_handler.base_handler import BaseHandler

class Handler(BaseHandler):
    def initialize(self, context):
        self.model = torch.nn.Sequential(*(torch.nn.Linear(1024, 1024) for _ in range(6))).eval()
        self.initialized = True

    def handle(self, data, context):
        with torch.inference_mode():
            out = self.model(torch.ones(64, 1024))
        return [float(out.sum())] * len(data)
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Return a model store with one archive."""
    folder = tmp_path_factory.mktemp("store")
    (folder / "handler.py").write_text(HANDLER)
    command = [sys.executable, "-m", "model_archiver.model_packaging", "--model-name", "net", "--version", "1.0"]
    subprocess.run([*command, "--handler", "handler.py", "--export-path", str(folder)], cwd=folder, check=True)
    return folder


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


@contextmanager
def torchserve(folder, store, *lines):
    """Run TorchServe with two workers until the block ends; yields (management URL, inference URL)."""
    inference, management, metrics, grpc, grpc_management = free_ports(5)
    config = [
        f"inference_address=http://127.0.0.1:{inference}",
        f"management_address=http://127.0.0.1:{management}",
        f"metrics_address=http://127.0.0.1:{metrics}",
        f"grpc_inference_port={grpc}",
        f"grpc_management_port={grpc_management}",
        "disable_token_authorization=true",
        "default_workers_per_model=2",
        "load_models=net.mar",
        f"model_store={store}",
        *lines,
    ]
    (folder / "config.properties").write_text("\n".join(config) + "\n")
    # The front end itself: the `torchserve` command keeps one PID file for the whole machine.
    home = importlib.util.find_spec("ts").submodule_search_locations[0]
    command = ["java", f"-Dmodel_server_home={os.path.dirname(home)}", "-cp", f"{home}/frontend/*"]
    command += ["org.pytorch.serve.ModelServer", "--python", sys.executable, "-f", "config.properties", "-ncs"]
    environment = {**os.environ, "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"}
    with open(folder / "log.txt", "wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=environment)
    try:
        url = f"http://127.0.0.1:{management}"
        _until_ready(url, server, folder)
        yield url, f"http://127.0.0.1:{inference}/predictions/net"
    finally:
        family = [server.pid, *(p.pid for p in psutil.Process(server.pid).children(recursive=True))]
        for pid in family:
            with suppress(psutil.NoSuchProcess):
                psutil.Process(pid).kill()
        server.wait()


def _until_ready(url, server, folder):
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        assert server.poll() is None, (folder / "log.txt").read_text()[-2000:]
        try:
            with urllib.request.urlopen(f"{url}/models/net", timeout=2) as answer:
                workers = json.load(answer)[0]["workers"]
        except OSError:
            workers = []
        if len(workers) == 2 and all(w["status"] == "READY" for w in workers):
            return
        time.sleep(0.3)
    pytest.fail(f"TorchServe's workers were not ready in 90 s: {(folder / 'log.txt').read_text()[-2000:]}")


def inspected(command, url, *more):
    code, out, err = command("inspect", "--torchserve", url, "--format", "json", *more)
    assert err == ""
    document = json.loads(out)
    return code, document, [p for p in document["processes"] if p["role"] == "worker"]


def test_workers_of_the_launcher_are_pinned(tmp_path, store, cpuperf_command):
    with torchserve(tmp_path, store, "cpu_launcher_enable=true") as (url, _):
        code, document, workers = inspected(cpuperf_command, url)
        assert (code, document["problems"]) == (0, [])
        assert document["verdict"].startswith("pinned: 2 workers on CPUs ")
        assert set(workers[0]["cpus"]).isdisjoint(workers[1]["cpus"])
        assert workers[0]["variables"]["OMP_NUM_THREADS"]
        assert sum(p["role"] == "launcher" for p in document["processes"]) == 2


@pytest.mark.slow
def test_without_the_launcher_loaded_workers_fight_and_the_settings_told_are_right(tmp_path, store, cpuperf_command):
    with torchserve(tmp_path, store) as (url, predictions):
        with ThreadPoolExecutor(4) as clients:
            stop = time.monotonic() + 4

            def ask():
                while time.monotonic() < stop:
                    request = urllib.request.Request(predictions, data=b"x")
                    urllib.request.urlopen(request, timeout=30).read()

            asking = [clients.submit(ask) for _ in range(4)]
            time.sleep(1.5)
            code, document, workers = inspected(cpuperf_command, url)
            for future in asking:
                future.result()
        names = [p["name"] for p in document["problems"]]
        assert code == 1
        assert {"launcher-off", "overlap"} <= set(names)
        assert not document["pinned"]
        assert all(w["wanted_cpus"] > 0.2 for w in workers), "both were busy"
        assert document["settings"][0] == "cpu_launcher_enable=true"
    again = tmp_path / "again"
    again.mkdir()
    settings = [line for line in document["settings"] if "default_workers" not in line]
    with torchserve(again, store, *settings) as (url, _):
        code, document, _ = inspected(cpuperf_command, url)
        assert (code, document["pinned"]) == (0, True)


@pytest.mark.slow
def test_a_launcher_that_falls_back_silently_is_found_out(tmp_path, store, cpuperf_command):
    with torchserve(tmp_path, store, "cpu_launcher_enable=true", "cpu_launcher_args=--core_list 0,1") as (url, _):
        code, document, workers = inspected(cpuperf_command, url)
        assert code == 1
        assert "launcher silently not in effect" in document["verdict"]
        assert len(workers) == 2
        # A worker's own PID tells the same: the server is found among its parents.
        code, out, _ = cpuperf_command("inspect", workers[0]["pid"])
        assert "launcher-not-in-effect" in out
