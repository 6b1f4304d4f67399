"""Files are written whole or not at all, and what is not ours to write stays as it is."""

import os
import resource
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.results import files
from pytest_cpuperf.results.files import append_text, write_bytes, write_text

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may make devices and give files away")


def read_while(path, action):
    """Return what a reader of a FIFO gets while something is done, which fails until the reader is there."""
    got = []
    reader = threading.Thread(target=lambda: got.append(path.read_bytes()))
    reader.start()
    while True:
        try:
            action()
            break
        except UsageError:
            continue
    reader.join()
    return got[0]


@pytest.mark.parametrize("write", [write_text, append_text])
def test_a_fifo_is_written_to_and_stays_one(tmp_path, write):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    text = "found\n" * 50_000  # more than it holds at a time
    assert read_while(tmp_path / "pipe", lambda: write(tmp_path / "pipe", text)) == text.encode()
    assert read_while(tmp_path / "pipe", lambda: write(tmp_path / "link", text)) == text.encode()
    assert stat.S_ISFIFO(os.lstat(tmp_path / "pipe").st_mode)
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("write", [write_text, append_text])
def test_a_fifo_that_nobody_reads_is_an_error_not_a_hang(tmp_path, write):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="pipe: nothing reads from it"):
        write(tmp_path / "pipe", "found\n")


@pytest.mark.skipif(not os.path.exists("/dev/fd"), reason="only Unix names the handles of a process")
@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_is_written_to_where_it_stands_though_it_is_a_file(tmp_path, path):
    code = "import torch\n\n@torch.no_grad()\ndef embed(model, x):\n    return model(x).tolist()\n"
    (tmp_path / "app.py").write_text(code)
    (tmp_path / "log").write_text("before\n")
    command = [sys.executable, "-m", "pytest_cpuperf", "check", "--isolated", "--format=github", "--output-file", path]
    with open(tmp_path / "log", "a") as log:
        assert subprocess.run([*command, "app.py"], cwd=tmp_path, stdout=log).returncode == 1
        log.write("after\n")
    before, found, *_, after = (tmp_path / "log").read_text().splitlines()
    assert (before, after) == ("before", "after")
    assert "CPU101" in found


def test_a_handle_that_is_not_open_is_an_error():
    with pytest.raises(UsageError, match="cannot write /dev/fd/987: Bad file descriptor"):
        write_text(Path("/dev/fd/987"), "found\n")


@AS_ROOT
@pytest.mark.parametrize("write", [write_text, append_text])
def test_a_device_is_written_to_and_stays_one(tmp_path, write):
    os.mknod(tmp_path / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    write(tmp_path / "null", "found\n")
    assert stat.S_ISCHR(os.lstat(tmp_path / "null").st_mode)


@pytest.mark.parametrize("write", [write_text, append_text])
def test_a_folder_and_a_socket_are_refused(tmp_path, monkeypatch, write):
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    (tmp_path / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        for name, kind in (("folder", "a folder"), ("socket", "a socket")):
            with pytest.raises(UsageError, match=f"expected a file, found {kind}"):
                write(tmp_path / name, "found\n")
    assert sorted(os.listdir(tmp_path)) == ["folder", "socket"]


@pytest.mark.parametrize("write", [write_text, append_text])
def test_a_read_only_file_is_refused_even_to_root(tmp_path, write):
    file = tmp_path / "kept"
    file.write_text("kept")
    file.chmod(0o444)
    with pytest.raises(UsageError, match="kept is read-only and was not written"):
        write(file, "new")
    assert file.read_text() == "kept"


def test_other_names_of_a_file_see_what_is_written(tmp_path):
    (tmp_path / "a").write_text("a long text that was there")
    os.link(tmp_path / "a", tmp_path / "b")
    write_text(tmp_path / "a", "new")
    assert (tmp_path / "b").read_text() == "new"
    assert os.path.samefile(tmp_path / "a", tmp_path / "b")


def test_a_disk_that_fills_up_leaves_the_old_text(tmp_path):
    old = "x" * 5000
    for name in ("alone", "a"):
        (tmp_path / name).write_text(old)
    os.link(tmp_path / "a", tmp_path / "b")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (7000, limits[1]))
    try:
        for name in ("alone", "a"):
            with pytest.raises(UsageError, match=f"cannot write .*{name}: File too large"):
                write_text(tmp_path / name, "y" * 9000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [(tmp_path / name).read_text() for name in ("alone", "a", "b")] == [old] * 3
    assert sorted(os.listdir(tmp_path)) == ["a", "alone", "b"]


@AS_ROOT
def test_owner_group_and_mode_stay(tmp_path):
    file = tmp_path / "a"
    file.write_text("old")
    os.chown(file, 65534, 65533)
    file.chmod(0o2750)
    write_text(file, "new")
    status = file.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (65534, 65533, 0o2750)


def test_extended_attributes_stay(tmp_path):
    file = tmp_path / "a"
    file.write_text("old")
    try:
        os.setxattr(file, "user.note", b"mine")
    except (OSError, AttributeError):
        pytest.skip("no extended attributes here")
    write_text(file, "new")
    assert os.getxattr(file, "user.note") == b"mine"


@pytest.mark.parametrize("links", [1, 2])
def test_what_was_changed_meanwhile_is_not_written(tmp_path, links):
    file = tmp_path / "a"
    file.write_text("theirs")
    if links == 2:
        os.link(file, tmp_path / "b")
    with pytest.raises(UsageError, match="a was changed meanwhile and was not written"):
        write_bytes(file, b"ours", instead_of=b"read before")
    assert file.read_text() == "theirs"
    write_bytes(file, b"ours", instead_of=b"theirs")
    assert file.read_text() == "ours"


@pytest.mark.parametrize("becomes", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("other")])
def test_a_file_that_became_something_else_meanwhile_is_not_waited_for(tmp_path, monkeypatch, becomes):
    file = tmp_path / "a"
    file.write_text("old")
    make_alike = files._make_alike

    def become(path, *args):
        make_alike(path, *args)
        path.unlink()
        becomes(path)

    monkeypatch.setattr(files, "_make_alike", become)
    with pytest.raises(UsageError, match="cannot write"):
        write_bytes(file, b"new", instead_of=b"old")
    assert [name for name in os.listdir(tmp_path) if name != "a"] == []


def test_a_file_that_was_removed_meanwhile_does_not_come_back(tmp_path):
    with pytest.raises(UsageError, match="cannot write"):
        write_bytes(tmp_path / "gone", b"ours", instead_of=b"read before")
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_not_ours_can_hold_a_file_that_is(tmp_path, monkeypatch):
    file = tmp_path / "a"
    file.write_text("old")

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    write_text(file, "new")
    assert file.read_text() == "new"
    with pytest.raises(UsageError, match=r"cannot write .*b: Permission denied"):
        write_text(tmp_path / "b", "new")


def test_a_name_as_long_as_names_may_be(tmp_path):
    file = tmp_path / ("n" * 250 + ".json")
    write_text(file, "new")
    assert file.read_text() == "new"


@AS_ROOT
def test_a_disk_that_is_read_only_is_told_as_one(tmp_path):
    if subprocess.run(["mount", "-t", "tmpfs", "none", tmp_path], capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    try:
        (tmp_path / "a").write_text("old")
        subprocess.run(["mount", "-o", "remount,ro", tmp_path], check=True)
        with pytest.raises(UsageError, match=r"cannot write .*a: Read-only file system"):
            write_text(tmp_path / "a", "new")
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)
