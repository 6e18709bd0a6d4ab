"""A program of the test: started with its output in a file, ended by its own process id."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]


class Program:
    """One child process; its standard output and error go to `folder/{name}.log`, appended over restarts."""

    def __init__(self, name: str, folder: Path, command: Sequence[str], settings: Mapping[str, str], cwd: Path = PROJECT) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._command = list(command)
        self._settings = dict(settings)
        self._cwd = cwd
        self._child: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        """Start the program, without CAMERON_* variables of the tester's own environment."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("CAMERON_")}
        environ |= {"PYTHONUNBUFFERED": "1", **self._settings}
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self._command, cwd=self._cwd, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    def without(self, setting: str) -> None:
        """Let the next start be without that variable."""
        self._settings.pop(setting, None)

    @property
    def child(self) -> subprocess.Popen[bytes]:
        """The running (or ended) child; an error before `launch`."""
        assert self._child is not None, f"{self.name} was not started"
        return self._child

    @property
    def exited(self) -> int | None:
        """The exit status, None while the program runs or before it was started."""
        return None if self._child is None else self._child.poll()

    @property
    def running(self) -> bool:
        """Started and not ended."""
        return self._child is not None and self._child.poll() is None

    def terminate(self, timeout_s: float = 40.0) -> int:
        """SIGTERM, and the exit status; a program that does not end in time is killed and fails the test."""
        self.child.send_signal(signal.SIGTERM)
        return self.wait(timeout_s)

    def wait(self, timeout_s: float = 40.0) -> int:
        """The exit status of a program that is to end by itself."""
        try:
            return self.child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {timeout_s} s:\n{self.output()[-4000:]}") from None

    def kill(self) -> None:
        """SIGKILL, for a crash or where a test leaves the program behind."""
        if self.running:
            self.child.kill()
            self.child.wait(30)

    def output(self) -> str:
        """All that it has printed so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""
