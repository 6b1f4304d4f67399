"""Make the pictures of the HTML report in this folder from a real run's results.

usage: pytest --cpuperf examples/encoder_service --cpuperf-json=results.json; python docs/make_pictures.py results.json

Needs pytest-cpuperf[report], selenium, and Debian's chromium and chromium-driver.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from selenium import webdriver

from pytest_cpuperf.reports.files import write_run
from pytest_cpuperf.results.document import read_results

HERE = Path(__file__).parent
VIEWS = (("report-wide-light.png", 1280, "light"), ("report-narrow-dark.png", 390, "dark"))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        write_run(page, read_results(Path(sys.argv[1])), ".html")
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or ""
        for flag in ("--headless=new", "--no-sandbox", "--hide-scrollbars"):
            options.add_argument(flag)
        browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
        for name, width, scheme in VIEWS:
            metrics = {"width": width, "height": 1400, "deviceScaleFactor": 1, "mobile": width < 600}
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
            feature = {"name": "prefers-color-scheme", "value": scheme}
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
            browser.get(page.as_uri())
            browser.execute_script("document.querySelectorAll('details')[1].open = true")
            browser.save_screenshot(str(HERE / name))
        browser.quit()


if __name__ == "__main__":
    main()
