"""What answers at a management address may be anything: one line, within a time and a size."""

import itertools

import pytest

from pytest_cpuperf.servers import torchserve
from tests.helpers.servers import serving

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"


def redirect(to):
    return lambda: [b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + to + b"\r\n\r\n"]


HOSTILE = {
    "a body that drips": (lambda: itertools.chain([OK], itertools.repeat(b" ")), "nothing whole within 1 s"),
    "headers that drip": (lambda: itertools.chain([OK[:-2]], itertools.repeat(b"a")), "nothing whole within 1 s"),
    "headers without end": (lambda: itertools.chain([OK[:-2]], itertools.repeat(b"a: b\r\n" * 200)), "answers no HTTP"),
    "a body without end": (lambda: itertools.chain([OK], itertools.repeat(b" " * 65536)), "answers more than 1 MiB"),
    "another protocol": (lambda: [b"SSH-2.0-OpenSSH_9.2\r\n"], "answers no HTTP"),
    "nothing": (list, "does not answer"),
    "another host": (redirect(b"http://192.0.2.7/models"), "sends us to another host"),
    "another host by its name": (redirect(b"http://localhost.invalid:1/"), "sends us to another host"),
    "a file": (redirect(b"file:///etc/passwd"), "answers 302"),
    "an address that is none": (redirect(b"http://[::1"), "answers no HTTP"),
    "itself, with a body without end": (
        lambda: itertools.chain([b"HTTP/1.1 302 Found\r\nLocation: /models\r\n\r\n"], itertools.repeat(b" " * 65536)),
        "answers 302",
    ),
    "itself": (redirect(b"/models"), "answers 302"),
    "JSON nested too deeply": (lambda: [OK + b"[" * 100_000], "answers no JSON"),
    "a body that is cut off": (lambda: [b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"], "answers no"),
    "a status with escape sequences": (lambda: [b"HTTP/1.1 500 \x1b[31mred\r\n\r\n"], "answers 500: expected"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_server_is_one_line(cpuperf_command, monkeypatch, what):
    monkeypatch.setattr(torchserve, "_MOST_SECONDS", 1)
    monkeypatch.setattr(torchserve, "_MOST_BYTES", 1 << 20)
    pieces, said = HOSTILE[what]
    with serving(pieces) as url:
        code, out, err = cpuperf_command("inspect", "--torchserve", url)
    assert (code, out) == (2, "")
    assert said in err
    assert err.isascii()
    assert "\x1b" not in err
    assert len(err.splitlines()) <= 2


@pytest.mark.parametrize("worker", ['{"pid": 1e999}', '{"pid": 99999999999999999999}', '{"pid": [1]}', "5"])
def test_workers_that_are_none(cpuperf_command, worker):
    models = b'{"models": [{"modelName": "a"}]}'
    versions = f'[{{"workers": [{worker}]}}]'.encode()
    turns = itertools.cycle([models, versions])
    with serving(lambda: [OK + next(turns)]) as url:
        code, out, err = cpuperf_command("inspect", "--torchserve", url)
    assert (code, out) == (2, "")
    assert "expected TorchServe's management API" in err or "which is no TorchServe worker on this machine" in err
