"""One attempt of a task, as whoever is called sees it: what a stub is given, and a test finds in the job's `calls`."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from cameron.activities.session import Session


class SimulatedCall(NamedTuple):
    """What has no meaning for its kind is empty."""

    kind: str  # http, command, python, or wait: a callback that nobody is asked for by a call
    process: str
    key: str
    job: str  # its uuid
    task: str
    attempt: int
    at_s: float  # simulated seconds since the job's start
    target: str  # the URL, the program, or the Python activity
    data: Any  # what is sent: the body, the program's input or the activity's data; parsed where it is JSON, else text, else bytes
    session: Session
    method: str = ""
    headers: Mapping[str, str] = {}
    command: tuple[str, ...] = ()
    config: Mapping[str, Any] = {}
    callback_url: str = ""

    def __repr__(self) -> str:
        again = f", attempt {self.attempt}" if self.attempt > 1 else ""
        what = " ".join(self.command) if self.command else f"{self.method} {self.target}".strip()
        return f"<call of {self.task}{again} at {self.at_s:g} s: {what}>"

    @property
    def idempotency_key(self) -> str:
        """As the real ones have it: the same for every attempt of the task."""
        return f"{self.job}/{self.task}"

    def session_get(self, key: str) -> str | None:
        """What an activity of the same job has set."""
        return self.session.get(key)

    def session_set(self, key: str, value: str) -> None:
        """Keep a string for the job's activities."""
        self.session.set(key, value)
