"""The HTML report: what it says, what it must not let through, and how large it gets."""

import importlib.util
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from pytest_cpuperf.registry import load_kinds
from pytest_cpuperf.reports.charts import chart
from pytest_cpuperf.reports.formats import run_formats
from pytest_cpuperf.reports.html import html_text
from pytest_cpuperf.results.claims import Claim, Judgement
from pytest_cpuperf.results.evidence import Disturbance, DisturbanceKind
from pytest_cpuperf.results.findings import CheckError, CheckResult, Fix
from pytest_cpuperf.results.measurements import CallGroup, LatencyMeasurement
from pytest_cpuperf.results.remarks import Stated
from pytest_cpuperf.results.run import OtherRevision, TestRecord
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Budget, Verdict
from tests.helpers.runs import ARM, EVIDENCE, FINDING, estimate, measurement, run_result

pytestmark = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("jinja2", "matplotlib"))), reason="needs jinja2 and matplotlib"
)

HOSTILE = '</style><script>alert(1)</script><img src=x onerror=alert(1)>"\' onload="alert(1)" {{ 7*7 }} `|\n| ${x}'


class Page(HTMLParser):
    """Reads a page as a browser does: its tags with their attributes, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self.styles = [], [], 0
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


@pytest.fixture(autouse=True)
def kinds():
    """Know how quantities of evidence are worded, as whoever writes a page does."""
    load_kinds()


def test_it_says_how_it_went_and_shows_what_it_stands_on():
    data = run_result(verdict="fail", reason="the machine was quiet")
    page = Page(html_text(data, "cpuperf"))
    assert "1 of 1 budgets is lost, no static findings in 7 files." in page.text
    assert "100 texts/s [97.0, 103.0] < 90 (budget)" in page.text.replace("100.0", "100")
    assert "the machine was quiet" in page.text
    assert "waited for a CPU 0.01 s" in page.text
    assert "other processes on its CPUs not told by this system" in page.text
    assert [a["class"] for t, a in page.tags if t == "path"] == ["point", "budget", "disturbed", "dots"]
    assert [a["aria-label"] for t, a in page.tags if t == "svg"] == ["pairs over time"]
    assert len([a for t, a in page.tags if t == "span" and a["class"] == "cpu used"]) == 2
    assert "1 test on CPUs 0-1 (node 0), each thread read back" in page.text
    assert ("details", {"class": "fail", "open": None}) in page.tags, "what failed is open"


def test_nothing_comes_from_elsewhere_and_there_is_no_script():
    text = html_text(run_result(arms=(ARM, replace(ARM, arm="padded", speedup=None))), "cpuperf")
    links = [
        value for _, a in Page(text).tags for name, value in a.items() if name in ("src", "href", "srcset", "action")
    ]
    assert [link for link in links if not link.startswith("#")] == ["data:,"]
    assert "<script" not in text
    assert "url(" not in text.replace("url(#", "")
    assert "@import" not in text


def test_hostile_words_stay_words_everywhere():
    words = {"rule": HOSTILE, "name": HOSTILE, "path": HOSTILE, "message": HOSTILE, "help": HOSTILE}
    finding = replace(FINDING, **words, source_line=HOSTILE, fix=Fix("safe", HOSTILE, ()))
    run = run_result(name=HOSTILE, verdict="inconclusive", label=HOSTILE, reason=HOSTILE, notes=[HOSTILE],
                     arms=(replace(ARM, arm=HOSTILE),), length_histogram=((8, 3), (16, 1)))  # fmt: skip
    test = replace(run.tests[0], placement=replace(run.tests[0].placement, reason=HOSTILE))
    data = replace(
        run,
        tests=(test, TestRecord(HOSTILE + "2", "failed")),
        static=CheckResult(1, (finding,), errors=(CheckError(HOSTILE, 1, HOSTILE),)),
        machine=replace(run.machine, processor=HOSTILE, system=HOSTILE, python=HOSTILE),
        against=OtherRevision(HOSTILE, HOSTILE, 1, (HOSTILE,)),
        claims=(Claim(HOSTILE, HOSTILE, Judgement.HARMFUL, Stated(HOSTILE), measurement(label=HOSTILE)),),
    )
    page = Page(html_text(data, HOSTILE))
    known = (
        "html head meta title link style h1 h2 body header main section footer p div span code pre br strong details"
    )
    known += " summary svg rect path table caption tr th td g defs use clippath text"
    assert {tag for tag, _ in page.tags} <= set(known.split())
    assert not [a for _, attributes in page.tags for a in attributes if a.startswith("on")]
    assert page.text.count("<script>alert(1)</script>") > 20, "it is shown, as text"
    assert "{{ 7*7 }}" in page.text
    table = [line for line in run_formats()[".md"].render(data, "").splitlines() if line.startswith("|")]
    assert len(table) == 3, "a head, a rule and one row: no name ends a row or starts one"
    after_the_id = table[2].partition("` | ")[2]
    assert "<" not in after_the_id.replace("\\<", "").replace("<br>", "")
    assert len(run_formats()[".txt"].render(data, "").splitlines()) == 2


def test_five_hundred_tests_stay_under_two_megabytes():
    assert len(html_text(run_result(tests=500), "cpuperf").encode()) < 2_000_000


def test_bucketing_is_shown_in_pictures_that_take_the_pages_colours():
    arms = tuple(replace(ARM, arm=name) for name in ("planned", "padded", "costs $x_1$"))
    text = html_text(run_result(tests=2, arms=arms, length_histogram=((8, 3), (16, 0), (24, 9))), "cpuperf")
    page = Page(text)
    assert sum(t == "svg" for t, _ in page.tags) == 2 * (1 + 3)
    for words in ("lengths", "tokens the model is given", "throughput, with intervals", "costs $x_1$"):
        assert page.text.count(words) >= 2
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids)), "what one picture refers to is in that picture"
    colours = {part for _, a in page.tags for part in a.get("style", "").replace(";", " ").split() if part[0] == "#"}
    assert not colours, "all of them are the page's"


def test_the_calls_of_a_latency_are_shown_over_time():
    stolen = replace(EVIDENCE, disturbance=Disturbance(DisturbanceKind.HYPERVISOR))
    groups = tuple(CallGroup(n, 10, 0.01 + n / 1000, stolen if n == 2 else EVIDENCE) for n in range(6))
    budget = Budget(None, Unit("s"), 0.02)
    drawn = chart(
        LatencyMeasurement(
            label="p90", verdict=Verdict.PASS, estimate=estimate(0.012, 0.011, 0.015, "s", 30), budget=budget,
            groups=groups,
        )
    )  # fmt: skip
    assert drawn.dots.count("M") == 5
    assert drawn.disturbed.count("M") == 1
    assert drawn.budget < drawn.point, "the most that it may take is above"


def test_a_chart_is_on_the_estimates_scale_and_keeps_the_order_of_measuring():
    drawn = chart(measurement())
    assert drawn.dots.startswith("M8 ")
    assert drawn.dots.count("M") == 24
    assert drawn.disturbed.count("M") == 6
    assert drawn.interval[0] < drawn.point < drawn.interval[0] + drawn.interval[1]
    assert drawn.budget > drawn.point, "the budget is below the estimate, and the picture's y runs down"
    assert chart(measurement(pairs=0)) is None


def test_metrics_are_relative_where_that_is_known():
    data = run_result(relative=estimate(2.5, 2.4, 2.6))
    assert run_formats()[".txt"].render(data, "").splitlines() == [
        'cpuperf_throughput{test="tests/test_speed.py::test_encode",label="encode",unit="relative",verdict="pass"} 2.5',
        "# EOF",
    ]
