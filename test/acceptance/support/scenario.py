"""One test's conversation: its job key, what the service answers for it, and the job started with it."""

from typing import Any

from .answer import Gate
from .job import Job
from .node import Node
from .service import Call, Script, Service


class Scenario:
    """Everything scripted and seen here belongs to one job key, so tests that share a node do not meet."""

    process = "scripted"

    def __init__(self, key: str, service: Service, node: Node) -> None:
        self.key = key
        self.service = service
        self.node = node

    def on(self, activity: str, *scripts: Script) -> None:
        """Answer the calls of an activity for this key with these in turn; the last one repeats."""
        self.service.on(activity, *scripts, key=self.key)

    def url(self, activity: str) -> str:
        """Where an activity is called."""
        return self.service.url(activity)

    def gate(self) -> Gate:
        """A closed gate for answers."""
        return self.service.gate()

    def start(self, data: Any = "some data", requestor: str = "a test", process: str = "") -> Job:
        """Start a job of this key."""
        return self.node.job(process or self.process, {"key": self.key, "data": data, "requestor": requestor})

    def run(self, data: Any = "some data", requestor: str = "a test", timeout_s: float = 60.0) -> Job:
        """Start a job of this key and wait until it has ended, in whatever way."""
        return self.start(data, requestor).ended(timeout_s)

    def calls(self, activity: str = "") -> list[Call]:
        """The calls that arrived for this key, of one activity or of all, in order of arrival."""
        return [call for call in self.service.calls(self.key) if activity in ("", call.activity)]

    def arrived(self, count: int, timeout_s: float = 60.0) -> list[Call]:
        """Wait until at least `count` calls have arrived for this key."""
        return self.service.arrived(self.key, count, timeout_s)
