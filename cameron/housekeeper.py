"""Clears up what expired jobs have left in the lists of jobs and in the dead letter. On a thread of its own, as it may take a while."""

import logging
from typing import Any, NamedTuple

from cameron.otp import ThreadActor
from cameron.process_catalog import Catalog
from cameron.store.dead_letter import DeadLetters
from cameron.store.job_index import PRUNE_AT_MOST, JobIndex
from cameron.store.queue import Queues
from cameron.store.redis import StoreAway, StoreError, StoreRefused

log = logging.getLogger("cameron.housekeeper")

EVERY_S = 60.0


class _CleanUp(NamedTuple):
    pass


class Housekeeper(ThreadActor):
    """Every node has one; what one has cleared up the others find done. Name: `housekeeper`."""

    def __init__(self, url: str, timeout_s: float, catalog: Catalog) -> None:
        super().__init__()
        self._catalog = catalog
        self._queues = Queues(url, timeout_s)
        self._index, self._dead = JobIndex(url, timeout_s, catalog.job_proof), DeadLetters(url, timeout_s)

    def on_start(self) -> None:
        """There is no hurry."""
        self.send_after(EVERY_S, _CleanUp())

    def on_receive(self, message: Any) -> None:
        """Clean up, and again a while later."""
        has_more = False
        try:
            for process in sorted({*self._catalog.names(), *self._queues.names()}):
                has_more |= self._clean_up(process)
        except (*StoreAway, StoreError) as error:
            log.debug("redis does not answer (%s)", error)
        self.send_after(EVERY_S / 60 if has_more else EVERY_S, _CleanUp())

    def terminate(self, reason: object) -> None:
        """Leave no connection behind."""
        for store in (self._queues, self._index, self._dead):
            store.close()

    def _clean_up(self, process: str) -> bool:
        """Whether there may be more to clear up. Raises StoreAway, StoreError."""
        try:
            has_more = self._index.prune(process) >= PRUNE_AT_MOST
            self._dead.prune(process)
            return has_more
        except StoreRefused as error:
            log.warning("the lists of jobs of %s cannot be cleared of those that have expired: %s", process, error)
            return False
