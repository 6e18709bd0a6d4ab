"""What a job's tasks wait for, in sentences."""

from collections.abc import Iterator, Sequence

from cameron.core.explain.progress import Awaiting, Calling, Progress, Retrying, Waiting
from cameron.core.explain.reason import NAMED, Reason, State, counted, listed
from cameron.core.explain.situation import Node, Place, Situation
from cameron.core.job import SUSPICION, Job
from cameron.core.moment import duration, in_words
from cameron.core.status import Status

_BOUNDS = {  # of those that need not say themselves how long they may take
    "command": "the node's setting commands.timeout_s",
    "python": "the activity, or else the node's setting python.timeout_s,",
}


def waits(job: Job, situation: Situation, tasks: Progress, now_ms: int) -> Iterator[Reason]:
    """The most urgent first; nothing of a job that has not begun anywhere, as what it waits for is a node."""
    node = situation.node
    if job.status is Status.RUNNING:
        if node and node.left_ms is not None and is_begun(situation, tasks):
            yield from _at_work(job, situation, node, tasks, now_ms)
        else:
            yield from _to_be_resumed(job, tasks, now_ms)
        yield from _failing(job) if job.failing else _waiting(tasks.waiting)
    yield from _crashed(job, situation, tasks)


def is_begun(situation: Situation, tasks: Progress) -> bool:
    """Whether the node that holds the job has written its record, and so runs it, or makes it wait as a suspect."""
    node = situation.node
    written = situation.place is Place.HELD and node is not None and situation.owner == node.name
    return written and (not situation.released or _suspects(tasks))


def _at_work(job: Job, situation: Situation, node: Node, tasks: Progress, now_ms: int) -> Iterator[Reason]:
    """A living node runs the job."""
    if situation.released and _suspects(tasks):
        yield Reason(State.SUSPECTED, f"It waits for node {node.name}'s one place for jobs with which nodes have died.")
        return
    queued = [task for task in tasks.calling if task.queued]
    placeless = [task for task in tasks.calling if not task.begun]
    calling = [task for task in tasks.calling if not task.queued and task.begun]
    yield from _queued(node, queued)
    yield from _placeless(node, placeless)
    if calling:
        yield _calling(node, calling, now_ms)
    if tasks.retrying:
        yield _retrying(tasks.retrying, now_ms)
    yield from _awaiting(tasks.awaiting, now_ms)
    if tasks.next and not tasks.under_way and not job.failing and node.state == "running":
        yield Reason(State.STARTING, f"Node {node.name} is about to call {_task(tasks.next)}.")


def _queued(node: Node, calling: Sequence[Calling]) -> Iterator[Reason]:
    """By host: whether a call is one of those in flight, or of those that wait, its node alone knows."""
    for host in dict.fromkeys(task.host for task in calling):
        there = [task for task in calling if task.host == host]
        names = [task.task for task in there]
        waits, has = ("waits for its", "has") if len(there) == 1 else ("wait for their", "have")
        calls = f"node {node.name}'s calls to {host}: {there[0].in_flight} in flight, {there[0].queued} waiting"
        limits = "limits: http.max_calls_per_host, http.max_calls"
        yield Reason(State.HOST_LIMIT, f"{_task(names, first=True)} {waits} turn to be called, or {has} just got it; {calls} ({limits}).")


def _placeless(node: Node, calling: Sequence[Calling]) -> Iterator[Reason]:
    """By kind: what has got its place says so a moment later."""
    for places in dict.fromkeys(task.places for task in calling):
        there = [task for task in calling if task.places == places]
        names, runs = [task.task for task in there], there[0].runs
        waits, has = ("waits", "has") if len(names) == 1 else ("wait", "have")
        limits = f"{'limit' if len(places) == 1 else 'limits'}: {', '.join(places)}"
        who = f"{_task(names, first=True)} {waits} for a free place on node {node.name}, or {has} just got it"
        full = f": {runs[0]} of {runs[2]} running, {runs[1]} waiting" if runs else ""
        yield Reason(State.FREE_PLACE, f"{who}{full} ({limits}).")


def _calling(node: Node, calling: Sequence[Calling], now_ms: int) -> Reason:
    oldest = min(calling, key=lambda task: task.since_ms or now_ms)
    is_python = oldest.kind == "python"
    where = f" (Python activity {oldest.url!r})" if is_python else f" at {oldest.url}"
    what = f"task {oldest.task!r}{where}"
    if len(calling) > 1:
        others = [oldest.task, *(task.task for task in calling if task is not oldest)]
        what = f"{len(calling)} tasks ({listed(others)}), the longest, {oldest.task!r}{where if is_python else f',{where}'}"
    who = f"When node {node.name} was last heard of, it was" if node.is_silent else f"Node {node.name} is"
    return Reason(State.CALLING, f"{who} calling {what}{_how_long(oldest, now_ms)}.")


