"""What each of a job's tasks that has not ended is waiting for."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from cameron.core.explain.situation import Node, Situation
from cameron.core.job import Job, Task
from cameron.core.moment import rfc3339
from cameron.core.process import Activity, CommandCall, PythonCall
from cameron.core.status import Status

OF_TASKS = (Status.SCHEDULED, Status.RUNNING, Status.DONE, Status.SKIPPED, Status.ERROR)
LISTED = 100  # tasks of a kind that are listed; a job may have thousands
PLACES = {"commands.max_commands": "commands", "python.max_threads": "python_threads", "python.max_processes": "python_processes"}
_PORTS = {"http": 80, "https": 443}
_USER = re.compile(r"(?<=//)[^/?#]*@")  # user and password, which no message shows


class Calling(NamedTuple):
    """A task whose call is under way, or was when its node died."""

    task: str
    url: str
    since_ms: int  # its first call; 0: unknown
    attempt: int
    attempts: int  # in all, at most
    timeout_s: float  # 0: as its node is set, which its definition does not know
    at_most_once: bool
    host: str  # "host:port"
    kind: str  # of the activity
    places: tuple[str, ...] = ()  # settings: how many of its kind a node runs at once; while no place is free, the others wait
    runs: tuple[int, int, int] | None = None  # of those that share its places: how many run, wait and may run; None: unknown
    begun: bool = True  # it has got a place, where there are such
    in_flight: int = 0  # calls of the node's to that host, where some wait for their turn
    queued: int = 0  # and how many wait

    def data(self) -> dict[str, Any]:
        """For programs."""
        what = "activity" if self.kind == "python" else "url"
        data: dict[str, Any] = {"task": self.task, what: self.url, "attempt": self.attempt, "attempts": self.attempts}
        if self.since_ms:
            data["since"] = rfc3339(self.since_ms)
        if not self.begun:
            data["free_place"] = {"limits": list(self.places)}
            if self.runs:
                data["free_place"] |= dict(zip(("running", "waiting", "places"), self.runs, strict=True))
        if self.queued:
            data["host"] = {"host": self.host, "in_flight": self.in_flight, "waiting": self.queued}
        return data


class Retrying(NamedTuple):
    """A task whose last attempt has failed, and that is called again at a time."""

    task: str
    at_ms: int
    attempt: int  # the next one
    attempts: int

    def data(self) -> dict[str, Any]:
        """For programs."""
        return {"task": self.task, "at": rfc3339(self.at_ms), "attempt": self.attempt, "attempts": self.attempts}


class Awaiting(NamedTuple):
    """A task that has been called, or needs no call, and is not done before a callback has come, or the time has passed."""

    task: str
    until_ms: int  # at the latest
    callback: bool

    def data(self) -> dict[str, Any]:
        """For programs."""
        return {"task": self.task, "for": "callback" if self.callback else "time", "until": rfc3339(self.until_ms)}


class Waiting(NamedTuple):
    """A task that is not called before others have ended, with all that grows from them."""

    task: str
    after: tuple[str, ...]

    def data(self) -> dict[str, Any]:
        """For programs."""
        return {"task": self.task, "after": list(self.after)}


class Progress(NamedTuple):
    """A job's tasks, sorted by what they wait for."""

    calling: list[Calling]
    retrying: list[Retrying]  # the next one first
    awaiting: list[Awaiting]  # the first to end first
    waiting: list[Waiting]  # `after` is known of the first LISTED ones
    next: list[str]  # wait for nothing but the job itself
    failed: list[str]
    crashed: list[tuple[str, int]]  # running tasks with which whoever ran the job has died, and how often
    counts: dict[str, int]  # by status

    @property
    def under_way(self) -> bool:
        """Whether the job waits for a reply, a callback or a time."""
        return bool(self.calling or self.retrying or self.awaiting)

    def data(self) -> dict[str, Any]:
        """For programs: of each kind the first LISTED."""
        kinds: Mapping[str, Sequence[Calling | Retrying | Awaiting | Waiting]] = {
            "calling": self.calling,
            "retrying": self.retrying,
            "awaiting": self.awaiting,
            "waiting": self.waiting,
        }
        data: dict[str, Any] = {"tasks": self.counts}
        data |= {kind: [task.data() for task in tasks[:LISTED]] for kind, tasks in kinds.items() if tasks}
        data |= {kind: names[:LISTED] for kind, names in (("next", self.next), ("failed", self.failed)) if names}
        if self.crashed:
            data["crashed"] = [{"task": name, "crashes": crashes} for name, crashes in self.crashed[:LISTED]]
        return data


