"""`cpuperf inspect` on real processes of this machine."""

import importlib.util
import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import psutil
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")


def needs(package):
    """Skip without a package that another process will import: here it would load twice."""
    return pytest.mark.skipif(importlib.util.find_spec(package) is None, reason=f"needs {package}")


CPUS = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else [0]

TORCH = """
import sys, torch
torch.set_num_threads(int(sys.argv[1]))
x = torch.ones(800, 800)
x @ x
print("ready", flush=True)
while sys.argv[2] == "busy":
    x @ x
sys.stdin.read()
"""
ORT = """
import sys
import numpy as np, onnx, onnxruntime
from onnx import helper
value = lambda name: helper.make_tensor_value_info(name, 1, [64, 64])
graph = helper.make_graph([helper.make_node("MatMul", ["x", "x"], ["y"])], "g", [value("x")], [value("y")])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(sys.argv[1])
session = onnxruntime.InferenceSession(model.SerializeToString(), options)
session.run(None, {"x": np.ones((64, 64), np.float32)})
print("ready", flush=True)
sys.stdin.read()
"""


@contextmanager
def process(script, *arguments, cpus=None):
    """Run a script until the block ends; yields its PID once it says that it is ready."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    if cpus is not None:
        command = ["taskset", "-c", ",".join(map(str, cpus)), *command]
    running = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert running.stdout.readline() == "ready\n"
        yield running.pid
    finally:
        running.kill()
        running.communicate()


@needs("torch")
def test_a_busy_torch_process_with_too_many_threads(cpuperf_command):
    with process(TORCH, 4 * len(CPUS), "busy") as pid:
        code, out, _ = cpuperf_command("inspect", pid, "--format", "json")
    document = json.loads(out)
    assert code == 1
    assert document["schema"] == "cpuperf/inspection/1"
    (worker,) = document["processes"]
    assert worker["role"] == "worker"
    assert "torch" in worker["libraries"]
    assert worker["compute_threads"] >= 4 * len(CPUS)
    assert worker["wanted_cpus"] > 2 * len(CPUS)
    assert worker["involuntary_per_second"] > 0
    assert document["problems"][0]["name"] == "oversubscribed"
    assert f"OMP_NUM_THREADS={document['usable']}" in document["settings"]


@needs("onnxruntime")
def test_an_idle_onnxruntime_process_with_too_many_threads(cpuperf_command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with process(ORT, 4 * len(CPUS)) as pid:
        code, out, _ = cpuperf_command("inspect", pid, "--seconds", "0.3")
    assert code == 1
    assert "oversubscribed: ×" in out
    assert f"SessionOptions.intra_op_num_threads = {len(CPUS)}" in out
    assert max(map(len, out.splitlines())) <= 80


@needs("torch")
@pytest.mark.skipif(len(CPUS) < 2, reason="needs two CPUs")
def test_two_pinned_processes_and_what_a_variable_says_in_one(cpuperf_command, monkeypatch):
    first = process(TORCH, 1, "idle", cpus=CPUS[:1])
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    second = process(TORCH, 1, "idle", cpus=CPUS[1:2])
    with first as a, second as b:
        code, out, _ = cpuperf_command("inspect", a, b, "--seconds", "0.2")
        assert (code, f"pinned: 2 workers on CPUs {CPUS[0]} | {CPUS[1]}" in out) == (0, True)
        assert "OMP_NUM_THREADS=1" in out
        for thread in os.listdir(f"/proc/{b}/task"):
            os.sched_setaffinity(int(thread), CPUS[:1])
        code, out, _ = cpuperf_command("inspect", a, b, "--seconds", "0.2")
        assert (code, f"overlap: workers {a}, {b} share CPUs {CPUS[0]}" in out) == (1, True)
        assert f"taskset -apc {CPUS[1]} {b}" in out


def test_a_process_that_is_not_there_and_one_that_ends_meanwhile(cpuperf_command):
    with process("print('ready', flush=True)\nimport time\ntime.sleep(0.3)") as pid:
        code, out, err = cpuperf_command("inspect", pid, "--seconds", "1")
    assert (code, out) == (2, "")
    assert err.startswith(f"cpuperf: there is no process {pid}: it never was, or has ended\n")
    code, _, err = cpuperf_command("inspect", 2**22 + 1)
    assert (code, len(err.splitlines())) == (2, 2)


def test_a_process_of_somebody_else(cpuperf_command, monkeypatch):
    def denied(self):
        raise psutil.AccessDenied(self.pid)

    monkeypatch.setattr(psutil.Process, "environ", denied)
    code, _, err = cpuperf_command("inspect", os.getpid(), "--seconds", "0.1")
    assert code == 2
    assert f"process {os.getpid()} belongs to {psutil.Process().username()}: its threads cannot be read" in err


@contextmanager
def management(status, body):
    """Serve one answer to every question, as a management address might."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b"<html>", "answers no JSON: expected TorchServe's management API"),
        (200, b"[]", "answers something else"),
        (200, b'{"models": []}', "no model has a worker yet"),
        (200, b'{"models": [{"name": 1}]}', "answers something else"),
        (200, b'{"models": 5}', "answers something else"),
        (400, b"{}", "it asks for a token"),
        (500, b"{}", "answers 500"),
    ],
)
def test_an_address_that_is_no_torchserve(cpuperf_command, status, body, said):
    with management(status, body) as url:
        code, out, err = cpuperf_command("inspect", "--torchserve", url)
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "expected PIDs or --torchserve URL, found neither"),
        (["--torchserve", "http://127.0.0.1:1"], "does not answer"),
        (["--torchserve", "ftp://127.0.0.1"], "takes a management URL"),
        (["--torchserve", "http://192.0.2.7:8081"], "is on another machine"),
        (["--torchserve", "http://no-such-host.invalid"], "is not known here"),
        (["1", "--seconds", "0"], "--seconds takes a number from 0.05"),
        (["one"], "expected a process number above 0, found 'one'"),
    ],
)
def test_wrong_use_is_one_line(cpuperf_command, arguments, said):
    code, out, err = cpuperf_command("inspect", *arguments)
    assert (code, out) == (2, "")
    assert said in err.splitlines()[0]
