"""Whether a job is a suspect: whoever ran it has died with one of its tasks called, more than once. One at a time runs on a node."""

from typing import Any

from cameron.core.job import SUSPICION, Job, Task, suspicion
from cameron.job_orders import Cleared, Suspected
from cameron.otp import Address

_SCHEDULER = Address("job_scheduler")


class JobSuspicion:
    """Part of a runner, on its thread. A suspect is held up, and calls nothing, until the scheduler says that no other one runs here."""

    __slots__ = ("_runner", "_uuid", "is_held_up", "is_suspected")

    def __init__(self, runner: Any, uuid: str) -> None:
        self._runner, self._uuid = runner, uuid
        self.is_suspected = self.is_held_up = False

    def raise_for(self, job: Job) -> None:
        """The job is about to go on so; the scheduler is told once that is on record."""
        self.is_suspected = self.is_held_up = suspicion(job) >= SUSPICION

    def raise_by(self, task: Task) -> None:
        """The task is about to be called again: while it waited it was not suspected, and others had the place."""
        if task.crashes >= SUSPICION and not task.awaited and not self.is_suspected:
            self.is_suspected = self.is_held_up = True
            self.announce()

    def proceed(self) -> None:
        """The place is the job's."""
        self.is_held_up = False

    def review(self, job: Job) -> None:
        """The place is free again, where the suspected task has ended or waits for something."""
        if self.is_suspected and not self.is_held_up and suspicion(job) < SUSPICION:
            self.is_suspected = False
            self.announce()

    def announce(self, *, leaving: bool = False) -> None:
        """The scheduler may have heard neither that the job is suspected, nor that it is no more."""
        word = Suspected if self.is_suspected and not leaving else Cleared
        _SCHEDULER.tell(word(self._runner, self._uuid))
