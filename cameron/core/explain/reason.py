"""Why a job is where it is: a word for programs, a sentence for people."""

from collections.abc import Sequence
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

NAMED = 3  # tasks that a sentence names; of the others it says how many they are


class State(StrEnum):
    """What a job waits for, or how it has ended."""

    QUEUED = "queued"  # for its turn in the queue
    UNREAD = "unread"  # for a node that reads its queue
    NO_NODE = "no_node"  # for any node to run
    LOST = "lost"  # for nothing that will come: its entry in the queue is gone
    HELD = "held"  # for its node to begin with it
    OWNER_DEAD = "owner_dead"  # for another node to take it over
    OWNER_SILENT = "owner_silent"  # for a sign of its node, which does not renew its lease
    DRAINING = "draining"  # for its node, which drains, to hand it back
    SUSPECTED = "suspected"  # for its node's one place for jobs with which nodes have died
    CANCELLING = "cancelling"  # for its node to cancel it
    HOST_LIMIT = "host_limit"  # for its turn among the calls to a host
    FREE_PLACE = "free_place"  # for one among the programs, or Python activities, that its node runs at once
    CALLING = "calling"  # for the reply of an activity
    RETRYING = "retrying"  # for the time of a task's next attempt
    CALLBACK = "callback"  # for somebody to POST what has come of a task
    DELAYED = "delayed"  # for time to pass, as its definition has it
    STARTING = "starting"  # for nothing: its next call is just going out
    WAITING = "waiting"  # tasks of it wait for earlier ones
    FAILING = "failing"  # a required task has failed: for what is under way
    CRASHED = "crashed"  # whoever ran it has died before
    DEADLINE = "deadline"  # its time is nearly up
    DEAD_LETTER = "dead_letter"  # it was given up
    DONE = "done"
    ERROR = "error"
    CANCELLED = "cancelled"


class Reason(NamedTuple):
    """One thing that holds of a job."""

    state: State
    sentence: str


def listed(names: Sequence[str]) -> str:
    """`'a'`, `'a' and 'b'`, `'a', 'b', 'c' and 4 more`."""
    shown = [repr(name) for name in islice(names, NAMED)]
    more = len(names) - len(shown)
    last = f"{more} more" if more else shown.pop() if shown else "none"
    return f"{', '.join(shown)} and {last}" if shown else last


def counted(count: int, one: str, many: str = "") -> str:
    """`1 job`, `12 jobs`; `many` where the plural is another word's."""
    return f"{count} {one if count == 1 else many or one + 's'}"
