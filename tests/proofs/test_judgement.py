"""What the interval of a speedup says of the claim that promised one."""

import pytest

from pytest_cpuperf.proofs.judgement import judged
from pytest_cpuperf.results.claims import Judgement
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Estimate


@pytest.mark.parametrize(
    ("low", "high", "judgement"),
    [
        (1.02, 1.5, Judgement.CONFIRMED),
        (1.019, 1.5, Judgement.INCONCLUSIVE),
        (0.99, 1.019, Judgement.NOT_REPRODUCED),
        (0.99, 1.021, Judgement.INCONCLUSIVE),
        (0.979, 1.01, Judgement.INCONCLUSIVE),
        (0.5, 0.98, Judgement.HARMFUL),
        (0.5, 0.981, Judgement.INCONCLUSIVE),
    ],
)
def test_a_gain_below_2_percent_is_none(low, high, judgement):
    assert judged(Estimate((low + high) / 2, low, high, Unit("×"), 0.95, 40)) is judgement


def test_nothing_measured_judges_nothing():
    assert judged(None) is Judgement.INCONCLUSIVE
