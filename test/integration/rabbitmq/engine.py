"""An engine for the starter, which does what the test says; and what is seen of the starter's threads."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from cameron.definitions import Given

TIMEOUT_S = 30


class Job(NamedTuple):
    """What a start gives back."""

    process: str = "a"
    uuid: str = "0" * 32
    existing: bool = False


class Engine:
    """Remembers each start, by its message_id or what stands in for it; `behave` is told the how-manieth try of it this is."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.tries: Counter[str] = Counter()
        self.behave: Callable[[int], None] = lambda tries: None
        self.refuse: Callable[[str], None] = lambda process: None
        self._lock = threading.Lock()

    def hold(self, until: threading.Event) -> None:
        """Let starts take until then."""

        def wait(tries: int) -> None:
            assert until.wait(TIMEOUT_S)

        self.behave = wait

    def start(self, process: str, body: Given, idempotency_key: str = "") -> Job:
        """A job of no account."""
        with self._lock:
            self.tries[idempotency_key] += 1
            nth = self.tries[idempotency_key]
        self.refuse(process)
        self.behave(nth)
        self.done.append(body.members.get("key", ""))
        return Job(existing=nth > 1)

    def names(self) -> list[str]:
        """Two processes."""
        return ["order", "space:a"]


def threads(kind: str = "rabbitmq-") -> int:
    """How many threads of the actor, or of a kind of them, there are."""
    return sum(thread.name.startswith(kind) for thread in threading.enumerate())
