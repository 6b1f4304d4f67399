import pytest

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.machine.limits import Limits
from pytest_cpuperf.machine.placement import CannotPlaceError, Request, place, usable_cpus
from pytest_cpuperf.machine.topology import Topology

TWO_NODES = Topology(
    cpus=tuple(range(8)),
    cores=((0, 4), (1, 5), (2, 6), (3, 7)),
    packages=((0, 1, 4, 5), (2, 3, 6, 7)),
    numa_nodes={0: (0, 1, 4, 5), 1: (2, 3, 6, 7)},
)
HYBRID = Topology((0, 1, 2, 3), ((0, 1), (2,), (3,)), ((0, 1, 2, 3),), {0: (0, 1, 2, 3)}, frozenset({0, 1}))
FREE = Limits(None, None)


@pytest.mark.parametrize(
    ("limits", "keywords", "cpus"),
    [
        (FREE, {}, (0, 1)),  # one node, one CPU per core
        (FREE, {"smt": "use"}, (0, 1, 4, 5)),
        (FREE, {"node": "any"}, (0, 1, 2, 3)),
        (FREE, {"node": 1, "cores": 1}, (2,)),
        (Limits(frozenset({1, 2, 3, 6}), None), {}, (2, 3)),  # node 1 has more of our cores
        (Limits(None, 1.5), {}, (0,)),  # no more than the quota allows
        (Limits(None, 0.5), {}, (0,)),
    ],
)
def test_places(limits, keywords, cpus):
    assert place(TWO_NODES, limits, Request.from_keywords(keywords)).cpus == cpus


@pytest.mark.parametrize(("kind", "cpus"), [("performance", (0,)), ("efficiency", (2, 3)), ("any", (0, 2, 3))])
def test_kinds_of_cores(kind, cpus):
    assert place(HYBRID, FREE, Request(kind=kind)).cpus == cpus


@pytest.mark.parametrize(
    ("limits", "keywords", "said"),
    [
        (FREE, {"cores": 3}, "asked for 3 cores (node 0); there are 2"),
        (FREE, {"node": 5}, "asked for node 5; nodes with such CPUs here: 0, 1"),
        (FREE, {"kind": "efficiency"}, "all cores here are of one kind"),
        (Limits(None, 1.0), {"cores": 2}, "asked for 2 CPUs; the quota of 1 allows 1"),
    ],
)
def test_says_what_was_asked_and_what_there_is(limits, keywords, said):
    with pytest.raises(CannotPlaceError, match=said.replace("(", r"\(").replace(")", r"\)")):
        place(TWO_NODES, limits, Request.from_keywords(keywords))


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({"core": 1}, "did you mean 'cores'"),
        ({"cores": 0}, "whole number of at least 1"),
        ({"smt": "avid"}, "did you mean 'avoid'"),
        ({"node": "two"}, "a node's number"),
        ({"kind": True}, "kind takes"),
    ],
)
def test_keywords_are_checked(keywords, said):
    with pytest.raises(UsageError, match=said):
        Request.from_keywords(keywords)


def test_usable_is_bounded_by_the_quota():
    assert usable_cpus(TWO_NODES, Limits(None, 2.7)) == 2
    assert usable_cpus(TWO_NODES, Limits(frozenset({1, 2}), None)) == 2
