"""Where a job stands besides its own record: its place in the queue, its node, the other nodes. Read in `store/situation.py`."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from cameron.core.status import ENDED

AHEAD_MAX = 1000  # jobs before it in the queue that are counted; beyond, there are "more than" so many
NOTHING: Mapping[str, int] = MappingProxyType({})
RENEWED_EACH_S = 2.0  # or each third of a lease, whatever is shorter


class Place(StrEnum):
    """Where the job's entry is."""

    WAITING = "waiting"  # in the queue, given to nobody
    HELD = "held"  # given to a node
    MISSING = "missing"  # nowhere: the job has ended, or its entry is lost


class Node(NamedTuple):
    """The node that the job's entry was given to."""

    name: str
    left_ms: int | None = None  # of its lease; None: it has run out, and so the node is dead
    lease_ms: int = 0  # the lease's full length
    state: str = "running"  # running | draining | drained
    calls: Mapping[str, tuple[int, int]] = MappingProxyType({})  # "host:port" -> calls in flight and calls that wait for their turn
    runs: Mapping[str, tuple[int, int, int]] = MappingProxyType({})  # by whose places: how many run, wait and may run; as far as it says
    isolated: frozenset[str] | None = None  # Python activities that want a process without their definition's saying so; None: unknown

    @property
    def age_ms(self) -> int:
        """How long ago the lease was renewed."""
        return max(0, self.lease_ms - (self.left_ms or 0))

    @property
    def is_silent(self) -> bool:
        """Whether two renewals are missing."""
        return self.left_ms is None or self.age_ms > 2 * min(self.lease_ms / 3, RENEWED_EACH_S * 1000)


class DeadLetter(NamedTuple):
    """The job's entry in the dead letter."""

    time_ms: int
    task: str  # with which it crashed; "" where it could not even be read
    crashes: int
    reason: str
    crash: str  # the last one


class Situation(NamedTuple):
    """All that is known of a job at one moment besides the job itself; the defaults say that nothing is."""

    place: Place = Place.MISSING
    ahead: int = 0  # entries before it in the queue, counted up to AHEAD_MAX + 1
    queue_read: bool = True  # whether the process is one of those whose queues every node reads
    node: Node | None = None  # where it is held
    running_nodes: int = 0  # living nodes that take jobs
    draining_nodes: int = 0  # living nodes that do not
    grace_ms: int = 0  # until the first of them takes over what the dead held: after an outage of Redis the others may yet come back
    owner: str = ""  # the node that has written its record last; "": none has begun it
    released: bool = False  # that node had no task of it under way any more: it was handed back, or is held up as a suspect
    status: str = ""  # by the index: newer than the job's own, where it has just ended; "": unknown
    since_ms: int = 0  # when it came to that status; 0: unknown
    accepted_ms: int = 0  # 0: unknown
    cancel_ms: int = 0  # when somebody asked for its end while a node held it; 0: nobody has
    crash: str = ""  # the last crash of whoever ran it
    dead_letter: DeadLetter | None = None
    called_ms: Mapping[str, int] = NOTHING  # running tasks, and when they were called for the first time
    left_ms: int | None = None  # until its keys expire; None: they do not, or it is unknown

    @property
    def ended(self) -> bool:
        """Whether the index says that the job has ended."""
        return self.status in ENDED
