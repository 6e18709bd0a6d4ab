"""Reads new jobs from the queues and signals from the node's inbox, for the scheduler.

The one read that may block has this thread to itself.
"""

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from cameron import fault
from cameron.otp import Address, ThreadActor
from cameron.store.inbox import Signal
from cameron.store.queue import Entry, Queues
from cameron.store.redis import StoreAway, StoreError

log = logging.getLogger("cameron.queue_reader")

BLOCK_MS = 500  # then it looks into its mailbox: the longest that a stop has to wait for it
AWAY_S = 0.5  # between attempts while Redis is away


class Want(NamedTuple):
    """Told by the scheduler: read at most about `limit` new entries for `node`, of each process at most its room, and the signals."""

    node: str
    limit: int
    rooms: Mapping[str, int]  # none: the inbox alone
    term: int  # comes back: of the scheduler's lease


class Taken(NamedTuple):
    """Told to the scheduler: the node holds these entries now (none, where none came in time), and has these signals."""

    term: int
    entries: list[Entry]
    signals: list[Signal]
    unreadable: list[str]  # processes whose queue's key is no queue


class ReaderReady(NamedTuple):
    """Told to the scheduler by a reader that has started, or had trouble: what was read in between may have been lost on the way."""


class QueueReader(ThreadActor):
    """Has its own thread. Name: `queue_reader`."""

    def __init__(self, url: str, timeout_s: float) -> None:
        super().__init__()
        self._queues = Queues(url, timeout_s + BLOCK_MS / 1000)
        self._scheduler = Address("job_scheduler")
        self._is_refused = False  # by Redis, and that has been said

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
            entries, signals, unreadable = self._queues.take(message.node, message.rooms, message.limit, BLOCK_MS)
        except (*StoreAway, StoreError) as error:
            is_said = self._is_refused or isinstance(error, StoreAway)
            log.log(logging.DEBUG if is_said else logging.WARNING, "the queues cannot be read (%s): trying again until they can", error)
            self._is_refused = not isinstance(error, StoreAway)
            self.send_after(AWAY_S, ReaderReady())  # Redis may have given us entries whose answer was lost
            return
        self._is_refused = False
        if entries:
            fault.at("entry.read")
        self._scheduler.tell(Taken(message.term, entries, signals, unreadable))

    def terminate(self, reason: object) -> None:
        """Leave no connection behind."""
        self._queues.close()
