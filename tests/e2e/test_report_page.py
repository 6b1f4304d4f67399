"""The HTML report in a real browser: wide and narrow, light and dark."""

import importlib.util
import shutil
from dataclasses import replace

import pytest

from pytest_cpuperf.reports.html import html_text
from pytest_cpuperf.results.findings import CheckResult
from tests.helpers.runs import ARM, FINDING, run_result

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
PACKAGES = all(importlib.util.find_spec(name) for name in ("jinja2", "selenium"))
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER and PACKAGES), reason="needs chromium, its driver and selenium"
)

OVERLAPS = """
const boxes = [...document.querySelectorAll('h1, h2, summary, p, svg, table, pre, .cpus')]
  .filter(e => e.checkVisibility()).map(e => [e, e.getBoundingClientRect()]);
const found = [];
for (const [a, x] of boxes) for (const [b, y] of boxes)
  if (a !== b && !a.contains(b) && !b.contains(a) && x.left < y.right - 1 && y.left < x.right - 1
      && x.top < y.bottom - 1 && y.top < x.bottom - 1) found.push(a.outerHTML.slice(0, 80) + b.outerHTML.slice(0, 80));
return found;
"""


@pytest.fixture(scope="module")
def browser():
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield browser
    browser.quit()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    long_id = "tests/a/rather/deep/folder/test_speed.py::TestEncoders::test_encode[MiniLM-onnxruntime-int8-512-tokens]"
    arms = (ARM, replace(ARM, arm="padded", speedup=None, padded_tokens=9000))
    run = run_result(tests=3, name=long_id, verdict="fail", reason="the data: 25% of the tokens are real " * 4,
                     arms=arms, length_histogram=((8, 30), (16, 50), (24, 9)))  # fmt: skip
    more = (*run_result(tests=2).tests, *run_result(name="t.py::q", verdict="inconclusive").tests)
    line = "  batch = tok(texts, padding='max_length', max_length=512)" * 4
    static = CheckResult(7, (replace(FINDING, source_line=line),))
    data = replace(run, tests=(*run.tests, *more), static=static)
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(html_text(data, "cpuperf"))
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_is_readable_without_overflow_overlap_or_errors(browser, page, width, scheme, tmp_path):
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    browser.get(page.as_uri())
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.execute_script(OVERLAPS) == []
    assert browser.get_log("browser") == []
    background, ink = browser.execute_script(
        "const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]"
    )
    light = sum(int(n) for n in background[4:-1].split(",")) > sum(int(n) for n in ink[4:-1].split(","))
    assert light == (scheme == "light")


def test_in_print_what_is_folded_is_there(browser, page):
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "screen"})
    browser.get(page.as_uri())
    shown = "return document.querySelector('details:not([open]) svg').checkVisibility()"
    assert not browser.execute_script(shown)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert browser.execute_script(shown)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
