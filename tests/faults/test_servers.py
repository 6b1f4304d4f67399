"""`cpuperf inspect --torchserve` and whatever may answer there: one line, within a time and a size."""

import gzip
import itertools
import socket

import pytest

from pytest_cpuperf.servers import torchserve
from tests.helpers.drawing import COUNT, drawn, told
from tests.helpers.servers import serving

pytestmark = pytest.mark.slow
RUNS = COUNT // 75
STATUS = (b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK", b"HTTP/1.1 302 Found", b"HTTP/1.1 500 \x1b[31m", b"HTTP/9.9 x", b"")
HEADERS = (
    b"Content-Length: 5",
    b"Content-Length: 99999999999999999999",
    b"Content-Length: -1",
    b"Transfer-Encoding: chunked",
    b"Content-Encoding: gzip",
    b"Location: http://[::1",
    b"Location: http://192.0.2.1/",
    b"Location: /models",
    b"X: " + b"y" * 70_000,
)
BODIES = {
    "nothing": list,
    "an object": lambda: [b'{"models": [{"modelName": "a"}]}'],
    "a bomb": lambda: [gzip.compress(b" " * (8 << 20))],
    "a drip": lambda: itertools.repeat(b" "),
    "no end": lambda: itertools.repeat(b"[" * 65536),
    "a chunk of wrong length": lambda: [b"ffffffffffffffffffff\r\n{}", b"\r\n0\r\n\r\n"],
    "garbage": lambda: [bytes(range(256)) * 40],
}


def test_any_answer_is_one_line(cpuperf_command, monkeypatch):
    rng = drawn("servers")
    monkeypatch.setattr(torchserve, "_MOST_SECONDS", 0.5)
    monkeypatch.setattr(torchserve, "_MOST_BYTES", 1 << 20)
    families = [socket.AF_INET, *([socket.AF_INET6] if _has_ipv6() else [])]
    for number in range(RUNS):
        status, body = rng.choice(STATUS), rng.choice(list(BODIES))
        head = b"\r\n".join([status, *rng.sample(HEADERS, rng.randrange(4)), b"", b""])
        family, accepts, closes = rng.choice(families), rng.random() < 0.9, rng.random() < 0.5
        with told(f"run {number}: {head[:200]!r} with {body}, {family.name}, {accepts=}, {closes=}"):
            with serving(lambda h=head, b=body: itertools.chain([h], BODIES[b]()), family, accepts, closes) as url:
                code, out, err = cpuperf_command("inspect", "--torchserve", url)
            assert (code, out) == (2, "")
            assert "\x1b" not in err
            assert len(err.splitlines()) in (1, 2)


def _has_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True
