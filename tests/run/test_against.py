"""`pytest --cpuperf --cpuperf-against REV`: a project with a history, a command, what the user sees."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time

import pytest

from tests.helpers.processes import are_gone, children, within
from tests.helpers.signals import hear_signals

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends signals and reads /proc")

SPIN = """
    import time

    def work():
        end = time.perf_counter() + {milliseconds} / 1000
        while time.perf_counter() < end:
            pass
"""
TEST = """
    from service import work

    def test_speed(cpuperf):
        cpuperf.throughput(work, items=1, at_least=1)
"""


def git(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture
def history(project, monkeypatch, tmp_path_factory):
    """Make a project with one commit, `then`; what is written afterwards is the working tree."""
    temporary = tmp_path_factory.mktemp("temporary")
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)

    def make(**files):
        pytester = project(**files)
        git(pytester.path, "init", "-q")
        git(pytester.path, "add", ".")
        git(pytester.path, "commit", "-qm", "then")
        git(pytester.path, "tag", "then")
        return pytester

    make.temporary = temporary
    return make


def run(pytester, *arguments):
    base = ["--cpuperf", "--no-cpuperf-static", "--cpuperf-max-seconds=8", "-p", "no:hypothesispytest"]
    return pytester.runpytest_subprocess(*base, *arguments, timeout=120)


def against(pytester, *arguments):
    return run(pytester, "--cpuperf-against=then", *arguments)


def nothing_is_left(pytester, history):
    assert git(pytester.path, "worktree", "list").count("\n") == 1
    return not list(history.temporary.glob("cpuperf-against-*"))


def test_what_got_slower_fails_with_its_interval_and_nothing_is_left(history, project):
    pytester = history(service=SPIN.format(milliseconds=2), test_speed=TEST)
    project(service=SPIN.format(milliseconds=4))
    result = against(pytester, "--cpuperf-json=out.json")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "cpuperf: the working tree, 1 changed file, against then (*)",
            "*throughput against then: 0.[45]*× of then [[]0.*, 0.*] < 0.96× (budget)*",
            "*0.[45]*×, 0.[45]*× in 2 pairs of fresh processes*",
        ]
    )
    document = json.loads((pytester.path / "out.json").read_text())
    assert document["against"]["revision"] == "then"
    assert document["against"]["commit"] == git(pytester.path, "rev-parse", "then").strip()
    assert [m["kind"] for m in document["tests"][0]["measurements"]] == ["throughput", "against"]
    assert nothing_is_left(pytester, history)


def test_what_stayed_the_same_passes_in_several_modules_with_their_fixtures(history):
    module = """
    import pytest
    from service import work

    @pytest.fixture(scope="module")
    def loaded():
        return work

    def test_latency(cpuperf, loaded):
        assert cpuperf.latency(loaded, p=0.5, at_most=1).estimate.point > 0

    def test_speed(cpuperf, loaded):
        assert cpuperf.throughput(loaded, items=2, at_least=1).estimate.point > 0

    def test_unmeasured():
        pass
    """
    pytester = history(service=SPIN.format(milliseconds=2), test_one=module, test_two=module)
    result = against(pytester, "-v")
    result.assert_outcomes(passed=6)
    assert str(result.stdout).count("against then: 1") + str(result.stdout).count("against then: 0.9") == 4
    assert nothing_is_left(pytester, history)


def test_a_test_that_is_left_out_here_does_not_upset_the_others_there(history):
    module = """
    import pytest
    from service import work

    @pytest.fixture(scope="module", autouse=True)
    def loaded():
        yield

    def test_first(cpuperf):
        cpuperf.throughput(work, items=1, at_least=1)
    """
    impossible = """
    import pytest
    from service import work

    @pytest.fixture(scope="module", autouse=True)
    def loaded():
        yield

    @pytest.mark.cpuperf(cores=512)
    def test_impossible(cpuperf):
        cpuperf.throughput(work, items=1, at_least=1)
    """
    pytester = history(service=SPIN.format(milliseconds=2), test_a=module, test_b=impossible, test_c=module)
    result = against(pytester, "-rs")
    result.assert_outcomes(passed=2, skipped=1)
    assert str(result.stdout).count("throughput against then: ") == 2


def test_a_process_that_happens_to_be_faster_there_is_no_alarm(history, project, monkeypatch, tmp_path_factory):
    """Here one process of the revision is twice as fast as any other, as by a lucky layout of its memory."""
    lucky = tmp_path_factory.mktemp("lucky") / "once"
    service = """
    import os, time

    def milliseconds():
        if os.environ.get("CPUPERF_TEST_LUCKY") and "cpuperf-against" in __file__:
            try:
                os.mkdir(os.environ["CPUPERF_TEST_LUCKY"])
                return 1
            except FileExistsError:
                pass
        return 2

    seconds = []

    def work():
        if not seconds:
            seconds.append(milliseconds() / 1000)
        end = time.perf_counter() + seconds[0]
        while time.perf_counter() < end:
            pass
    """
    monkeypatch.setenv("CPUPERF_TEST_LUCKY", str(lucky))
    pytester = history(service=service, test_speed=TEST)
    result = against(pytester, "--cpuperf-max-seconds=30")
    result.assert_outcomes(passed=1)
    assert lucky.exists()
    said = " ".join(str(result.stdout).split())
    assert "in 6 pairs of fresh processes, one left out that differs from the others" in said
    assert nothing_is_left(pytester, history)


def test_two_callables_are_held_against_the_candidate_of_then(history, project):
    test = """
    from service import work

    def test_speed(cpuperf):
        cpuperf.compare(work, work, label="encoder")
    """
    pytester = history(service=SPIN.format(milliseconds=4), test_speed=test)
    project(service=SPIN.format(milliseconds=2))
    result = against(pytester)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*encoder against then: [12].*× of then*≥ 0.96× (budget)*"])


@pytest.mark.slow
def test_of_bucketing_one_batch_is_held_against_then(history, project):
    pytest.importorskip("numpy")
    model = (
        SPIN
        + """
    def model(batch):
        work()
        return batch["input_ids"][:, :1] * 1.0
    """
    )
    test = """
    import numpy
    from service import model

    def test_speed(cpuperf):
        cpuperf.bucketing(model, None, [3, 9, 4, 8] * 8, batch_size=8, max_length=16)
    """
    pytester = history(service=model.format(milliseconds=2), test_speed=test)
    project(service=model.format(milliseconds=4))
    result = against(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*planned over padded, one batch of 8 against then: 0.[45]*× of then*"])


def test_a_package_on_the_search_path_is_the_revisions_own_there(history, project, monkeypatch):
    """As an editable install puts it: the folder of the working tree is on the path, for every process."""
    pytester = history(src__service=SPIN.format(milliseconds=2), tests__test_speed=TEST)
    monkeypatch.setenv("PYTHONPATH", str(pytester.path / "src"))
    project(src__service=SPIN.format(milliseconds=4))
    result = against(pytester, "tests")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*throughput against then: 0.[45]*"])


def test_a_test_that_is_new_is_told_and_so_is_one_that_is_gone(history, project):
    gone = """
    def test_gone(cpuperf):
        cpuperf.throughput(lambda: None, items=1)
    """
    pytester = history(service=SPIN.format(milliseconds=2), test_speed=TEST, test_gone=gone)
    (pytester.path / "test_gone.py").unlink()
    project(test_new=TEST)
    result = against(pytester)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines_random(
        ["*this test is not at then: there is nothing to hold it*", "only at then: test_gone.py::test_gone"]
    )


def test_an_import_that_fails_there_is_inconclusive_and_a_strict_gate_fails(history, project):
    broken = "\n    import no_such_thing\n" + TEST
    pytester = history(service=SPIN.format(milliseconds=2), test_speed=broken)
    project(test_speed=TEST)
    result = against(pytester, "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(
        ["*at then test_speed.py cannot be imported: ModuleNotFoundError: No module named 'no_such_thing'*"]
    )
    against(pytester, "--cpuperf-inconclusive=fail").assert_outcomes(failed=1)


def test_a_conftest_that_fails_there_is_one_line(history, project):
    pytester = history(
        service=SPIN.format(milliseconds=2), test_speed=TEST, conftest="raise RuntimeError('needs a GPU')\n"
    )
    project(conftest="")
    result = against(pytester)
    result.assert_outcomes(failed=0, errors=1)
    result.stdout.fnmatch_lines(["*cpuperf: the tests cannot be run at then: *RuntimeError: needs a GPU*"])
    result.stdout.no_fnmatch_line("*Traceback*")
    assert nothing_is_left(pytester, history)


def test_a_function_that_raises_there_is_inconclusive(history, project):
    pytester = history(service="def work():\n    raise ValueError('no weights')\n", test_speed=TEST)
    project(service=SPIN.format(milliseconds=2))
    result = against(pytester, "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*at then the test failed before it measured 'throughput': ValueError: no weights*"])


def test_one_that_raises_or_dies_between_blocks_is_inconclusive(history, project):
    later = """
    import os
    calls = []

    def work():
        calls.append(1)
        if len(calls) > 2000:
            {end}
    """
    for end, said in (
        ("raise MemoryError('all gone')", "at then the function raised MemoryError: all gone"),
        ("os._exit(9)", "pytest ended there with 9:"),
    ):
        pytester = history(service=later.format(end=end), test_speed=TEST)
        project(service=SPIN.format(milliseconds=1))
        result = against(pytester, "-rs")
        result.assert_outcomes(skipped=1)
        assert said in " ".join(str(result.stdout).split())
        assert nothing_is_left(pytester, history)
        git(pytester.path, "tag", "-d", "then")


def test_what_is_imported_from_the_working_tree_on_both_sides_is_no_comparison(history):
    pytester = history(
        service=SPIN.format(milliseconds=2), tests__test_speed=TEST, tests__conftest="import where\n", where="\n"
    )
    lead = f"import sys\nsys.path.insert(0, {str(pytester.path)!r})\n"
    (pytester.path / "tests" / "conftest.py").write_text(lead)
    git(pytester.path, "commit", "-qam", "finds the service by its whole path")
    git(pytester.path, "tag", "-f", "then")
    result = against(pytester, "-rs", "tests")
    result.assert_outcomes(skipped=1)
    said = " ".join(str(result.stdout).split())
    assert f"at then modules were imported from {pytester.path}, so that its own code was not measured" in said


def test_a_project_that_is_installed_elsewhere_is_refused(history, pytester, monkeypatch, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("site")
    for folder in (pytester.path / "src" / "service", elsewhere / "service"):
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("def work():\n    pass\n")
    pytester = history(test_speed=TEST)
    monkeypatch.setenv("PYTHONPATH", str(elsewhere))
    result = against(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*service (*) is not imported from this repository: both sides would run the same code*", "*pip install -e .*"]
    )


def test_pairs_of_processes_are_fresh_and_share_a_hash_seed_that_no_other_pair_has(history, monkeypatch):
    service = """
    import os, time
    from pathlib import Path
    began = []
    CPUS_AT_IMPORT = len(os.sched_getaffinity(0))

    def work():
        if not began:
            began.append(1)
            with Path(os.environ["CPUPERF_TEST_SEEN"]).open("a") as seen:
                tree = "there" if "cpuperf-against" in __file__ else "here"
                print(tree, os.getpid(), os.environ.get("PYTHONHASHSEED"), CPUS_AT_IMPORT, file=seen)
        time.sleep(0.002)
    """
    on_one_cpu = """
    import pytest
    from service import work

    @pytest.mark.cpuperf(cores=1)
    def test_speed(cpuperf):
        cpuperf.throughput(work, items=1, at_least=1)
    """
    pytester = history(service=service, test_speed=on_one_cpu)
    seen = pytester.path.parent / "seen.txt"
    monkeypatch.setenv("CPUPERF_TEST_SEEN", str(seen))
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    against(pytester).assert_outcomes(passed=1)
    main, *timed = [line.split() for line in seen.read_text().splitlines()]
    assert main[0] == "here"
    assert main[2] == "None", "the process that runs the tests keeps its own"
    seeds = [seed for _, _, seed, _ in timed]
    assert len(timed) == 2 * len(set(seeds)) >= 4
    assert {frozenset(tree for tree, _, s, _ in timed if s == seed) for seed in seeds} == {frozenset(("here", "there"))}
    assert len({pid for _, pid, _, _ in [main, *timed]}) == len(timed) + 1
    assert {cpus for *_, cpus in timed} == {main[3]}, "none inherits the place of the test that asks for it"


def test_memory_is_held_anew_before_each_block(history, monkeypatch):
    service = """
    import os, time
    from pathlib import Path
    from pytest_cpuperf.run.other_side.memory import HeldMemory
    draw, drawn = HeldMemory.draw, []

    def draw_and_count(self):
        draw(self)
        drawn.append(len(self._held))
    HeldMemory.draw = draw_and_count

    def work():
        time.sleep(0.06)  # longer than a block need be: each block is one call
        with Path(os.environ["CPUPERF_TEST_SEEN"], str(os.getpid())).open("a") as seen:
            print(*drawn[-1:], file=seen)
    """
    pytester = history(service=service, test_speed=TEST)
    seen = pytester.path.parent / "seen"
    seen.mkdir()
    monkeypatch.setenv("CPUPERF_TEST_SEEN", str(seen))
    against(pytester, "--cpuperf-max-seconds=20").assert_outcomes(passed=1)
    held = [lines for file in seen.iterdir() if any(lines := file.read_text().split())]
    assert len(held) >= 4, "two processes of each tree, and not the one that runs the tests"
    assert all(len(set(numbers)) > 10 for numbers in held)


def test_tests_that_take_long_to_import_tell_what_verdicts_will_cost(history):
    slow = """
    import time, pytest
    time.sleep(2)

    @pytest.mark.parametrize("n", range(8))
    def test_speed(cpuperf, n):
        cpuperf.throughput(lambda: None, items=1)
    """
    pytester = history(test_speed=slow)
    told = "cpuperf: 8 tests are judged by 2 to 6 pairs of fresh processes each; importing took * s here, so starting *"
    against(pytester, "--collect-only").stdout.fnmatch_lines([told])
    against(pytester, "--collect-only", "-k", "0").stdout.no_fnmatch_line("*pairs of fresh processes each*")


def test_options_of_the_projects_conftest_are_known_there_too(history):
    conftest = """
    def pytest_addoption(parser):
        parser.addoption("--model", default="none")
    """
    test = """
    from service import work

    def test_speed(cpuperf, pytestconfig):
        assert pytestconfig.option.model == "minilm"
        cpuperf.throughput(work, items=1, at_least=1)
    """
    pytester = history(service=SPIN.format(milliseconds=2), test_speed=test, conftest=conftest)
    result = against(pytester, "--model=minilm")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*throughput against then: *× of then*"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--cpuperf-against=no-such-branch"],
            "*--cpuperf-against takes a git revision, and 'no-such-branch' is none*",
        ),
        (["--cpuperf-against=--help"], "*takes a git revision, and '--help' is none*"),
        (["--cpuperf-against=then", "-n2"], "*runs one side at a time, and xdist runs several tests*"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(history, arguments, said):
    if "-n2" in arguments:
        pytest.importorskip("xdist")
    pytester = history(service=SPIN.format(milliseconds=2), test_speed=TEST)
    result = run(pytester, *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([said])


def test_outside_a_repository_it_is_refused(project, monkeypatch):
    pytester = project(service=SPIN.format(milliseconds=2), test_speed=TEST)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(pytester.path.parent))
    result = against(pytester)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--cpuperf-against takes a git revision, and * is in no git repository*"])


def test_after_ctrl_c_nothing_is_left(history):
    pytester = history(
        service=SPIN.format(milliseconds=2), test_speed=TEST.replace("items=1", "items=1, max_seconds=60")
    )
    command = [sys.executable, "-m", "pytest", "--cpuperf", "--no-cpuperf-static", "--cpuperf-against=then"]
    process = subprocess.Popen(
        command, cwd=pytester.path, stdout=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=hear_signals
    )
    try:
        others = within(30, lambda: children(process.pid))
        assert others, "the other side never started"
        time.sleep(1)
        os.kill(process.pid, signal.SIGINT)
        process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert are_gone(others)
    assert nothing_is_left(pytester, history)


def test_what_a_killed_run_left_is_taken_away_by_the_next(history):
    pytester = history(service=SPIN.format(milliseconds=2), test_speed=TEST)
    left = history.temporary / "cpuperf-against-abcdefgh"
    git(pytester.path, "worktree", "add", "--detach", str(left / "tree"), "then")
    (left / "in-use").touch()  # the lock that every such folder has, and that nobody holds
    against(pytester, "--cpuperf-inconclusive=warn").assert_outcomes(passed=1)
    assert nothing_is_left(pytester, history)


LIMITED = TEST.replace("items=1", "items=1, max_seconds=1")
FROM_SOME_CALL = """
    import itertools, sys, time
    import pytest

    calls = itertools.count()

    def work():
        time.sleep(0.001)
        if next(calls) > 5:
            {}
