"""The machine room on machines that are not at hand, each a Linux of its own under emulation: `pytest -m guest`."""

import pytest

from tests.guest import emulator
from tests.guest.emulator import Machine

REASON = emulator.why_not()
pytestmark = [pytest.mark.guest, pytest.mark.skipif(REASON is not None, reason=str(REASON))]

# Each takes minutes. Without limits is what runs the other tests.
MACHINES = [
    Machine(2, 2, 2, quota=1.5, cpuset="1-5"),
    Machine(1, 4, 2, quota=2.5),
    Machine(4, 2, 1, cpuset="2-7"),
]


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return emulator.build_image(tmp_path_factory.mktemp("guest"))


@pytest.mark.parametrize("machine", MACHINES, ids=str)
def test_inside(machine, image, tmp_path):
    status, said = emulator.run(machine, image, tmp_path)
    assert status == 0, f"{machine}:\n{said}"
    assert "passed" in said
