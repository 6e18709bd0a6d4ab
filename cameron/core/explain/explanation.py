"""Why is this job not moving? As a word, as a sentence for a person, and as data.

Where several things hold, the one that has to change first comes first: how the job has ended, else where it is (a job whose node is dead
calls nothing), what its tasks wait for, and what else there is to know.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from cameron.core.explain.progress import Progress, progress
from cameron.core.explain.reason import Reason, State, counted, listed
from cameron.core.explain.situation import AHEAD_MAX, DeadLetter, Node, Place, Situation
from cameron.core.explain.waits import is_begun, waits
from cameron.core.job import Job
from cameron.core.moment import duration, in_words, rfc3339
from cameron.core.status import ENDED, Status

__all__ = ["DeadLetter", "Explanation", "Node", "Place", "Situation", "explain"]

TAKE_OVER_S = 2.0  # after a lease has run out, at most, until another node that has room takes the jobs over
DEADLINE_NEAR = 0.1  # of the time that the job has from its acceptance
DEADLINE_NEAR_S = 3600.0
ERROR_SHOWN = 300  # characters of an error's text


class Explanation(NamedTuple):
    """What a job waits for, or how it has ended."""

    state: str  # of the first reason
    sentence: str  # of all reasons
    details: dict[str, Any]  # for programs, JSON values; absent is what does not apply


def explain(job: Job, situation: Situation, now_ms: int) -> Explanation:
    """Say it of the job as its record says it is, by Redis's clock."""
    status = Status(situation.status) if situation.ended else job.status
    tasks = progress(job, situation, now_ms)
    if status in ENDED:
        reasons = [_ended(job, status, situation, tasks, now_ms)]
    else:
        reasons = [*_place(job, situation, tasks, now_ms), *_asked(situation, now_ms), *waits(job, situation, tasks, now_ms)]
        reasons += _deadline(job, now_ms)
        reasons = reasons or [Reason(State.STARTING, "Its node is just going on with it.")]
    details = _details(job, status, situation, tasks, now_ms) | {"reasons": [reason._asdict() for reason in reasons]}
    return Explanation(reasons[0].state.value, " ".join(reason.sentence for reason in reasons), details)


# how it has ended


def _ended(job: Job, status: Status, situation: Situation, tasks: Progress, now_ms: int) -> Reason:
    at = f" at {in_words(situation.since_ms)}" if situation.since_ms else ""
    kept = "" if situation.left_ms is None else f" It is kept until {in_words(now_ms + situation.left_ms)}."
    letter = situation.dead_letter
    if letter:
        crash = f" The last crash: {letter.crash}." if letter.crash else ""
        why = _shortened(letter.reason.removeprefix("given up: "))
        what = f"It was given up at {in_words(letter.time_ms)}, and is in the dead letter: {why}.{crash}"
        return Reason(State.DEAD_LETTER, f"{what} Retry it once that is mended.{kept}")
    if status is Status.CANCELLED:
        return Reason(State.CANCELLED, f"It was cancelled{at}.{kept}")
    took_s = (situation.since_ms - situation.accepted_ms) / 1000
    took = f", {duration(took_s)} after it was accepted" if situation.since_ms and situation.accepted_ms else ""
    of_tasks = counted(len(job.tasks), "task") + (f", of which {_failures(job, tasks)}" if tasks.failed else ", none failed")
    again = f" A retry runs {'it' if len(tasks.failed) == 1 else 'those that failed'} again." if tasks.failed else ""
    if status is Status.DONE:
        return Reason(State.DONE, f"It was done{at}{took}: {of_tasks}.{again}{kept}")
    return Reason(State.ERROR, f"It ended in error{at}{took}{f': {of_tasks}' if tasks.failed else ''}.{again}{kept}")


def _failures(job: Job, tasks: Progress) -> str:
    text = job.tasks[tasks.failed[0]].error
    with_text = f"; {'the first ' if len(tasks.failed) > 1 else ''}with the text: {_shortened(text)}" if text else ""
    return f"{len(tasks.failed)} failed ({listed(tasks.failed)}{with_text})"


def _shortened(text: str) -> str:
    return (text if len(text) <= ERROR_SHOWN else f"{text[:ERROR_SHOWN]}…").rstrip(".")


# where it is


def _place(job: Job, situation: Situation, tasks: Progress, now_ms: int) -> Iterator[Reason]:
    if situation.place is Place.WAITING:
        yield _queued(job, situation)
    elif situation.place is Place.MISSING or situation.node is None:
        yield Reason(
            State.LOST,
            f"Its entry is no longer in the queue of process {job.process!r}, so no node will go on with it: Redis has lost it, or "
            "somebody has deleted it. Start the job once more.",
        )
    else:
        yield from _held(situation, situation.node, tasks, now_ms)


def _queued(job: Job, situation: Situation) -> Reason:
    back = "" if not situation.released else "was handed back, and " if job.status is Status.RUNNING else "was put back to be retried, and "
    where = f"It {back}waits in the queue of process {job.process!r}"
    if not situation.running_nodes:
        return Reason(State.NO_NODE, f"{where}, and {_nobody(situation)}.")
    if not situation.queue_read:
        return Reason(State.UNREAD, f"{where}, which no node knows of: start one whose definitions have {job.process!r}.")
    count = situation.ahead
    before = f"more than {AHEAD_MAX} jobs are" if count > AHEAD_MAX else "1 job is" if count == 1 else f"{count} jobs are"
    turn = f"{before} before it" if count else "it is the next"
    takers = "1 node takes" if situation.running_nodes == 1 else f"{situation.running_nodes} nodes take"
    return Reason(State.QUEUED, f"{where}: {turn}, and {takers} jobs as they have room.")


