"""Activities that do what none should."""

import atexit
import ctypes
import os
import signal
import subprocess
import sys
import threading
from typing import Any

from cameron.activities.activity import activity
from cameron.activities.base_activity import BaseActivity

from .told import ask


class RaisesInConstructor(BaseActivity):
    """Cannot be made."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        raise RuntimeError("not today")

    def do_activity(self) -> str:
        """Never called."""
        return self.SUCCEEDED


class ReturnsNone(BaseActivity):
    """Forgets to say how it went."""

    def do_activity(self) -> Any:
        """Does nothing."""


class ReturnsAnotherWord(BaseActivity):
    """Says it in its own words."""

    def do_activity(self) -> str:
        """Not one of the three."""
        return "fine"


class Raises(BaseActivity):
    """Has a bug."""

    def do_activity(self) -> str:
        """An exception of Python's own."""
        return str({}["missing"])


class Exits(BaseActivity):
    """Takes itself for a program."""

    def do_activity(self) -> str:
        """Exits."""
        sys.exit(3)


class Segfaults(BaseActivity):
    """Reads where nothing is."""

    def do_activity(self) -> str:
        """A real segmentation fault."""
        ctypes.string_at(0)
        return self.SUCCEEDED


class EndsProcess(BaseActivity):
    """Ends whatever it runs in, once the service says so."""

    def do_activity(self) -> str:
        """Without a word."""
        ask("EndsProcess", key=self.input_data["key"])
        os._exit(0)


class Hoards(BaseActivity):
    """Wants more memory than there may be."""

    def do_activity(self) -> str:
        """At once, so that nobody is harmed who bounds it, and hardly anybody who does not: it is never written to."""
        return self.SUCCEEDED if bytearray(4 << 30) else self.PERMANENT_FAILURE


class Sleeps(BaseActivity):
    """Does not come back before the service says so; then it tells what became of its session."""

    def do_activity(self) -> str:
        """Far longer than it may."""
        key = self.input_data["key"]
        ask("Sleeps", key=key)
        try:
            self.session_set("late", "yes")
        except Exception as error:
            ask("woke", key=key, session=type(error).__name__)
            raise
        ask("woke", key=key, session="written")
        return self.SUCCEEDED


class Forks(BaseActivity):
    """Comes back twice."""

    def do_activity(self) -> str:
        """Once in each of two processes."""
        child = os.fork()
        if child:
            ask("Forks", key=self.input_data["key"], child=child)
        return self.SUCCEEDED


class LeavesThread(BaseActivity):
    """Leaves a thread running for whose end Python waits before it ends itself."""

    def do_activity(self) -> str:
        """It never ends."""
        threading.Thread(target=threading.Event().wait, daemon=False).start()
        return self.SUCCEEDED


class LeavesFarewell(BaseActivity):
    """Has Python call a function at its end."""

    def do_activity(self) -> str:
        """Which never ends."""
        atexit.register(threading.Event().wait)
        return self.SUCCEEDED


class LeavesProgram(BaseActivity):
    """Leaves a program running that has inherited what it writes to."""

    def do_activity(self) -> str:
        """For an hour."""
        left = subprocess.Popen(["sleep", "3600"])
        ask("LeavesProgram", key=self.input_data["key"], left=left.pid)
        return self.SUCCEEDED


class Chatters(BaseActivity):
    """Writes without end, to where its result goes as well."""

    def do_activity(self) -> str:
        """More than anybody would keep."""
        line = "x" * 9_999
        for _ in range(1_000):
            print(line)
            print(line, file=sys.stderr)
        os.write(1, b"raw\n" * 100_000)
        return self.SUCCEEDED


class IgnoresSignals(BaseActivity):
    """Will not be told."""

    def do_activity(self) -> str:
        """Does not come back, either."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        ask("IgnoresSignals", key=self.input_data["key"])
        return self.SUCCEEDED


@activity
def odd(data: dict[str, Any]) -> Any:
    """Returns what JSON has no word for, or not so much of it."""
    loop: list[Any] = []
    loop.append(loop)
    values = {
        "nan": float("nan"), "surrogate": "\ud800", "set": {1}, "object": object(), "bytes": b"\xff", "large": "x" * (2 << 20),
        "loop": loop, "huge": 10**5000, "keys": {1: 2, None: 3}, "infinite": [float("inf")], "deep": _nested(100_000),
    }  # fmt: skip
    return values[data["what"]]


def _nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


class ShoutsWhenAsked(Exception):
    """An exception that cannot be told."""

    def __str__(self) -> str:
        sys.exit("no")

    __repr__ = __str__


class RaisesTheUntellable(BaseActivity):
    """Has an exception with a bug."""

    def do_activity(self) -> str:
        """Raises it."""
        raise ShoutsWhenAsked


class Recurses(BaseActivity):
    """Calls itself."""

    def do_activity(self) -> str:
        """Without end."""
        return self.do_activity()
