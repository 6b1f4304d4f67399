"""The README's tables of settings are those of the code."""

import subprocess
import sys
from pathlib import Path

import pytest

from pytest_cpuperf.settings.table import SETTINGS, Settings

ROOT = Path(__file__).parents[2]


def test_the_readme_has_the_tables_that_the_settings_make():
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        from make_options import README, with_tables
    finally:
        sys.path.pop(0)
    assert README.read_text() == with_tables(README.read_text()), "run python docs/make_options.py"


@pytest.mark.parametrize("setting", [s for s in SETTINGS.values() if s.pytest], ids=lambda s: s.key)
def test_each_setting_of_pytest_is_in_its_help(setting):
    done = subprocess.run([sys.executable, "-m", "pytest", "--help"], capture_output=True, text=True, check=True)
    words = " ".join(done.stdout.split())
    assert setting.flag in words
    assert f"{setting.ini} (string):" in words or f"{setting.ini} (str" in words
    assert words.count(" ".join(setting.help.split())) >= 2, "as a flag and as an ini option"


def test_every_field_is_a_setting():
    assert set(SETTINGS) == {name.replace("_", "-") for name in Settings._fields} - {"root", "source"}