def _nobody(situation: Situation) -> str:
    """Where no node takes jobs: why, and what to do."""
    if not situation.draining_nodes:
        return "no node is running: start one"
    return f"{'the only node' if situation.draining_nodes == 1 else 'every node'} that lives is draining: start another one, or resume it"


def _held(situation: Situation, node: Node, tasks: Progress, now_ms: int) -> Iterator[Reason]:
    if node.left_ms is None:
        within = duration(_taken_over_in_ms(situation, node) / 1000)
        rescue = f"another node takes it over within {within}, or as soon as one has room"
        yield Reason(State.OWNER_DEAD, f"Its node {node.name} is dead; {rescue if situation.running_nodes else _nobody(situation)}.")
        return
    renewed = f"its lease was renewed {duration(node.age_ms / 1000)} ago"
    if node.is_silent:
        others = situation.running_nodes - (node.state == "running")
        rescue = f"another node takes the job over by {in_words(now_ms + _taken_over_in_ms(situation, node))}"
        what = rescue if others > 0 else "no other node is running to take the job over: start one"
        silence = f"has not renewed its lease for {duration(node.age_ms / 1000)}"
        yield Reason(State.OWNER_SILENT, f"Its node {node.name} {silence}; if it is dead, {what}.")
    if node.state != "running":
        then = "it calls nothing new, and hands the job back when its calls have ended"
        yield Reason(State.DRAINING, f"Its node {node.name} is draining: {then}.")
    elif not is_begun(situation, tasks):
        yield Reason(State.HELD, f"Node {node.name} holds it, and has not begun with it yet ({renewed}).")


def _taken_over_in_ms(situation: Situation, node: Node) -> int:
    """At the latest, where another node has room."""
    return max(node.left_ms or 0, situation.grace_ms) + int(TAKE_OVER_S * 1000)


# what else there is to know


def _asked(situation: Situation, now_ms: int) -> Iterator[Reason]:
    if situation.cancel_ms:
        asked = f"Somebody asked {duration((now_ms - situation.cancel_ms) / 1000)} ago to cancel it"
        held = situation.place is Place.HELD and situation.node is not None and situation.node.left_ms is not None
        yield Reason(State.CANCELLING, f"{asked}; {'its node has yet to do so' if held else 'whichever node takes it up next does so'}.")


def _deadline(job: Job, now_ms: int) -> Iterator[Reason]:
    left_s = (job.deadline_ms - now_ms) / 1000
    if left_s <= 0:
        yield Reason(State.DEADLINE, f"Its deadline was {duration(-left_s)} ago: it ends in error as soon as a node goes on with it.")
    elif left_s <= min(job.limits.timeout_s * DEADLINE_NEAR, DEADLINE_NEAR_S):
        yield Reason(State.DEADLINE, f"Its deadline is in {duration(left_s)}, at {in_words(job.deadline_ms)}: then it ends in error.")


# for programs


def _details(job: Job, status: Status, situation: Situation, tasks: Progress, now_ms: int) -> dict[str, Any]:
    times = {"since": situation.since_ms, "accepted": situation.accepted_ms, "deadline": job.deadline_ms, "cancel": situation.cancel_ms}
    details: dict[str, Any] = {"status": status.value} | {name: rfc3339(ms) for name, ms in times.items() if ms}
    if status not in ENDED:
        details |= _whereabouts(situation, tasks, now_ms) | tasks.data()
    else:
        details |= {name: value for name, value in tasks.data().items() if name in ("tasks", "failed")}
        details["expires"] = None if situation.left_ms is None else rfc3339(now_ms + situation.left_ms)
    if situation.crash:
        details["crash"] = situation.crash
    if situation.dead_letter:
        letter = situation.dead_letter._asdict()
        details["dead_letter"] = {"time": rfc3339(letter.pop("time_ms"))} | letter
    return details


def _whereabouts(situation: Situation, tasks: Progress, now_ms: int) -> dict[str, Any]:
    found: dict[str, Any] = {"place": situation.place.value}
    if situation.place is Place.WAITING:
        more = situation.ahead > AHEAD_MAX
        found["queue"] = {"before": min(situation.ahead, AHEAD_MAX), "more": more, "read": situation.queue_read}
    elif situation.place is Place.HELD and situation.node:
        node, begun = situation.node, is_begun(situation, tasks)
        about: dict[str, Any] = {"node": node.name, "state": "dead" if node.left_ms is None else node.state, "begun": begun}
        if node.left_ms is not None:
            about |= {"lease_s": node.lease_ms / 1000, "lease_age_s": node.age_ms / 1000}
        if node.is_silent:
            about["taken_over_by"] = rfc3339(now_ms + _taken_over_in_ms(situation, node))
        found["node"] = about
    return found | {"nodes": {"running": situation.running_nodes, "draining": situation.draining_nodes}}
