"""The rules against labelled sites in published packages (../shared/corpus); downloads them once."""

import subprocess
import sys
from pathlib import Path

import pytest

SCORE = Path(__file__).parents[2].parent / "shared/corpus/score"


@pytest.mark.skipif(not SCORE.exists(), reason="../shared/corpus is not beside this checkout")
def test_precision_and_recall_on_labelled_sites():
    done = subprocess.run(
        [sys.executable, SCORE, "--cpuperf", f"{sys.executable} -m pytest_cpuperf"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
