"""`--fix` writes the files that were named, as they were left, and nobody else's."""

import os
import stat

import pytest

from pytest_cpuperf.static import fixing

UNUSED = "x = 1  # noqa: CPU101\n"
FIXED = "x = 1\n"


def texts(folder):
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*.py")}


def test_a_file_outside_the_project_is_the_one_that_was_named(project, cpuperf_command, monkeypatch):
    pytester = project(other=UNUSED, a__other=UNUSED, a__proj__sub__own=UNUSED)
    (pytester.path / "a/proj/pyproject.toml").write_text("[tool.cpuperf]\n")
    monkeypatch.chdir(pytester.path / "a/proj/sub")
    code, out, _ = cpuperf_command("check", "--diff", "../../other.py")
    assert code == 1
    assert out.startswith("--- a/../../other.py\n+++ b/../../other.py\n")
    assert cpuperf_command("check", "--fix", "../../other.py")[0] == 0
    assert texts(pytester.path) == {"other.py": UNUSED, "a/other.py": FIXED, "a/proj/sub/own.py": UNUSED}


def test_of_two_files_that_findings_call_alike_the_named_one_is_fixed(project, cpuperf_command):
    pytester = project(src__a=UNUSED, ci__src__a=UNUSED)
    (pytester.path / "ci/cpuperf.toml").write_text("")
    assert cpuperf_command("check", "--config", "ci/cpuperf.toml", "--fix", "src/a.py")[0] == 0
    assert texts(pytester.path) == {"src/a.py": FIXED, "ci/src/a.py": UNUSED}
    project(src__a=UNUSED)
    assert cpuperf_command("check", "--config", "ci/cpuperf.toml", "--fix", "src/a.py", "ci/src/a.py")[0] == 0
    assert texts(pytester.path) == {"src/a.py": FIXED, "ci/src/a.py": FIXED}


def test_an_edit_made_while_files_are_fixed_is_kept(project, cpuperf_command, monkeypatch):
    pytester = project(a=UNUSED, b=UNUSED, c=UNUSED)
    make = fixing.fix_source

    def edited_meanwhile(data, name, *rest):
        if name == "b.py":
            (pytester.path / name).write_text("y = 2\n" + UNUSED)
        return make(data, name, *rest)

    monkeypatch.setattr(fixing, "fix_source", edited_meanwhile)
    code, out, err = cpuperf_command("check", "--fix", "--format", "concise")
    assert code == 2
    assert "b.py was changed meanwhile and was not written; run the command again" in err
    assert out == "b.py:2:8: CPU001 this suppression of CPU101 silences nothing\n"
    assert texts(pytester.path) == {"a.py": FIXED, "b.py": "y = 2\n" + UNUSED, "c.py": FIXED}


def test_a_file_is_read_when_it_is_its_turn(project, cpuperf_command, monkeypatch):
    pytester = project(a=UNUSED, b=UNUSED)
    write = fixing.write

    def edits_the_next(fixed):
        write(fixed)
        if fixed.name == "a.py":
            (pytester.path / "b.py").write_text("y = 2\n" + UNUSED)

    monkeypatch.setattr(fixing, "write", edits_the_next)
    assert cpuperf_command("check", "--fix")[0] == 0
    assert texts(pytester.path) == {"a.py": FIXED, "b.py": "y = 2\n" + FIXED}


def test_what_cannot_be_written_is_told_and_stops_no_other_file(project, cpuperf_command):
    pytester = project(a=UNUSED, b=UNUSED, c=UNUSED)
    (pytester.path / "b.py").chmod(0o444)
    code, out, err = cpuperf_command("check", "--fix")
    assert code == 2
    assert "b.py is read-only and was not written; make it writable first: chmod u+w" in err
    assert "fixed 2 findings in 2 files" in err
    assert "1 finding in 1 of 3 files" in out
    assert texts(pytester.path) == {"a.py": FIXED, "b.py": UNUSED, "c.py": FIXED}


def test_a_link_named_alone_is_told_and_one_beside_its_file_is_not(project, cpuperf_command, tmp_path):
    pytester = project(real=UNUSED, z=UNUSED)
    (pytester.path / "link.py").symlink_to("real.py")
    code, _, err = cpuperf_command("check", "--fix", "link.py", "z.py")
    assert code == 2
    assert "link.py is a symbolic link, which is not written through; name the file it points to" in err
    assert texts(pytester.path) == {"real.py": UNUSED, "link.py": UNUSED, "z.py": FIXED}
    code, _, err = cpuperf_command("check", "--fix")
    assert (code, err) == (0, "fixed 1 finding in 1 files\n")
    assert (pytester.path / "link.py").is_symlink()
    assert (pytester.path / "real.py").read_text() == FIXED
    (pytester.path / "real.py").write_text(UNUSED)
    (pytester.path / "real.py").chmod(0o444)
    code, _, err = cpuperf_command("check", "--fix")
    assert (code, len(err.splitlines())) == (2, 1)
    assert "real.py is read-only" in err


def test_hard_links_stay_one_file(project, cpuperf_command):
    pytester = project(a=UNUSED)
    os.link(pytester.path / "a.py", pytester.path / "b.py")
    assert cpuperf_command("check", "--fix", "a.py")[0] == 0
    assert (pytester.path / "b.py").read_text() == FIXED
    assert os.path.samefile(pytester.path / "a.py", pytester.path / "b.py")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_of_another_user_stays_theirs(project, cpuperf_command):
    pytester = project(a=UNUSED)
    os.chown(pytester.path / "a.py", 65534, 65534)
    assert cpuperf_command("check", "--fix")[0] == 0
    status = (pytester.path / "a.py").stat()
    assert (status.st_uid, status.st_gid, stat.S_ISREG(status.st_mode)) == (65534, 65534, True)
