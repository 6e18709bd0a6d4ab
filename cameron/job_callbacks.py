"""What comes by a task's callback URL, taken in by whichever node it reaches.

It is kept in the job's record, where whoever runs the job finds it. Only then is the node told that holds the job: should that node die
before it has heeded it, the one that takes the job over reads the record.
"""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

from cameron.callbacks import Callbacks
from cameron.core.status import Status
from cameron.core.strict_json import NotJson, parse
from cameron.errors import CallbackLate, CallbackNotFound, CallbackUsed, InvalidRequest, JobNotFound, StoreUnavailable
from cameron.job_ledger import callback_field
from cameron.job_reader import JobReader, StoredJob
from cameron.store import keys

RunScript = Callable[[str, Sequence[str], Sequence[str | int]], Any]  # name, keys, arguments -> its answer; raises StoreUnavailable
Settle = Callable[[str], None]  # wait until what was written is safe, as long as that key is there; raises StoreUnavailable
AGAIN = "the callback may count all the same: send it again, and 409 callback_used says that it does"
ATTEMPTS = 5  # at a job that changes hands all the time


class JobCallbacks:
    """For any thread. `max_bytes`: of a callback's body."""

    def __init__(
        self, jobs: JobReader, callbacks: Callbacks, run_script: RunScript, max_bytes: int, settle: Settle = lambda _: None
    ) -> None:
        self._jobs, self._callbacks, self._run = jobs, callbacks, run_script
        self._max_bytes, self._settle = max_bytes, settle

    def deliver(self, process: str, key: str, uuid: str, task: str, token: str, body: bytes) -> None:
        """Give a running task what its callback brought: JSON, whatever it holds. It is in Redis when this returns.

        Raises CallbackNotFound (token, task or job is wrong: all the same to who must not know), InvalidRequest, CallbackUsed,
        CallbackLate, JobUnreadable, StoreUnavailable.
        """
        text, delivery = "", uuid4().hex
        for _ in range(ATTEMPTS):
            stored = self._read(process, key, uuid, task, token)
            text = text or self._text(body)
            self._refuse_late(stored, task)
            answer = self._keep(stored, task, text, delivery)
            if answer in ("told", "stored"):
                self._make_safe(stored)
                return
            if answer == "used":
                raise CallbackUsed(uuid, task)
            if answer == "closed":  # whoever runs the job is about to record that
                raise CallbackLate(uuid, task, "ending")
            if answer == "gone":
                raise CallbackNotFound
        raise StoreUnavailable(f"job {uuid} keeps changing hands")

    def _read(self, process: str, key: str, uuid: str, task: str, token: str) -> StoredJob:
        """The job, where the token is that of a task of its. A node that does not know the others' secret (any more) asks Redis for it."""
        try:
            stored = self._jobs.read(process, key, uuid)
        except JobNotFound:
            raise CallbackNotFound from None
        claimed = (stored.job.process, uuid, task, token, stored.record.get("retries", ""))
        if not self._callbacks.is_right(*claimed):
            self._callbacks.learn()
            if not self._callbacks.is_right(*claimed):
                raise CallbackNotFound
        if task not in stored.job.tasks:
            raise CallbackNotFound
        return stored

    def _text(self, body: bytes) -> str:
        if len(body) > self._max_bytes:
            raise InvalidRequest("body_too_large", f"the callback is larger than {self._max_bytes} bytes: send less")
        if not body:
            raise InvalidRequest("body_empty", "the callback's body is empty: send the task's reply as JSON, {} for instance")
        try:
            parse(body)
        except NotJson as error:
            raise InvalidRequest("body_not_json", f"the callback's body cannot be read: {error}; send the task's reply as JSON") from None
        return body.decode("utf-8")

    def _refuse_late(self, stored: StoredJob, task: str) -> None:
        """Once one has come, or the task runs no more: nor does it when its job has ended."""
        if stored.record.get(callback_field(task)):
            raise CallbackUsed(stored.job.uuid, task)
        status = stored.job.tasks[task].status
        if status is not Status.RUNNING:
            raise CallbackLate(stored.job.uuid, task, status)

    def _keep(self, stored: StoredJob, task: str, text: str, delivery: str) -> Any:
        job, holder = stored.job, self._jobs.holder(stored)
        names = [stored.dialect.layout.job_key(job.process, job.key, job.uuid), keys.record(job.process, job.uuid), keys.queue(job.process)]
        names += (keys.node(holder), keys.inbox(holder)) if holder else ()
        inbox = ("signal", "callback", "process", job.process, "uuid", job.uuid, "task", task)
        running = (f"task.{task}.status.current", Status.RUNNING.value)
        args = (stored.record["entry"], keys.GROUP, holder, callback_field(task), text, *running, delivery, *inbox)
        return self._run("callback", names, args)

    def _make_safe(self, stored: StoredJob) -> None:
        """As safe as the node is set to have what it answers for."""
        job = stored.job
        try:
            self._settle(stored.dialect.layout.job_key(job.process, job.key, job.uuid))
        except StoreUnavailable as error:
            raise StoreUnavailable(error.why, silent=True, mend=AGAIN) from None
