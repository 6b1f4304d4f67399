"""Slow tokenizers are a matter of transformers 4."""

import pytest

SOURCE = 'from transformers import AutoTokenizer\nt = AutoTokenizer.from_pretrained("m", use_fast=False)\n'


@pytest.fixture
def check(tmp_path, monkeypatch, cpuperf_command):
    """Check a slow tokenizer under a version of transformers: returns (exit code, output, errors)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(SOURCE)

    def run(version, *arguments):
        (tmp_path / "cpuperf.toml").write_text(f'select = ["CPU203"]\ntransformers = "{version}"\n')
        return cpuperf_command("check", *arguments, "app.py")

    return run


def test_reported_under_transformers_4(check):
    code, out, _ = check("4")
    assert code == 1
    assert "CPU203 slow-tokenizer" in out


def test_retired_under_transformers_5_and_says_so(check):
    code, out, _ = check("5", "--show-silenced")
    assert code == 0
    assert "slow and fast tokenizers are one in transformers 5" in out


def test_the_cache_knows_the_version(check):
    assert [check(version)[0] for version in ("5", "4", "5")] == [0, 1, 0]


@pytest.mark.parametrize("version", ["3", "five"])
def test_another_version_is_refused_in_one_line(check, version):
    code, _, err = check(version)
    assert code == 2
    assert "transformers" in err
    assert err.count("\n") == 1
