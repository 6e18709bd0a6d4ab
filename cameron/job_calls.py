"""The calls of one job that are under way: made from its tasks' attempts, sent to whoever performs them, dropped with the job."""

from typing import Any

from cameron.activities.call import Call, Cancel, CommandRun
from cameron.activities.task_call import job_headers, task_call, task_command
from cameron.callbacks import Callbacks
from cameron.core.event import CommandLine, HttpRequest
from cameron.core.job import Job, Task
from cameron.otp import Address


class JobCalls:
    """Part of a runner, which is who is told the replies."""

    def __init__(self, runner: Any, callbacks: Callbacks, max_reply_bytes: int) -> None:
        self._runner, self._callbacks, self._max_reply_bytes = runner, callbacks, max_reply_bytes
        self._performers = {name: Address(name) for name in ("http", "commands")}
        self._under_way: dict[str, str] = {}  # tasks whose calls have not come back -> who performs them
        self._headers: tuple[str, ...] = ()
        self.round = ""  # how often the job was retried, so that no callback of an earlier time counts

    def __bool__(self) -> bool:
        return bool(self._under_way)

    def make(self, job: Job, task: Task, attempt: HttpRequest | CommandLine) -> Call | CommandRun:
        """The call of the task's present attempt; it counts as under way from now on."""
        call = self._call(job, task, attempt)
        self._under_way[task.name] = call.performer
        return call

    def send(self, call: Call | CommandRun) -> None:
        """Have it performed."""
        self._performers[call.performer].tell(call)

    def ended(self, task: str) -> bool:
        """A reply has come; whether it was awaited."""
        return self._under_way.pop(task, None) is not None

    def drop(self, task: str) -> None:
        """Nobody waits for its reply any more."""
        performer = self._under_way.pop(task, None)
        if performer is not None:
            self._performers[performer].tell(Cancel(self._runner, task))

    def drop_all(self) -> None:
        """The same for all; each goes on being under way, as one that a commit has released may go out yet."""
        for task, performer in self._under_way.items():
            self._performers[performer].tell(Cancel(self._runner, task))

    def _call(self, job: Job, task: Task, attempt: HttpRequest | CommandLine) -> Call | CommandRun:
        if isinstance(attempt, CommandLine):
            return task_command(job, task, attempt, self._runner)
        if not self._headers:
            self._headers = job_headers(job)
        callback_url = self._callbacks.url(job.process, job.key, job.uuid, task.name, self.round) if task.activity.offers_callback else ""
        return task_call(job, self._headers, task, attempt, self._runner, self._max_reply_bytes, callback_url)
