"""Finds the jobs that should have a runner on this node, and the runners that should not have a job.

The queues' pending lists are the truth about who holds what: compared with what is in hand here, they show what a lost reply or a crash
has left; and compared with the leases, what the dead held.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from cameron import fault
from cameron.job_ledger import Claim
from cameron.scheduling.admission import claim_of
from cameron.store.leases import Leases
from cameron.store.queue import PAGE, Queues, is_gone, is_no_queue
from cameron.store.redis import StoreRefused, passes

log = logging.getLogger("cameron.job_scheduler")


class Comparison(NamedTuple):
    """What the queues say otherwise than this node."""

    found: list[Claim]  # held by the node, but not in hand
    gone: list[Claim]  # in hand, but not held by the node (any more)


class Recovery:
    """Works on the scheduler's thread, which it blocks for a few round trips to Redis."""

    def __init__(self, queues: Queues, leases: Leases) -> None:
        self._queues, self._leases = queues, leases
        self._all: list[str] = []
        self._left_out: set[str] = set()
        self.is_forgotten = False  # Redis does not know (any more) a process of this node

    @property
    def processes(self) -> list[str]:
        """Those whose queues are read: all that are known, but for those whose key is no queue."""
        return [process for process in self._all if process not in self._left_out]

    def learn(self, names: Iterable[str], *, anew: bool) -> None:
        """Know the processes of that name, and those that any node has or had; `anew`: see to all their queues again."""
        ours, stored = set(names), self._queues.names()
        self.is_forgotten = not ours.issubset(stored)
        known = sorted(ours.union(stored))
        if known == self._all and not anew:
            return
        try:
            broken = self._queues.create(known)
        except StoreRefused as error:
            if known != self._all or not passes(error):  # a full Redis creates nothing, and need not, where all is there
                raise
            return
        self._left_out &= set(broken)
        self.leave_out(broken)
        self._all = known

    def leave_out(self, processes: Iterable[str]) -> None:
        """Read these queues no more, until they are seen to again: their keys are no queues."""
        for process in processes:
            if process not in self._left_out:
                log.error("the key of the queue of %s is no queue: none of its jobs runs until somebody puts that right", process)
                self._left_out.add(process)

    def compare(self, node: str, held: list[Claim]) -> Comparison:
        """The queues' word on what the node holds, beside its own; silent about those of processes that cannot be read."""
        in_hand: dict[str, dict[str, Claim]] = {}
        for claim in held:
            in_hand.setdefault(claim.process, {})[claim.entry] = claim
        found, gone = list[Claim](), list[Claim]()
        for process in self.processes:
            ours = in_hand.get(process, {})
            try:
                ids = self._queues.held(process, node)
                entries = self._queues.claim_again(process, node, [id for id in ids if id not in ours])
            except StoreRefused as error:
                self._skip(process, error)
                continue
            found += [claim_of(entry, node) for entry in entries]
            gone += [ours[id] for id in ours.keys() - set(ids)]
        return Comparison(found, gone)

    def take_over(self, node: str, room_of: Callable[[str], int], for_s: float) -> Iterator[Claim]:
        """What dead nodes held, one after another, while there is room and time; the rest is for other nodes, or for later."""
        consumers = self._queues.consumers(self.processes)
        dead = self._leases.dead(consumers) - {node}
        until_s = time.monotonic() + for_s
        for name in sorted(dead):
            for process in consumers.get(name, ()):
                yield from self._take_over(process, name, node, room_of, until_s)
        empty = dead - consumers.keys()
        if empty and not self._left_out:
            self._leases.bury(empty)

    def _take_over(self, process: str, dead: str, node: str, room_of: Callable[[str], int], until_s: float) -> Iterator[Claim]:
        while (room := room_of(process)) > 0 and time.monotonic() < until_s:
            try:
                entries = self._queues.take_over(process, dead, node, min(room, PAGE))
            except StoreRefused as error:
                self._skip(process, error)
                return
            if not entries:
                return
            fault.at("take_over.claimed")
            log.warning("node %s is dead, its lease has run out: took over jobs of %s: %d", dead, process, len(entries))
            crash = f"node {dead} died"
            yield from (claim_of(entry, node, crash) for entry in entries)

    def _skip(self, process: str, error: StoreRefused) -> None:
        """Its queue has gone or is none: others are not to suffer from it. Raises any other error."""
        if is_no_queue(error):
            self.leave_out([process])
        elif not is_gone(error):
            raise error
