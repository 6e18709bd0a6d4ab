"""Faults for tests, by name: `CAMERON_FAULT="transition.written:3"` kills the node when it passes that point for the third time.

    CAMERON_FAULT = FAULT, FAULT, ...     FAULT = POINT[:N[+]][=ACTION]

N is which passage of the point it is, 1 where left out; with a `+` it and every later one. What happens there is the ACTION:

    kill     the default: SIGKILL to the whole node, as by a power cut
    raise    an exception, which crashes the actor that is passing, and nobody else
    stop     SIGSTOP to the whole node, which lies there until somebody sends it SIGCONT

Off unless that variable is set when a node starts: then a point costs a call that looks at one empty dictionary.
"""

import difflib
import itertools
import logging
import os
import re
import signal
from collections.abc import Iterator
from typing import Final, NamedTuple

from cameron.errors import ConfigError

log = logging.getLogger("cameron.fault")

VARIABLE: Final = "CAMERON_FAULT"

# What a node is about to do, or has just done, where it passes.
POINTS: Final = {
    "accept.sent": "job_data has a new job; Redis does not",
    "accept.written": "a new job is in Redis; its client has no answer yet",
    "entry.read": "entries of a queue were given to this node; its scheduler does not know",
    "runner.started": "a job has a runner, which has written nothing yet",
    "transition.sent": "job_data has a transition from a runner; Redis does not",
    "transition.written": "a transition is in Redis; the calls that it releases have not gone out",
    "call.started": "libcurl has been given a call; nothing of it is sent",
    "call.ended": "libcurl has a reply; no runner knows of it",
    "command.started": "a program has been started for a task; its runner knows nothing of it yet",
    "command.ended": "a program has ended; no runner knows of it",
    "callback.read": "a runner has a callback; what comes of it is recorded nowhere",
    "reply.received": "a runner has a reply; what comes of it is recorded nowhere",
    "retry.scheduled": "a failed call is to be made again, at a time that is recorded nowhere yet",
    "end.sent": "job_data has a job's end from its runner; Redis does not",
    "end.written": "a job's end is in Redis; its runner does not know",
    "hand_back.sent": "a stopping node gives a job back; Redis does not know",
    "hand_back.written": "a job is back in its queue; the stopping node does not know",
    "take_over.claimed": "jobs of a dead node are this one's in Redis; none has a runner",
    "job.signalled": "the node has been told to cancel a job, or of a callback; the job's runner has not",
    "callback.written": "a callback is on record; its sender has no answer yet",
}
ACTIONS: Final = ("kill", "raise", "stop")

_FAULT = re.compile(r"(?P<point>[^:=]+)(:(?P<first>[1-9][0-9]{0,8})(?P<onwards>\+?))?(=(?P<action>.*))?")


class FaultInjected(Exception):
    """What `raise` raises: asked for by CAMERON_FAULT, and no fault of the program's."""


class Fault(NamedTuple):
    """What is to happen at a point, at which of its passages."""

    first: int
    onwards: bool
    action: str


class Trap(NamedTuple):
    """A point at which something is to happen."""

    passages: Iterator[int]  # counts: its `next` is one step, whichever thread passes
    faults: list[Fault]


_armed: dict[str, Trap] = {}


def at(point: str) -> None:
    """Say that this point is passed. Any thread."""
    if _armed:
        _pass(point)


def arm(text: str) -> None:
    """Expect the faults that the text names, and no others; "" for none. Raises ConfigError where it cannot be read."""
    traps: dict[str, Trap] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        point, fault = _read(part)
        traps.setdefault(point, Trap(itertools.count(1), [])).faults.append(fault)
    _armed.clear()
    _armed.update(traps)
    if traps:
        log.warning("%s is set, which is for tests only: this node will fail at %s", VARIABLE, ", ".join(traps))


def _read(part: str) -> tuple[str, Fault]:
    found = _FAULT.fullmatch(part)
    if not found:
        raise ConfigError(f"the environment variable {VARIABLE}: {part!r} must read POINT, POINT:N or POINT:N=ACTION; correct or unset it")
    point, action = found["point"], found["action"] or ACTIONS[0]
    if point not in POINTS:
        near = difflib.get_close_matches(point, POINTS, n=1)
        hint = f"did you mean {near[0]}" if near else f"there are {', '.join(POINTS)}"
        raise ConfigError(f"the environment variable {VARIABLE}: there is no point {point!r} ({hint}); correct or unset it")
    if action not in ACTIONS:
        raise ConfigError(f"the environment variable {VARIABLE}: {action!r} is none of {', '.join(ACTIONS)}; correct or unset it")
    return point, Fault(int(found["first"] or 1), bool(found["onwards"]), action)


def _pass(point: str) -> None:
    trap = _armed.get(point)
    if trap is None:
        return
    passage = next(trap.passages)
    for fault in trap.faults:
        if passage == fault.first or (fault.onwards and passage > fault.first):
            _act(point, passage, fault.action)


def _act(point: str, passage: int, action: str) -> None:
    os.write(2, f"{VARIABLE}: {point}, passage {passage}: {action}\n".encode())  # a logger's line would die in its queue
    if action == "raise":
        raise FaultInjected(f"{point}, passage {passage}: asked for by {VARIABLE}")
    os.kill(os.getpid(), signal.SIGKILL if action == "kill" else signal.SIGSTOP)
