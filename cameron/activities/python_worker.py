"""A thread in which Python activities run, one after another. What runs in it can't be interrupted; it can be left behind."""

import os
import threading
from typing import Any, ClassVar, NamedTuple

from cameron.activities.python_activity import PythonActivity, PythonTask, Result, perform
from cameron.activities.session import Session
from cameron.activities.source_place import standing_at
from cameron.activities.standard_streams import keep_open
from cameron.otp import Down, Ref, ThreadActor, affinity


class Perform(NamedTuple):
    """To a worker: run this."""

    number: int  # comes back in Performed
    activity: PythonActivity
    task: PythonTask
    session: Session


class Performed(NamedTuple):
    """To its owner: what came of it."""

    number: int
    result: Result


class PythonWorker(ThreadActor):
    """Killed while it runs an activity, it is fenced, and one of the node's zombies until that comes back; it tells nobody of that."""

    start_timeout_s: ClassVar[float | None] = 10.0

    def __init__(self, owner: Ref[Any]) -> None:
        super().__init__()
        self._owner = owner

    def on_start(self) -> None:
        """End with the owner; code that lets go of the interpreter is to have all cores, unlike the engine's."""
        affinity.unbind()
        self._thread_id = threading.get_ident()
        self.monitor(self._owner)

    def on_receive(self, message: Any) -> Any:
        """Run an activity."""
        match message:
            case Perform(number, activity, task, session):
                ours = os.getpid()
                result = perform(activity, task, session)
                if os.getpid() != ours:  # the activity has forked, and this is the child: it has no actors, but all that the node has open
                    os._exit(1)
                keep_open()
                self._owner.tell(Performed(number, result))
            case Down():
                self.exit()
            case _:
                super().on_receive(message)

    def stands_at(self, module: str) -> str:
        """The line of that module's package at which the thread is just now; "" where it is at none. Any thread."""
        return standing_at(module, self._thread_id)