"""


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ("sys.exit(3)", "at then the function raised SystemExit: 3"),
        ("pytest.skip('not today')", "at then the function raised Skipped: not today"),
        ("pytest.exit('enough')", "at then the function raised Exit: enough"),
        ("raise KeyboardInterrupt", "at then the function raised KeyboardInterrupt"),
    ],
)
def test_a_function_that_ends_the_test_there_is_inconclusive_with_the_reason(history, project, end, told):
    pytester = history(service=FROM_SOME_CALL.format(end), test_speed=LIMITED)
    project(service=SPIN.format(milliseconds=1))
    result = against(pytester, "--cpuperf-inconclusive=warn")
    result.assert_outcomes(passed=1)
    assert told in " ".join(str(result.stdout).split())
    assert nothing_is_left(pytester, history)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs 2 CPUs")
def test_threads_outside_the_placement_of_fresh_processes_are_told(history):
    service = """
    import os, queue, threading

    told, done = queue.Queue(), queue.Queue()

    def encode():
        while told.get():
            os.sched_setaffinity(0, range(os.cpu_count()))
            done.put(sum(range(20_000)))

    threading.Thread(target=encode, name="encoder", daemon=True).start()

    def work():
        told.put(True)
        done.get()
    """
    placed = LIMITED.replace("def ", "import pytest\n\n    @pytest.mark.cpuperf(cores=1)\n    def ")
    pytester = history(service=service, test_speed=placed)
    against(pytester, "--cpuperf-inconclusive=warn", "--cpuperf-json=out.json").assert_outcomes(passed=1, warnings=None)
    (test,) = json.loads((pytester.path / "out.json").read_text())["tests"]
    outside = [note for note in test["measurements"][1]["notes_facts"] if note["kind"] == "threads outside"]
    assert [note["names"] for note in outside] == [["encoder"]]


def test_a_function_that_hangs_there_is_not_waited_for(history, project):
    pytester = history(service=FROM_SOME_CALL.format("time.sleep(600)"), test_speed=LIMITED)
    project(service=SPIN.format(milliseconds=1))
    result = against(pytester, "--cpuperf-inconclusive=warn")
    result.assert_outcomes(passed=1)
    said = " ".join(str(result.stdout).split())
    assert "calls were not over after" in said or "a single call takes" in said
    assert nothing_is_left(pytester, history)


def test_the_revision_may_be_checked_out_inside_the_working_tree(history, monkeypatch):
    pytester = history(service=SPIN.format(milliseconds=1), test_speed=LIMITED)
    (pytester.path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(pytester.path / "tmp"))
    result = against(pytester, "--cpuperf-inconclusive=warn")
    result.assert_outcomes(passed=1)
    assert "modules were imported from" not in " ".join(str(result.stdout).split())
    assert "throughput against then" in str(result.stdout)
    assert not list((pytester.path / "tmp").iterdir())


@pytest.mark.parametrize("how", [signal.SIGHUP, signal.SIGKILL])
def test_the_other_sides_processes_end_with_a_run_that_is_killed(history, project, tmp_path, how):
    hanging = tmp_path / "hanging"
    hang = f"open({str(hanging)!r}, 'w').close(); time.sleep(600)"
    pytester = history(service=FROM_SOME_CALL.format(hang), test_speed=LIMITED)
    project(service=SPIN.format(milliseconds=1))
    command = [sys.executable, "-m", "pytest", "--cpuperf", "--no-cpuperf-static", "--cpuperf-against=then"]
    process = subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.DEVNULL, preexec_fn=hear_signals)
    try:
        assert within(60, hanging.exists)
        others = children(process.pid)
        assert len(others) == 2
    finally:
        process.send_signal(how)
        process.wait()
    assert within(30, lambda: are_gone(others))
