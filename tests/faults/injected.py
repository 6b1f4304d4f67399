"""Runs commands of cpuperf's, each with a fault at one of its steps.

A step is a thing that a process asks of the file system in some folders, or a process that it starts: Python tells an
audit hook of each. Run as `python -m tests.faults.injected`; a line of JSON asks for commands that run at once, and one
answers with how each ended, how many steps it took, and what of it lives on. Each runs in a fork of this process, in
which all is imported, so that hundreds fit in a minute.
"""

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path

_STEPS = {
    "open",
    "os.chmod",
    "os.chown",
    "os.link",
    "os.listdir",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.scandir",
    "os.truncate",
    "subprocess.Popen",
}
_PR_SET_CHILD_SUBREAPER = 36
# Processes at the other side let themselves end for 5 s.
_MOST_SECONDS_AFTER = 12.0


class Fault:
    """Does something at a step: counts it where that is nothing."""

    def __init__(self, folders, step, kind, what, counted):
        self._folders = tuple(os.path.join(folder, "") for folder in folders)
        self._step, self._kind, self._what = step, kind, what
        self._process = os.getpid()
        self._taken = 0
        self._counted = counted
        self._busy = False

    def __call__(self, event, arguments):
        if event not in _STEPS or self._busy or os.getpid() != self._process:
            return
        if sys._getframe(1).f_code.co_filename.startswith("<frozen importlib"):
            return  # an import that fails is no fault of ours
        path = arguments[0]
        if event != "subprocess.Popen":
            if not isinstance(path, (str, bytes, os.PathLike)) or not self._is_meant(
                os.path.abspath(os.fsdecode(path))
            ):
                return
        self._busy = True
        try:
            self._taken += 1
            os.pwrite(self._counted, b"%d" % self._taken, 0)
            if self._taken == self._step:
                getattr(self, self._kind)(event, path)
        finally:
            self._busy = False

    def _is_meant(self, path):
        if not isinstance(path, (str, bytes, os.PathLike)):
            return False
        if "pytest" in sys.argv and os.fsdecode(path).endswith("pyproject.toml"):
            return False  # pytest reads it first, and ends in a traceback of its own
        return os.path.join(os.path.abspath(os.fsdecode(path)), "").startswith(self._folders)

    def signal(self, event, path):
        os.kill(self._process, self._what)

    def error(self, event, path):
        raise OSError(self._what, os.strerror(self._what), path)

    def edit(self, event, path):
        """Do to a file what another program may do at that moment."""
        file = Path(os.fsdecode(path))
        if event == "os.rename" or not file.exists():
            return
        if self._what == "vanish":
            os.rename(file.parent, f"{file.parent}.gone")
            return
        if self._what == "write":
            file.write_bytes(b"# theirs\n")
            return
        if file.is_dir():
            return
        file.unlink()
        if self._what == "link":
            file.symlink_to("/etc/hostname")
        elif self._what == "fifo":
            os.mkfifo(file)
        elif self._what == "folder":
            file.mkdir()


def _run(command, counted):
    """Run one command in a process of its own, and never return."""
    code = 1
    try:
        os.setpgid(0, 0)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        os.chdir(command["cwd"])
        os.environ.update(command["environment"])
        output = os.open(command["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.dont_write_bytecode = True
        if command["most_bytes"] is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (command["most_bytes"],) * 2)
        fault = Fault(command["folders"], command["step"], command["kind"], command["what"], counted)
        sys.addaudithook(fault)
        arguments = command["arguments"]
        sys.argv = ["cpuperf", *arguments]
        if arguments[0] == "pytest":
            import pytest

            code = int(pytest.main(arguments[1:]))
        else:
            from pytest_cpuperf.cli import main

            code = main(arguments)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except KeyboardInterrupt:
        code = 130  # pytest, before it began
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        os._exit(code)


def _ended(processes, seconds):
    """Wait for processes, a signal to those that take too long; returns how they ended, by process."""
    codes = {}
    end = time.monotonic() + seconds
    while processes.keys() - codes.keys():
        process, status = os.waitpid(-1, os.WNOHANG)
        if process:
            codes[process] = os.waitstatus_to_exitcode(status)
            continue
        for one, command in processes.items():
            late = command["after"] is not None and time.monotonic() > end - seconds + command["after"]
            if one not in codes and (late or time.monotonic() > end):
                os.kill(one, command["what"] if late else signal.SIGKILL)
                command["after"] = None
                if time.monotonic() > end:
                    codes[one] = "hung"
        time.sleep(0.005)
    return codes


def _survivors():
    """Return what lives on of processes that ended, once it had time to end; it ends now."""
    end = time.monotonic() + _MOST_SECONDS_AFTER
    own = f"/proc/self/task/{os.getpid()}/children"
    while left := Path(own).read_text().split():
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
        if time.monotonic() > end:
            names = [Path(f"/proc/{one}/cmdline").read_bytes().replace(b"\0", b" ").decode() for one in left]
            for one in left:
                os.kill(int(one), signal.SIGKILL)
                os.waitpid(int(one), 0)
            return names
        time.sleep(0.01)
    return []


def main():
    # Who loses a parent becomes a child of this process, which so knows what lives on.
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    import pytest  # noqa: F401

    import pytest_cpuperf.cli.calibrate
    import pytest_cpuperf.cli.check
    import pytest_cpuperf.cli.inspect
    import pytest_cpuperf.plugin
    import pytest_cpuperf.run.against
    import pytest_cpuperf.run.writing
    import pytest_cpuperf.static.fixing  # noqa: F401
    from pytest_cpuperf.static.rules import all_rules

    all_rules()
    for line in sys.stdin:
        processes, counts = {}, {}
        for command in json.loads(line):
            counted = os.memfd_create("steps")
            process = os.fork() or _run(command, counted)
            processes[process], counts[process] = command, counted
        codes = _ended(processes, 120)
        answers = [
            {"code": codes[p], "steps": int(os.pread(counts[p], 20, 0) or 0), "survivors": []} for p in processes
        ]
        answers[0]["survivors"] = _survivors()
        for counted in counts.values():
            os.close(counted)
        print(json.dumps(answers), flush=True)


if __name__ == "__main__":
    main()