def progress(job: Job, situation: Situation, now_ms: int) -> Progress:
    """Sort the job's tasks."""
    made = Progress([], [], [], [], [], [], [], {status.value: 0 for status in OF_TASKS})
    blocked: list[str] = []
    for name, task in job.tasks.items():
        made.counts[task.status.value] += 1
        if task.status is Status.ERROR:
            made.failed.append(name)
        elif task.status is Status.SCHEDULED:
            (blocked if task.waits_for else made.next).append(name)
        elif task.status is Status.RUNNING:
            if task.crashes:
                made.crashed.append((name, task.crashes))
            if task.awaited:
                made.awaiting.append(Awaiting(name, task.until_ms, task.awaited.callback))
            elif task.until_ms > now_ms:
                made.retrying.append(Retrying(name, task.until_ms, task.attempts + 1, task.activity.retry.attempts))
            else:
                made.calling.append(_calling(task, situation))
    made.retrying.sort(key=lambda task: task.at_ms)
    made.awaiting.sort(key=lambda task: task.until_ms)
    blockers = _Blockers(job) if blocked else None
    for at, name in enumerate(blocked):
        made.waiting.append(Waiting(name, blockers.of(name) if blockers and at < LISTED else ()))
    return made


def _calling(task: Task, situation: Situation) -> Calling:
    activity, call = task.activity, task.activity.call
    url, host = _where(activity)
    node = situation.node
    places = _places(activity, node)
    in_flight, queued = node.calls.get(host, (0, 0)) if node else (0, 0)
    return Calling(
        task.name,
        url,
        situation.called_ms.get(task.name, 0),
        max(task.attempts, 1),
        activity.retry.attempts,
        call.timeout_s if isinstance(call, CommandCall | PythonCall) else activity.timeouts.call_s,
        activity.at_most_once,
        host,
        activity.kind,
        places,
        _runs(places, node),
        not places or task.begun == task.attempts,
        in_flight,
        queued,
    )


def _places(activity: Activity, node: Node | None) -> tuple[str, ...]:
    """The settings that say how many of these run at once; either may where the activity itself says in what it runs, and its node not."""
    match activity.call:
        case CommandCall():
            return ("commands.max_commands",)
        case PythonCall(isolation="thread"):
            return ("python.max_threads",)
        case PythonCall(isolation="process"):
            return ("python.max_processes",)
        case PythonCall(activity=name) if node and node.isolated is not None:
            return ("python.max_processes",) if name in node.isolated else ("python.max_threads",)
        case PythonCall():
            return ("python.max_threads", "python.max_processes")
    return ()


def _runs(places: tuple[str, ...], node: Node | None) -> tuple[int, int, int] | None:
    """What the node has said of these places; None also where there was room then: that was before this task came."""
    runs = node.runs.get(PLACES[places[0]]) if node and len(places) == 1 else None
    if runs is None:
        return None
    running, waiting, most = runs
    return runs if waiting or running >= most else None


def _where(activity: Activity) -> tuple[str, str]:
    """What is called as it may be shown, and the host by which calls are counted; "" for what is no call to one."""
    url = activity.call.target
    if activity.kind == "python":
        return url, ""
    try:
        parts = urlsplit(url)
        name = parts.hostname or ""
        host = f"[{name}]" if ":" in name else name if name.isascii() else name.encode("idna").decode("ascii")
        place = f"{host}:{parts.port or _PORTS.get(parts.scheme)}"
    except ValueError:
        place = ""
    return _USER.sub("", url, count=1), place


class _Blockers:
    """What tasks wait for: an edge waits for a whole branch, so for those in it that have not ended, and wait for nobody themselves."""

    def __init__(self, job: Job) -> None:
        self._tasks = job.tasks
        self._before: dict[str, list[str]] = {}
        self._children: dict[str, list[str]] = {}
        for name, task in job.tasks.items():
            if task.parent is not None and task.open:
                self._children.setdefault(task.parent, []).append(name)
            for follower in task.followers if task.open else ():
                self._before.setdefault(follower, []).append(name)

    def of(self, name: str) -> tuple[str, ...]:
        """At most LISTED names."""
        found: dict[str, None] = {}
        for earlier in self._before.get(name, ()):
            for blocker in self._open_in(earlier):
                found[blocker] = None
                if len(found) == LISTED:
                    return tuple(found)
        return tuple(found)

    def _open_in(self, name: str) -> Iterator[str]:
        """The task, where it has not ended, else those that hold its branch open."""
        left = [name]
        while left:
            task = self._tasks[left.pop()]
            if task.status not in (Status.DONE, Status.SKIPPED, Status.ERROR):
                if not task.waits_for or task.name == name:
                    yield task.name
            else:
                left += reversed(self._children.get(task.name, ()))
