"""An operating-system process in a session of its own, so that it can be ended together with all that it has started. Linux only."""

from __future__ import annotations

import errno
import os
import select
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO

from cameron.otp.affinity import unbound
from cameron.otp.guard import guard


class ProcessGroup:
    """A process that has been started, the pipes to it (they never block), and its group, which also ends where this program is killed.

    It may use all cores that the program began with, also where the program's own threads are kept to fewer.

    The group's number is safe to use only as long as the process itself has not been reaped, as the system gives it to others then; so
    whoever knows of its end (through `end_fd`) leaves it a zombie of the system's until `reap`.
    """

    def __init__(self, command: Sequence[str], cwd: str | None = None, env: Mapping[str, str] | None = None) -> None:
        """Start it. Raises OSError where that can't be done."""
        pipe = subprocess.PIPE
        with unbound():
            self._process = subprocess.Popen(
                list(command), bufsize=0, stdin=pipe, stdout=pipe, stderr=pipe, cwd=cwd, env=env, start_new_session=True
            )
        self._lock = threading.Lock()
        self._is_reaped = False
        self.pid = self._process.pid
        self.stdin, self.stdout, self.stderr = (_opened(file) for file in (self._process.stdin, self._process.stdout, self._process.stderr))
        self.end_fd = -1
        try:
            guard.add(self.pid)
            self.end_fd = os.pidfd_open(self.pid)
            for file in (self.stdin, self.stdout, self.stderr):
                os.set_blocking(file.fileno(), False)
        except OSError:
            self.signal(signal.SIGKILL)
            guard.remove(self.pid)
            self._process.wait()
            self.close()
            raise

    def signal(self, number: int) -> None:
        """Send a signal to all of the group; nothing where it is gone. Any thread; never blocks."""
        with self._lock, suppress(ProcessLookupError, PermissionError):
            if not self._is_reaped:
                os.killpg(self.pid, number)

    def status(self) -> int | None:
        """The process' exit status, or minus the signal that ended it; None while it runs."""
        if self._process.returncode is not None:
            return self._process.returncode
        end = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if end is None:
            return None
        return end.si_status if end.si_code == os.CLD_EXITED else -end.si_status

    def reap(self, timeout_s: float | None = None) -> int | None:
        """Kill what is left of the group and wait for the process itself; its status, or None where the system takes longer than that."""
        self.signal(signal.SIGKILL)
        if not self._is_reaped:
            poll = select.poll()
            poll.register(self.end_fd, select.POLLIN)
            if not poll.poll(None if timeout_s is None else timeout_s * 1000):
                return None
        with self._lock:
            self._is_reaped = True
            guard.remove(self.pid)
            return self._process.wait()

    def close(self) -> None:
        """Close the pipes. What the process wrote and nobody has read is lost."""
        for file in (self.stdin, self.stdout, self.stderr):
            file.close()
        if self.end_fd >= 0:
            os.close(self.end_fd)
            self.end_fd = -1


def _opened(file: IO[bytes] | None) -> IO[bytes]:
    if file is None:
        raise AssertionError("a process was started without its pipes")
    return file


def why_not(error: OSError, cwd: str | None) -> str:
    """Why a process could not be started, and what to do about it."""
    if cwd is not None and error.filename == cwd:
        return f"its working directory {cwd!r} can't be entered ({error.strerror}): make it, or name another one"
    match error.errno:
        case errno.ENOENT:
            return "there is no such program: install it, or give its full path"
        case errno.EACCES:
            return "it is no program, or may not be run by this user: see its permissions"
        case errno.ENOEXEC:
            return "the system does not know how to run it: a script has to begin with #! and its interpreter"
        case errno.E2BIG:
            return "its arguments and its environment are too long together: give what is long as input"
        case errno.EMFILE | errno.ENFILE:
            return "too many files are open: raise the limit (ulimit -n), or run fewer at a time"
    return f"the system refuses ({error.strerror}): try again when it has room"
