"""Reads new jobs from the queues, for the scheduler: the one read that may block has this thread to itself."""

import logging
from typing import Any, NamedTuple

from cameron.otp import Address, ThreadActor
from cameron.store.queue import Entry, Queues
from cameron.store.redis import StoreAway, StoreError

log = logging.getLogger("cameron.queue_reader")

BLOCK_MS = 500  # then it looks into its mailbox: the longest that a stop has to wait for it
AWAY_S = 0.5  # between attempts while Redis is away


class Want(NamedTuple):
    """Told by the scheduler: read at most about `limit` new entries for `node` from these processes' queues."""

    limit: int
    node: str
    processes: tuple[str, ...]


class Taken(NamedTuple):
    """Told to the scheduler: the node holds these entries now (none, where none came in time)."""

    node: str
    entries: list[Entry]


class ReaderReady(NamedTuple):
    """Told to the scheduler by a reader that has started, or had trouble: what was read in between may have been lost on the way."""


class QueueReader(ThreadActor):
    """Has its own thread. Name: `queue_reader`."""

    def __init__(self, url: str, timeout_s: float) -> None:
        super().__init__()
        self._queues = Queues(url, timeout_s + BLOCK_MS / 1000)
        self._scheduler = Address("job_scheduler")

    def on_start(self) -> None:
        """Ask for work."""
        self._scheduler.tell(ReaderReady())

    def on_receive(self, message: Any) -> None:
        """Read once; the scheduler asks again."""
        if isinstance(message, ReaderReady):  # to ourselves, after trouble
            self._scheduler.tell(message)
        if not isinstance(message, Want):
            return
        try:
            entries = self._queues.take(list(message.processes), message.node, message.limit, BLOCK_MS) if message.processes else []
        except (*StoreAway, StoreError) as error:
            log.log(logging.DEBUG if isinstance(error, StoreAway) else logging.WARNING, "the queues cannot be read (%s)", error)
            self.send_after(AWAY_S, ReaderReady())  # Redis may have given us entries whose answer was lost
            return
        self._scheduler.tell(Taken(message.node, entries))
