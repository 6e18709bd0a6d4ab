"""A job that has been simulated, as a test looks at it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cameron.core.history import ACCEPTED, besides, read
from cameron.core.job import Job, Task
from cameron.core.status import Status
from cameron.core.strict_json import NotJson, compact, parse
from cameron.definitions.dialect import Dialect, Vocabulary
from cameron.definitions.hint import nearest
from cameron.definitions.settings import refused_variable
from cameron.testing.errors import UnknownTask
from cameron.testing.simulated_call import SimulatedCall
from cameron.testing.simulation import BEGIN_MS, Simulation, Told

__tracebackhide__ = True

SHOWN_MAX = 90  # characters of an output that a line shows
ERROR_SHOWN_MAX = 400  # and of an error: what to do stands at its end
_REFUSED = re.compile(re.escape(refused_variable("NAME")).replace("NAME", r"(\w+)"))


class SimulatedTask(NamedTuple):
    """One task, as it has ended, or as it was when the job did."""

    name: str
    kind: str  # http, command, python, wait or delay
    status: str  # scheduled, running, done, error or skipped
    attempts: int
    data: Any  # its output; None where there is none
    error: str  # why it has failed, or was skipped
    parent: str | None  # whose reply has named it


class Tasks(dict[str, SimulatedTask]):
    """By name."""

    def __missing__(self, name: str) -> SimulatedTask:
        raise UnknownTask(f"the job has no task {name!r}{nearest(name, self)}: it has {', '.join(self)}")


class SimulatedJob(NamedTuple):
    """Times are simulated seconds since the start."""

    process: str
    key: str
    uuid: str
    status: str  # done or error
    error: str  # why it has failed
    seconds: float  # that it took
    tasks: Mapping[str, SimulatedTask]  # by name, in order of discovery
    calls: tuple[SimulatedCall, ...]  # each attempt that went out, in order
    events: tuple[Mapping[str, Any], ...]  # its history, as clients are told it; with `at_s`
    session: Mapping[str, str]  # what its Python activities have kept
    fields: Mapping[str, str]  # of its hash in Redis
    shown: Any  # what GET of its location answers
    unused_stubs: tuple[str, ...]

    def calls_of(self, task: str) -> list[SimulatedCall]:
        """The attempts of one task."""
        return [call for call in self.calls if call.task == task]

    def words(self, task: str = "") -> list[str]:
        """The words of the history, of all of it or of one task."""
        return [event["event"] for event in self.events if not task or event.get("task") == task]

    def __repr__(self) -> str:
        tasks = ", ".join(f"{task.name} {task.status}" for task in self.tasks.values())
        return f"<job of {self.process}: {self.status} after {self.seconds:g} s ({tasks})>"

    def __str__(self) -> str:
        """A line for the job and one for each task; and for each variable that templates miss, what tests do about it."""
        why = f": {_short(self.error, ERROR_SHOWN_MAX)}" if self.error else ""
        head = f"job of {self.process}, key {self.key!r}: {self.status} after {self.seconds:g} s{why}"
        width = max((len(name) for name in self.tasks), default=0)
        lines = [f"  {name:{width}}  {self._line(task)}" for name, task in self.tasks.items()]
        missed = dict.fromkeys(_REFUSED.findall("\n".join([self.error, *(task.error for task in self.tasks.values())])))
        hints = [f"  in tests: add {name} to cameron_env, and set it: monkeypatch.setenv({name!r}, ...)" for name in missed]
        return "\n".join([head, *lines, *hints])

    def _line(self, task: SimulatedTask) -> str:
        tried = f", {task.attempts} attempts" if task.attempts > 1 else ""
        data = "" if task.data is None else compact(task.data)
        what = _short(task.error, ERROR_SHOWN_MAX) if task.error else _short(data, SHOWN_MAX)
        return f"{task.kind:7}  {task.status}{tried}" + (f": {what}" if what else "")


def simulated_job(
    dialect: Dialect, simulation: Simulation, calls: Sequence[SimulatedCall], session: Mapping[str, str], unused: tuple[str, ...]
) -> SimulatedJob:
    """What has come of a simulation that was run."""
    job = simulation.job
    return SimulatedJob(
        job.process,
        job.key,
        job.uuid,
        job.status.value,
        _error(job, simulation.end.text),
        _since(simulation.now_ms),
        Tasks({name: _task(task) for name, task in job.tasks.items()}),
        tuple(calls),
        tuple(_events(simulation.story, dialect.vocabulary)),
        session,
        simulation.fields,
        parse(dialect.show(job.process, job.key, job.uuid, simulation.fields, simulation.record)),
        unused,
    )


def _since(at_ms: int) -> float:
    return (at_ms - BEGIN_MS) / 1000


def _error(job: Job, text: str) -> str:
    """The engine's own, or those of the tasks that failed the job."""
    if job.status is not Status.ERROR or text:
        return text
    failed = (task for task in job.tasks.values() if task.status is Status.ERROR and task.activity.required)
    return "; ".join(f"{task.name}: {task.error}" for task in failed)


def _task(task: Task) -> SimulatedTask:
    data = _value(task.output.data) if task.output else None
    return SimulatedTask(task.name, task.activity.kind, task.status.value, task.attempts, data, task.error, task.parent)


def _value(text: str) -> Any:
    try:
        return parse(text.encode())
    except NotJson:
        return text


def _events(story: list[Told], vocabulary: Vocabulary) -> list[dict[str, Any]]:
    """As clients are told them, the acceptance first; a dialect has words of its own for some."""
    events = list[dict[str, Any]]()
    for at_ms, word, text in (Told(BEGIN_MS, ACCEPTED, ""), *story):
        said = read(word, text)
        if "until_ms" in said:
            said["until_s"] = _since(said.pop("until_ms"))
        events.append({"at_s": _since(at_ms), **said, **besides(vocabulary, said)})
    return events


def _short(text: str, most: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[:most]}…"
