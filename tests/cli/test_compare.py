"""`cpuperf compare BASE HEAD`: two results files, what changed."""

import json

import pytest


def measurement(label="encode", relative=None, kind="throughput", processes=(), **estimate):
    return {
        "kind": kind, "label": label, "verdict": "no budget", "reason": "",
        "estimate": {"unit": "texts/s", "confidence": 0.95, "pairs": 20, "point": 100.0, "low": 98.0, "high": 102.0,
                     **estimate},
        "budget": None, "relative": relative, "reference": "torch 512" if relative else None,
        "processes": list(processes),
    }  # fmt: skip


def relative(point, width=0.01):
    ends = {"point": point, "low": point * (1 - width), "high": point * (1 + width)}
    return {**ends, "unit": "×", "confidence": 0.95, "pairs": 20}


def document(tests, **machine):
    here = {"fingerprint": "here", "processor": "EPYC", "instruction_set": ["avx2"], "cpus": [0, 1],
            "numa_nodes": {"0": [0, 1]},
            "quota": None, "python": "3.12", "versions": {"torch": "2.13.0"}, **machine}  # fmt: skip
    told = [
        {
            "id": name,
            "outcome": "passed",
            "placement": {"cpus": [0, 1], "reason": "node 0", "pinned": True},
            "measurements": list(measurements),
            "worker": None,
        }
        for name, measurements in tests.items()
    ]
    return {"schema": "cpuperf/results/1", "version": "0", "machine": here, "static": None, "tests": told, "claims": []}


@pytest.fixture
def compare(cpuperf_command, tmp_path):
    def run(base, head, *arguments):
        for name, content in (("base.json", base), ("head.json", head)):
            (tmp_path / name).write_text(json.dumps(content))
        return cpuperf_command("compare", tmp_path / "base.json", tmp_path / "head.json", *arguments)

    return run


def test_what_got_slower_comes_first_and_fails_the_gate(compare):
    base = document({"t::a": [measurement(relative=relative(2.0))], "t::b": [measurement(relative=relative(1.0))],
                     "t::c": [measurement(relative=relative(1.0))]})  # fmt: skip
    head = document({"t::a": [measurement(relative=relative(1.6))], "t::b": [measurement(relative=relative(1.3))],
                     "t::c": [measurement(relative=relative(1.005))]})  # fmt: skip
    code, out, _ = compare(base, head, "--fail-below", "0.95")
    lines = out.splitlines()
    assert lines[0] == "slower 0.800× [0.745, 0.859]  t::a encode"
    assert lines[1].startswith("same   1.005×")
    assert lines[2].startswith("faster 1.300×")
    assert "3 compared: 1 slower, 1 faster, the rest within noise" in lines
    assert lines[-1] == "below 0.95: t::a encode"
    assert code == 1
    assert compare(base, head)[0] == 0, "without --fail-below it only tells"
    assert compare(base, head, "--fail-below", "0.75")[0] == 0


def in_processes(*speeds, reference="torch 512"):
    return [{"speed": speed, "pairs": 12, "reference": reference} for speed in speeds]


def test_fresh_processes_of_both_runs_tell_a_smaller_change_than_one_of_each(compare):
    base = document({"t::a": [measurement(relative=relative(2.0), processes=in_processes(1.99, 2.0, 2.01, 2.0))]})
    head = document({"t::a": [measurement(relative=relative(1.9), processes=in_processes(1.89, 1.91, 1.9, 1.9))]})
    assert compare(base, head)[1].startswith("slower 0.950× [0.943, 0.957]")
    one = document({"t::a": [measurement(relative=relative(1.9))]})
    assert compare(base, one)[1].startswith("same   0.950× [0.885, 1.020]")
    elsewhere = in_processes(1.89, 1.91, 1.9, 1.9, reference="numpy 512")
    other_kernel = document({"t::a": [measurement(relative=relative(1.9), processes=elsewhere)]})
    assert compare(base, other_kernel)[1].startswith("same   0.950×"), "different kernels are no speeds to compare"


def test_another_machine_is_named_first_and_absolute_figures_are_left_alone(compare):
    base = document({"t::rate": [measurement()], "t::both": [measurement(relative=relative(1.0))]})
    head = document(
        {"t::rate": [measurement(point=50.0, low=49.0, high=51.0)], "t::both": [measurement(relative=relative(1.1))]},
        fingerprint="there", processor="Xeon", versions={"torch": "2.14.0"},
    )  # fmt: skip
    code, out, _ = compare(base, head, "--fail-below", "0.95")
    lines = out.splitlines()
    assert lines[:3] == ["! processor: EPYC → Xeon", "! torch: 2.13.0 → 2.14.0", ""]
    assert lines[3].startswith("faster 1.100×")
    assert "not compared: t::rate encode: absolute figures (texts/s) of different machines" in lines
    assert code == 0


def test_latency_is_better_when_it_is_less_and_what_came_and_went_is_told(compare):
    seconds = {"unit": "s", "kind": "latency"}
    base = document({"t::p90": [measurement(**seconds, point=0.02, low=0.019, high=0.021)], "t::old": [measurement()]})
    head = document({"t::p90": [measurement(**seconds, point=0.04, low=0.038, high=0.042)], "t::new": [measurement()]})
    code, out, _ = compare(base, head, "--fail-below", "0.95")
    assert out.splitlines()[0].startswith("slower 0.500× [0.453, 0.552] (s)")
    assert "only in HEAD: t::new encode" in out
    assert "only in BASE: t::old encode" in out
    assert code == 1


def test_other_cpus_and_other_units_are_not_compared(compare):
    base = document({"t::a": [measurement()], "t::b": [measurement()]})
    head = document({"t::a": [measurement()], "t::b": [measurement(unit="tokens/s")]})
    head["tests"][0]["placement"]["cpus"] = [1]
    _, out, _ = compare(base, head)
    assert "! 1 test ran on other CPUs" in out
    assert "not compared: t::a encode: absolute figures (texts/s) of different placements" in out
    assert "not compared: t::b encode: different units: texts/s, tokens/s" in out


def test_wrong_use_is_one_line(compare, cpuperf_command, tmp_path):
    assert "found none" in cpuperf_command("compare", tmp_path / "no.json", tmp_path / "no.json")[2]
    assert "--fail-below takes a number above 0" in compare(document({}), document({}), "--fail-below", "0")[2]
