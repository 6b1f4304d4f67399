"""The HTML report: what it says, what it must not let through, and how large it gets."""

import importlib.util
from html.parser import HTMLParser

import pytest

from pytest_cpuperf.reports.html import chart, html_text
from pytest_cpuperf.reports.markdown import markdown_text, metrics_text

pytestmark = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("jinja2", "matplotlib"))), reason="needs jinja2 and matplotlib"
)

HOSTILE = '</style><script>alert(1)</script><img src=x onerror=alert(1)>"\' onload="alert(1)" {{ 7*7 }} `|\n| ${x}'
EVIDENCE = {"wall_seconds": 1.0, "own_seconds": 1.9, "waited_seconds": 0.01, "others_seconds": None}


def pair(number, seconds, baseline=1.0):
    return {"candidate_seconds": seconds, "baseline_seconds": baseline, "candidate_first": True, "evidence": EVIDENCE,
            "also_seconds": [], "number": number}  # fmt: skip


def measurement(verdict="pass", label="encode", pairs=24, **fields):
    return {
        "kind": "throughput", "label": label, "verdict": verdict, "reason": "", "notes": [], "steady": True,
        "estimate": {"point": 100.0, "low": 97.0, "high": 103.0, "unit": "texts/s", "confidence": 0.95, "pairs": pairs},
        "budget": {"at_least": 90.0, "at_most": None, "unit": " texts/s"}, "seconds_spent": 3.0, "evidence": EVIDENCE,
        "pairs": [pair(2 * n, 0.01 + 0.0001 * (n % 5)) for n in range(pairs)],
        "set_aside": [pair(2 * n + 1, 0.02) for n in range(pairs // 4)], **fields,
    }  # fmt: skip


ARM = {
    "arm": "planned", "batches": 5, "padded_tokens": 1100, "real_tokens": 1000, "sequences_per_second": 231.0,
    "real_tokens_per_second": 9000.0, "throughput": {"point": 231.0, "low": 225.0, "high": 240.0},
    "speedup": {"point": 11.4, "low": 11.0, "high": 11.9}, "p50_seconds": 0.02, "p95_seconds": 0.05,
    "peak_memory_bytes": 3_000_000,
}  # fmt: skip


def document(tests=1, name="tests/test_speed.py::test_encode", **fields):
    placement = {"cpus": [0, 1], "reason": "node 0", "pinned": True, "strays": [], "memory_elsewhere": None}
    return {
        "schema": "cpuperf/results/1", "version": "0.1.0", "claims": [], "against": None,
        "machine": {"fingerprint": "f", "processor": "EPYC", "instruction_set": ["avx2"], "cpus": [0, 1, 2, 3],
                    "cores": 2, "numa_nodes": {"0": [0, 1], "1": [2, 3]}, "quota": 1.5,
                    "usable": 1, "system": "Linux", "python": "3.12",
                    "versions": {"torch": "2.13.0", "onnxruntime": None}},
        "static": {"files_checked": 7, "findings": [], "errors": []},
        "tests": [{"id": f"{name}{n or ''}", "outcome": "passed", "placement": placement, "worker": None, "line": 3,
                   "measurements": [measurement(**fields)]} for n in range(tests)],
    }  # fmt: skip


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


def test_it_says_how_it_went_and_shows_what_it_stands_on():
    data = document(verdict="fail", reason="the machine was quiet")
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
    text = html_text(document(arms=[ARM, {**ARM, "arm": "padded", "speedup": None}]), "cpuperf")
    links = [
        value for _, a in Page(text).tags for name, value in a.items() if name in ("src", "href", "srcset", "action")
    ]
    assert [link for link in links if not link.startswith("#")] == ["data:,"]
    assert "<script" not in text
    assert "url(" not in text.replace("url(#", "")
    assert "@import" not in text


def test_hostile_words_stay_words_everywhere():
    finding = {"rule": HOSTILE, "name": HOSTILE, "path": HOSTILE, "line": 1, "column": 1, "message": HOSTILE,
               "help": HOSTILE, "source_line": HOSTILE, "fingerprint": "1",
               "fix": {"safety": HOSTILE, "description": HOSTILE}}  # fmt: skip
    data = document(name=HOSTILE, verdict="inconclusive", label=HOSTILE, reason=HOSTILE, notes=[HOSTILE],
                    arms=[{**ARM, "arm": HOSTILE}], length_histogram=[[8, 3], [16, 1]])  # fmt: skip
    data["tests"][0]["placement"]["reason"] = HOSTILE
    data["tests"].append({"id": HOSTILE + "2", "outcome": "failed", "placement": None, "measurements": []})
    data["static"] = {
        "files_checked": 1,
        "findings": [finding],
        "errors": [{"path": HOSTILE, "line": 1, "message": HOSTILE}],
    }
    data["machine"].update(processor=HOSTILE, system=HOSTILE, python=HOSTILE)
    data["against"] = {"revision": HOSTILE, "commit": HOSTILE, "only_there": [HOSTILE]}
    data["claims"] = [{"heuristic": HOSTILE, "promised": HOSTILE, "judgement": HOSTILE, "reason": HOSTILE,
                       "measurement": measurement(label=HOSTILE)}]  # fmt: skip
    page = Page(html_text(data, HOSTILE))
    known = (
        "html head meta title link style h1 h2 body header main section footer p div span code pre br strong details"
    )
    known += " summary svg rect path table caption tr th td g defs use clippath text"
    assert {tag for tag, _ in page.tags} <= set(known.split())
    assert not [a for _, attributes in page.tags for a in attributes if a.startswith("on")]
    assert page.text.count("<script>alert(1)</script>") > 20, "it is shown, as text"
    assert "{{ 7*7 }}" in page.text
    table = [line for line in markdown_text(data).splitlines() if line.startswith("|")]
    assert len(table) == 3, "a head, a rule and one row: no name ends a row or starts one"
    after_the_id = table[2].partition("` | ")[2]
    assert "<" not in after_the_id.replace("\\<", "").replace("<br>", "")
    assert len(metrics_text(data).splitlines()) == 2


def test_five_hundred_tests_stay_under_two_megabytes():
    assert len(html_text(document(tests=500), "cpuperf").encode()) < 2_000_000


def test_bucketing_is_shown_in_pictures_that_take_the_pages_colours():
    arms = [{**ARM, "arm": name} for name in ("planned", "padded", "costs $x_1$")]
    text = html_text(document(tests=2, arms=arms, length_histogram=[[8, 3], [16, 0], [24, 9]]), "cpuperf")
    page = Page(text)
    assert sum(t == "svg" for t, _ in page.tags) == 2 * (1 + 3)
    for words in ("lengths", "tokens the model is given", "throughput, with intervals", "costs $x_1$"):
        assert page.text.count(words) >= 2
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids)), "what one picture refers to is in that picture"
    colours = {part for _, a in page.tags for part in a.get("style", "").replace(";", " ").split() if part[0] == "#"}
    assert not colours, "all of them are the page's"


def test_the_calls_of_a_latency_are_shown_over_time():
    aside = {2: "steal"}
    groups = [
        {"number": n, "seconds": 0.01 + n / 1000, "evidence": {**EVIDENCE, "disturbance": aside.get(n)}}
        for n in range(6)
    ]
    fields = {"kind": "latency", "groups": groups, "set_aside": []}
    drawn = chart(measurement(pairs=0, **fields) | {"budget": {"at_least": None, "at_most": 0.02, "unit": " s"},
                  "estimate": {"point": 0.012, "low": 0.011, "high": 0.015, "unit": "s", "pairs": 30}})  # fmt: skip
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
    data = document(relative={"point": 2.5, "low": 2.4, "high": 2.6, "unit": "×", "pairs": 20})
    assert metrics_text(data).splitlines() == [
        'cpuperf_throughput{test="tests/test_speed.py::test_encode",label="encode",unit="relative",verdict="pass"} 2.5',
        "# EOF",
    ]
