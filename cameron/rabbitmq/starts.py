"""The threads in which messages wait for the engine: several, as it writes together what comes together."""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, NamedTuple, Protocol

from cameron.definitions import Given
from cameron.rabbitmq.message import StartRequest

log = logging.getLogger("cameron.rabbitmq")


class Accepted(Protocol):
    """A job that is safely stored."""

    @property
    def process(self) -> str: ...
    @property
    def uuid(self) -> str: ...
    @property
    def existing(self) -> bool: ...  # it was there before


class Door(Protocol):
    """What of the engine is needed; `cameron.engine.Engine` fits."""

    def start(self, process: str, body: Given, idempotency_key: str = "") -> Accepted:
        """The job is in Redis when this returns. Raises CameronError."""

    def names(self) -> list[str]:
        """The names of the processes that can be started."""


class Started(NamedTuple):
    """What came of the start of `what`: None where its job is in Redis."""

    what: Any
    error: Exception | None


class Starts:
    """`tell` is called in one of the threads, and must not raise."""

    def __init__(self, door: Door, threads: int, tell: Callable[[Started], None]) -> None:
        self._door, self._threads, self._tell = door, threads, tell
        self._waiting: SimpleQueue[tuple[Any, StartRequest] | None] = SimpleQueue()
        for number in range(threads):
            threading.Thread(target=self._work, name=f"rabbitmq-start-{number}", daemon=True).start()

    def put(self, what: Any, request: StartRequest) -> None:
        """Start it as soon as a thread is free, and tell what came of it."""
        self._waiting.put((what, request))

    def close(self) -> None:
        """Let the threads end when they have done what they were given."""
        for _ in range(self._threads):
            self._waiting.put(None)

    def _work(self) -> None:
        while (given := self._waiting.get()) is not None:
            what, request = given
            self._tell(Started(what, self._start(request)))

    def _start(self, request: StartRequest) -> Exception | None:
        try:
            job = self._door.start(request.process, request.given, request.idempotency_key)
        except Exception as error:
            return error
        before = " (it was there before)" if job.existing else ""
        log.info("%s has started job %s of %s%s", request.message, job.uuid, job.process, before)
        return None
