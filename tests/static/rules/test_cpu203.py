"""Slow tokenizers are a matter of transformers 4."""

import pytest

SOURCE = 'from transformers import AutoTokenizer\nt = AutoTokenizer.from_pretrained("m", use_fast=False)\n'


def check(pytester, version):
    pytester.makepyfile(app=SOURCE)
    pytester.makepyprojecttoml(f'[tool.cpuperf]\nselect = ["CPU203"]\ntransformers = "{version}"\n')
    return pytester.run("cpuperf", "check", "--show-silenced", "app.py")


def test_reported_under_transformers_4(pytester):
    result = check(pytester, "4")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*CPU203 slow-tokenizer*"])


def test_retired_under_transformers_5_and_says_so(pytester):
    result = check(pytester, "5")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*slow and fast tokenizers are one in transformers 5*"])


def test_the_cache_knows_the_version(pytester):
    assert [check(pytester, version).ret for version in ("5", "4", "5")] == [0, 1, 0]


@pytest.mark.parametrize("version", ["3", "five"])
def test_another_version_is_refused_in_one_line(pytester, version):
    result = check(pytester, version)
    assert result.ret == 2
    result.stderr.fnmatch_lines(["*transformers*4*5*"])
