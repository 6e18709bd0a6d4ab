"""The calls of one job that are under way: made from its tasks' attempts, sent to whoever performs them, dropped with the job."""

from collections.abc import Mapping
from typing import Any

from cameron.activities.call import PERFORMERS, Begun, Cancel, CommandRun, GivenBack, PythonRun, Run
from cameron.activities.task_call import job_headers, task_call, task_command, task_python
from cameron.callbacks import Callbacks
from cameron.core.event import CommandLine, HttpRequest, Invocation, Performed
from cameron.core.job import Job, Task
from cameron.otp import Address

_PERFORMERS = {name: Address(name) for name in PERFORMERS}


class JobCalls:
    """Part of a runner, which is who is told the replies."""

    __slots__ = ("_callbacks", "_headers", "_max_reply_bytes", "_runner", "_under_way", "round")

    def __init__(self, runner: Any, callbacks: Callbacks, max_reply_bytes: int) -> None:
        self._runner, self._callbacks, self._max_reply_bytes = runner, callbacks, max_reply_bytes
        self._under_way: dict[str, str] = {}  # tasks whose calls have not come back -> who performs them
        self._headers: tuple[str, ...] = ()
        self.round = ""  # how often the job was retried, so that no callback of an earlier time counts

    def __bool__(self) -> bool:
        return bool(self._under_way)

    def make(self, job: Job, task: Task, attempt: Performed) -> Run:
        """The call of the task's present attempt; it counts as under way from now on."""
        call = self._call(job, task, attempt)
        self._under_way[task.name] = call.performer
        return call

    def send(self, call: Run) -> None:
        """Have it performed."""
        _PERFORMERS[call.performer].tell(call)

    def ended(self, task: str) -> bool:
        """A reply has come; whether it was awaited."""
        return self._under_way.pop(task, None) is not None

    def is_awaited(self, call: Begun | CommandRun | PythonRun, task: Task) -> bool:
        """Whether it is the task's present attempt, and its reply has not come yet."""
        return call.task in self._under_way and task.attempts == call.attempt

    def are_over(self, given: GivenBack, tasks: Mapping[str, Task], *, stays: bool) -> bool:
        """Whether no call but these is under way, so that nothing has begun; else, and where the job `stays`, they are sent again."""
        awaited = [run for run in given.runs if self.is_awaited(run, tasks[run.task])]
        if not stays and self._under_way.keys() == {run.task for run in awaited}:
            return True
        for run in awaited:
            self.send(run._replace(stays=True))
        return False

    def drop(self, task: str) -> None:
        """Nobody waits for its reply any more."""
        performer = self._under_way.pop(task, None)
        if performer is not None:
            _PERFORMERS[performer].tell(Cancel(self._runner, task))

    def drop_all(self) -> None:
        """The same for all; each goes on being under way, as one that a commit has released may go out yet."""
        for task, performer in self._under_way.items():
            _PERFORMERS[performer].tell(Cancel(self._runner, task))

    def _call(self, job: Job, task: Task, attempt: Performed) -> Run:
        match attempt:
            case HttpRequest():
                return self._http_call(job, task, attempt)
            case CommandLine():
                return task_command(job, task, attempt, self._runner)
            case Invocation():
                return task_python(job, task, attempt, self._runner)

    def _http_call(self, job: Job, task: Task, request: HttpRequest) -> Run:
        if not self._headers:
            self._headers = job_headers(job)
        callback_url = self._callbacks.url(job.process, job.key, job.uuid, task.name, self.round) if task.activity.offers_callback else ""
        return task_call(job, self._headers, task, request, self._runner, self._max_reply_bytes, callback_url)
