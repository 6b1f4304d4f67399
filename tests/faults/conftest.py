import sys

import pytest

from tests.faults.running import Runner


@pytest.fixture(scope="session")
def runner(tmp_path_factory):
    if sys.platform != "linux":
        pytest.skip("reads /proc and takes over orphans, which Linux alone lets it")
    runner = Runner(tmp_path_factory.mktemp("outputs"))
    yield runner
    runner.close()
