"""What an activity that is a class derives from."""

from typing import Any, ClassVar, Self

from cameron.activities.session import MemorySession, Session
from cameron.core.process import SUCCEEDED


class BaseActivity:
    """Implement `do_activity`. A new instance for each run, in a thread of its own or in a process of its own.

    `workflow_id` is the job's uuid, `config` what the definition says (a dict of this run's own), `input_data` what the job was started
    with. `session_get` and `session_set` share strings among the activities of one job.
    """

    SUCCEEDED: ClassVar[str] = SUCCEEDED
    TEMPORARY_FAILURE: ClassVar[str] = "Temporary Failure"  # another attempt may mend it: there is one, after a while, up to `max_retries`
    PERMANENT_FAILURE: ClassVar[str] = "Permanent Failure"  # none will

    workflow_id: str
    config: dict[str, Any]
    session: Session
    input_data: Any

    def __new__(cls, *args: Any, **more: Any) -> Self:
        """Sets what a subclass may forget to have set: not every `__init__` calls the one of its base."""
        made = super().__new__(cls)
        made.workflow_id, made.config, made.input_data = "", {}, None
        made.session = MemorySession()
        return made

    def __init__(self, workflow_id: str = "", config: dict[str, Any] | None = None, session: Session | None = None) -> None:
        self.workflow_id = workflow_id
        self.config = {} if config is None else config
        if session is not None:
            self.session = session

    def session_get(self, key: str) -> str | None:
        """What an activity of the same job has set; None where none has."""
        return self.session.get(key)

    def session_set(self, key: str, value: str) -> None:
        """Keep a string for the activities of the same job that ask later. Raises TypeError for anything but a string."""
        self.session.set(key, value)

    def do_activity(self) -> str:
        """Do the work; return SUCCEEDED, TEMPORARY_FAILURE or PERMANENT_FAILURE."""
        raise NotImplementedError(f"{type(self).__name__} has no do_activity(): implement it")
