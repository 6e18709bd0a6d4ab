"""This node among the others: its lease, renewed again and again, and what it says of itself with it."""

import logging
import os
import socket
import time
from enum import Enum
from typing import Any

from cameron.clock import Clock
from cameron.scheduling.lease import Lease
from cameron.scheduling.this_node import ThisNode
from cameron.store.leases import Leases
from cameron.store.redis import StoreAway, StoreError

log = logging.getLogger("cameron.job_scheduler")


class Kept(Enum):
    """What a renewal means for what the node holds."""

    ALL = "the lease lasted"
    IN_DOUBT = "the lease was gone, and is there again under the same name: others may have taken something meanwhile"
    NOTHING = "the node goes on under another name"


class Membership:
    """Used by the scheduler on its thread. A renewal is also the measurement of Redis's clock."""

    def __init__(self, node: ThisNode, leases: Leases, lease_s: float, clock: Clock) -> None:
        self._node, self._leases, self._clock = node, leases, clock
        self._lease_s = lease_s
        self._lease = Lease(lease_s)
        self._is_registered = False
        self._is_in_doubt = False  # a lost lease has not been told of: it may take more than one attempt to get another

    @property
    def is_sure(self) -> bool:
        """Whether nobody may have taken from us what we hold."""
        return self._lease.is_held(time.monotonic())

    @property
    def takes_over(self) -> bool:
        """Whether what dead nodes held may be taken now."""
        return self.is_sure and not self._lease.grace_s(time.monotonic())

    def keep(self, jobs: int) -> Kept:
        """Renew the lease, or register (again); the node holds that many jobs. Raises StoreAway, StoreError."""
        asked_s, lease_ms, name = time.monotonic(), int(self._lease_s * 1000), self._node.name
        try:
            now_ms, is_kept = self._leases.renew(name, self._about(jobs), lease_ms)
            self._clock.set(now_ms)
            self._node.since_ms = self._node.since_ms or int(now_ms)
            if not is_kept:
                self._lose(asked_s)
                is_kept = self._leases.register(name, self._about(jobs), lease_ms)
        except (*StoreAway, StoreError):
            self._lease.failed(asked_s)
            raise
        if is_kept and not self._is_registered and not self._is_in_doubt:
            log.info("node %s takes jobs", name)
        in_doubt, self._is_in_doubt = self._is_in_doubt, False
        self._is_registered = is_kept
        if not is_kept:
            log.error("another node has the name %s: this one takes another", name)
            self._node.rename()
            return Kept.NOTHING
        self._lease.kept(asked_s)
        return Kept.IN_DOUBT if in_doubt else Kept.ALL

    def _lose(self, asked_s: float) -> None:
        if self._is_registered and not self._is_in_doubt:
            log.warning("the lease of node %s was gone: it takes it again, and looks which of its jobs it still holds", self._node.name)
            self._is_in_doubt = True
            self._lease.lost(asked_s)

    def _about(self, jobs: int) -> dict[str, Any]:
        return {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "since_ms": self._node.since_ms,
            "lease_ms": int(self._lease_s * 1000),
            "state": self._node.state,
            "jobs": jobs,
            **self._node.load.in_lease(),
            "grace_ms": int(self._lease.grace_s(time.monotonic()) * 1000),
        }
