"""Those that run in threads. `gates` are how a test has them wait: one that nobody has opened lets nobody through."""

import sys
import threading
from collections import defaultdict
from typing import Any

from cameron.activities.activity import Context, PermanentFailure, TemporaryFailure, activity
from cameron.activities.base_activity import BaseActivity

PATIENCE_S = 60.0
gates: defaultdict[str, threading.Event] = defaultdict(threading.Event)
seen: list[Any] = []  # in the order in which the runs were begun
come_back: list[str] = []  # from gates
lock = threading.Lock()
at_once: list[int] = [0, 0]  # runs of `together`: now, and at most


@activity
def echo(data: Any, context: Context) -> dict[str, Any]:
    """All that a run knows of itself."""
    return {"data": data, **{name: value for name, value in vars(context).items() if name != "session"}}


@activity
def note(data: Any) -> None:
    """Leave a note."""
    seen.append(data)


@activity
def through(data: str) -> str:
    """Go through a gate."""
    seen.append(data)
    gates[data].wait(PATIENCE_S)
    come_back.append(data)
    return data


@activity(timeout_s=0.2)
def impatient(data: str) -> None:
    """The same, in less time than a run is given."""
    through(data)


@activity
def together(data: int) -> None:
    """Count how many there are."""
    with lock:
        at_once[0] += 1
        at_once[1] = max(at_once)
    gates["together"].wait(PATIENCE_S)
    with lock:
        at_once[0] -= 1


@activity
def late_words(data: str, context: Context) -> None:
    """Write to the session before and after a gate."""
    context.session_set("before", "1")
    seen.append(data)
    gates[data].wait(PATIENCE_S)
    try:
        context.session_set("after", "1")
    finally:
        come_back.append(data)


@activity
def try_again(data: Any) -> None:
    """Fail for now."""
    raise TemporaryFailure("not yet")


@activity
def no_use(data: Any) -> None:
    """Fail for good."""
    raise PermanentFailure("never")


@activity
def leave(data: Any) -> None:
    """End the program, it thinks."""
    sys.exit(data)


class Fine(BaseActivity):
    """Succeeds."""

    def do_activity(self) -> str:
        """As it says."""
        return self.SUCCEEDED


class NeverMade(BaseActivity):
    """Its constructor raises."""

    def __init__(self, *args: Any) -> None:
        raise LookupError("no such thing")

    def do_activity(self) -> str:
        """Never called."""
        return self.SUCCEEDED


class Silent(BaseActivity):
    """Returns None."""

    def do_activity(self) -> str:
        """Forgets the return."""
        return None  # type: ignore[return-value]
