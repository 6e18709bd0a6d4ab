"""Has jobs go to nodes that are idle while their commands and Python activities wait for a free place here.

A node takes jobs from the queues long before it has a place for each of their runs; a node that joins later would get none of them. So
whoever has runs that wait looks at the leases of the others, and hands over jobs of which nothing has begun.
"""

import logging
import time
from collections.abc import Iterable

from cameron.activities.call import Relieve
from cameron.job_ledger import Claim
from cameron.otp import Address
from cameron.scheduling.admission import Admission
from cameron.scheduling.levelling import gifts
from cameron.scheduling.this_node import ThisNode
from cameron.store.inbox import Signal
from cameron.store.leases import Leases
from cameron.store.node_load import takes_as

log = logging.getLogger("cameron.job_scheduler")

PERFORMER = {"commands": "commands", "python_threads": "python", "python_processes": "python_processes"}  # of what runs
REST_TICKS = 3  # after a round, until the leases tell what has come of it
VAIN_TICKS = 30  # the same, where what was handed over has come back


class Relief:
    """Part of the scheduler, on its thread. `was_given`: uuids of jobs that others have given to this node, and that it is to look for."""

    def __init__(self, node: ThisNode, leases: Leases, jobs: Admission, tick_s: float) -> None:
        self._node, self._leases, self._jobs, self._tick_s = node, leases, jobs, tick_s
        self._rests_until_s = float("-inf")
        self._gave: set[str] = set()  # uuids of the jobs that were handed over in the last round
        self.was_given: set[str] = set()

    # to others

    def look(self) -> None:
        """At a tick, after the lease was renewed: a round trip or two, only where runs wait here. Raises StoreAway, StoreError."""
        held_up = self._node.load.held_up
        if not held_up or time.monotonic() < self._rests_until_s:
            return
        abouts = self._leases.living()
        own = abouts.get(self._node.name, {})
        nodes = {name: takes_as(own, about) for name, about in abouts.items()}
        ours = [(of, gifts({name: runs[of] for name, runs in nodes.items() if of in runs})) for of in held_up]
        given = [(of, node, count) for of, all_given in ours for (giver, node), count in all_given.items() if giver == self._node.name]
        if given:
            self._gave.clear()
            self._rest(REST_TICKS)
        for of, node, count in given:
            log.info("node %s is idle while runs wait here (%s): gives it what has not begun of the last %d", node, of, count)
            Address(PERFORMER[of]).tell(Relieve(count, node))

    def gave(self, claim: Claim) -> None:
        """That job was handed over."""
        self._gave.add(claim.uuid)

    def see(self, claim: Claim) -> None:
        """This node was given that job by its queue: whoever is idle has no room for such jobs, where it was handed over before."""
        if claim.uuid in self._gave:
            self._rest(VAIN_TICKS)

    def _rest(self, ticks: int) -> None:
        self._rests_until_s = time.monotonic() + ticks * self._tick_s

    # from others

    def hear(self, signals: Iterable[Signal]) -> None:
        """What others tell this node."""
        self.was_given |= {signal.fields.get("uuid", "") for signal in signals if signal.fields.get("signal") == "given"}

    def is_too_much(self, claim: Claim) -> bool:
        """Whether others have given it to this node, which has no room for it, and had better put it back into its queue."""
        return claim.uuid in self.was_given and not self._jobs.room_of(claim.process)
