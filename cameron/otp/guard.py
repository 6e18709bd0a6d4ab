"""Ends the process groups of a program that was killed itself, and so could not see to them.

A small process reads, from a pipe that the program alone holds open, which groups there are. When the pipe ends, the program is gone: then
it kills those that are left. It is started with the first group, and costs a few megabytes.
"""

from __future__ import annotations

import atexit
import subprocess
import sys
import threading
from contextlib import suppress

END_S = 1.0  # that the end of the program waits for the guard
_SOURCE = """
import os, signal, sys
groups = set()
for line in sys.stdin.buffer:
    (groups.add if line[:1] == b"+" else groups.discard)(int(line[1:]))
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass
"""


class Guard:
    """One for a program. Any thread; never blocks for longer than a start takes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: set[int] = set()
        self._process: subprocess.Popen[bytes] | None = None

    def add(self, group: int) -> None:
        """It is to end with this program. Raises OSError where nothing can be started to see to that."""
        with self._lock:
            self._groups.add(group)
            self._tell(f"+{group}\n")

    def remove(self, group: int) -> None:
        """It has ended, or is about to be reaped: its number may be another's soon."""
        with self._lock:
            if group in self._groups:
                self._groups.remove(group)
                self._tell(f"-{group}\n")

    def close(self) -> None:
        """The program ends: so do the groups that are left."""
        with self._lock:
            if self._process is not None and self._process.stdin is not None:
                self._process.stdin.close()
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(END_S)

    def _tell(self, line: str) -> None:
        try:
            if self._process is None or self._process.poll() is not None:
                self._start()
            else:
                self._write(line)
        except BrokenPipeError:  # somebody has ended it just now
            self._start()

    def _start(self) -> None:
        """Anew, with all groups that there are."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        command = [sys.executable, "-I", "-S", "-c", _SOURCE]  # by itself: no site, no environment
        null = subprocess.DEVNULL
        self._process = subprocess.Popen(
            command, bufsize=0, stdin=subprocess.PIPE, stdout=null, stderr=null, cwd="/", env={}, start_new_session=True
        )
        self._write("".join(f"+{group}\n" for group in sorted(self._groups)))

    def _write(self, text: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode())


guard = Guard()
atexit.register(guard.close)