def _how_long(task: Calling, now_ms: int) -> str:
    ago = duration((now_ms - task.since_ms) / 1000)
    bound = _BOUNDS.get(task.kind, "")
    if task.attempt > 1:
        first = f"first called {ago} ago; " if task.since_ms else ""
        most = f"an attempt may take {duration(task.timeout_s)}" if task.timeout_s else f"{bound} bounds an attempt"
        return f", {_attempt(task.attempt, task.attempts)} ({first}{most})"
    most = f"it may take {duration(task.timeout_s)}" if task.timeout_s else f"{bound} bounds it"
    return f", for {ago} ({most})" if task.since_ms else f" ({most})"


def _attempt(attempt: int, attempts: int) -> str:
    """Those that crashes have cut short are no failures: a retry policy does not count them against the task."""
    return f"attempt {attempt} of {attempts}" if attempt <= attempts else f"attempt {attempt}"


def _retrying(retrying: Sequence[Retrying], now_ms: int) -> Reason:
    first = retrying[0]
    when = f"in {duration((first.at_ms - now_ms) / 1000)}, at {in_words(first.at_ms)}"
    attempt = _attempt(first.attempt, first.attempts)
    if len(retrying) == 1:
        return Reason(State.RETRYING, f"Task {first.task!r} has failed and is called again {when} ({attempt}).")
    names = [task.task for task in retrying]
    return Reason(
        State.RETRYING, f"{len(retrying)} tasks have failed and are called again ({listed(names)}): {first.task!r} {when} ({attempt})."
    )


def _awaiting(awaiting: Sequence[Awaiting], now_ms: int) -> Iterator[Reason]:
    callbacks = [task for task in awaiting if task.callback]
    delays = [task for task in awaiting if not task.callback]
    if callbacks:
        names = [task.task for task in callbacks]
        waits, which = ("waits for its callback", "it ends") if len(names) == 1 else ("wait for their callbacks", "the first ends")
        by = f"{which} in error where none has come by {in_words(callbacks[0].until_ms)}"
        yield Reason(State.CALLBACK, f"{_task(names, first=True)} {waits}; {by}.")
    if delays:
        first, names = delays[0], [task.task for task in delays]
        when = f"in {duration((first.until_ms - now_ms) / 1000)}, at {in_words(first.until_ms)}"
        lets, which = ("lets", "it is done") if len(names) == 1 else ("let", "the first is done")
        yield Reason(State.DELAYED, f"{_task(names, first=True)} {lets} time pass; {which} {when}.")


def _to_be_resumed(job: Job, tasks: Progress, now_ms: int) -> Iterator[Reason]:
    """Nobody runs the job at this moment: what whoever takes it up will do."""
    again = [task.task for task in tasks.calling if not task.at_most_once]
    never = [task.task for task in tasks.calling if task.at_most_once]
    if again:
        yield Reason(State.CALLING, f"{_task(again, first=True)} {_were(again)} being called, and {_are(again)} called again then.")
    if never:
        why = "called at most once, and what came of it is unknown"
        yield Reason(State.CALLING, f"{_task(never, first=True)} {_were(never)} being called, and will end in error then: {why}.")
    if tasks.retrying:
        yield _retrying(tasks.retrying, now_ms)
    yield from _awaiting(tasks.awaiting, now_ms)
    if tasks.next and not tasks.under_way and not job.failing:
        yield Reason(State.STARTING, f"{_task(tasks.next, first=True)} {_are(tasks.next)} called then.")


def _waiting(waiting: Sequence[Waiting]) -> Iterator[Reason]:
    if not waiting:
        return
    if len(waiting) == 1:
        yield Reason(State.WAITING, f"Task {waiting[0].task!r} waits for {listed(waiting[0].after)}.")
        return
    shown = [f"{task.task!r} for {listed(task.after)}" for task in waiting[:NAMED]]
    more = f"; {len(waiting) - NAMED} more for others" if len(waiting) > NAMED else ""
    yield Reason(State.WAITING, f"{len(waiting)} tasks wait for earlier ones: {'; '.join(shown)}{more}.")


def _failing(job: Job) -> Iterator[Reason]:
    failed = [name for name, task in job.tasks.items() if task.status is Status.ERROR and task.activity.required]
    what = f"{_task(failed, first=True)} {_are(failed)} required and failed"
    yield Reason(State.FAILING, f"{what}: nothing new starts, and the job ends in error when what is under way has ended.")


def _suspects(tasks: Progress) -> bool:
    return any(crashes >= SUSPICION for _, crashes in tasks.crashed)


def _crashed(job: Job, situation: Situation, tasks: Progress) -> Iterator[Reason]:
    if tasks.crashed:
        name, crashes = max(tasks.crashed, key=lambda crashed: crashed[1])
        last = f" (the last crash: {situation.crash})" if situation.crash else ""
        often = f"Whoever ran it has died {counted(crashes, 'time')} while task {name!r} was called{last}"
        yield Reason(State.CRASHED, f"{often}; at {job.limits.max_crashes} it is given up.")
    elif situation.crash and situation.place is Place.HELD:
        yield Reason(State.CRASHED, f"The last crash of whoever ran it: {situation.crash}.")


def _task(names: Sequence[str], *, first: bool = False) -> str:
    word = "task" if len(names) == 1 else "tasks"
    return f"{word.capitalize() if first else word} {listed(names)}"


def _were(names: Sequence[str]) -> str:
    return "was" if len(names) == 1 else "were"


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
