"""Telling whoever waits for a run, or has asked about all: one receiver's fault is not to cost the others their runs."""

import logging
from collections.abc import Iterable

from cameron.activities.call import Begun, CommandRun, GivenBack, Occupancy, PythonReport, PythonRun, Replies, ReplyTo
from cameron.otp import Exit

log = logging.getLogger(__name__)


def inform(receiver: ReplyTo, what: Begun | Replies | GivenBack | Occupancy | PythonReport) -> None:
    """Tell it; where that cannot be done, say so in the log."""
    try:
        receiver.tell(what)
    except Exit:  # the actor that tells it was killed meanwhile: what it has to say counts no longer
        return
    except Exception:
        log.exception("%r could not be told what it waits for: give the ref of an actor as reply_to", receiver)


def give_back(runs: Iterable[CommandRun | PythonRun], node: str) -> None:
    """Tell each of those who sent them which of its runs wait no more, all at once, as that node has places for them."""
    by_sender: dict[ReplyTo, list[CommandRun | PythonRun]] = {}
    for run in runs:
        by_sender.setdefault(run.reply_to, []).append(run)
    for sender, theirs in by_sender.items():
        inform(sender, GivenBack(tuple(theirs), node))
