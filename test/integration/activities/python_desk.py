"""Has Python activities run by the actor, with all that stands around it."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cameron.activities.call import PythonRun, Reply
from cameron.activities.commands import Commands
from cameron.activities.isolated_run import ENVELOPE_BYTES
from cameron.activities.python import PythonActivities, PythonSettings
from cameron.activities.python_package import PythonPackage, discover
from cameron.activities.session import MemorySession
from cameron.otp import Ref
from cameron.otp.probe import end_of

PATIENCE_S = 30.0
FOLDER = Path(__file__).parent / "python_sample"
USUAL = PythonSettings(
    max_threads=4,
    max_zombies=10,
    timeout_s=PATIENCE_S,
    max_memory_bytes=1 << 30,
    max_bytes=100_000,
    redis_url="redis://127.0.0.1:1",
    redis_timeout_s=5.0,
)


def success(body: Any, task: str = "t", attempt: int = 1) -> Reply:
    """That of a run which has returned this."""
    return Reply(task, attempt, 0, json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(), "", None, "")


def sample() -> PythonPackage:
    """The package of activities."""
    return discover("sample", FOLDER)


class MemorySessions:
    """Sessions by job."""

    def __init__(self) -> None:
        self.of_jobs: dict[str, MemorySession] = {}

    def of(self, process: str, job: str) -> MemorySession:
        """The job's."""
        return self.of_jobs.setdefault(job, MemorySession())


class PythonDesk:
    """Tells the actor of runs, and keeps what became of them."""

    def __init__(self, mailbox: Any) -> None:
        self.mailbox, self.sessions = mailbox, MemorySessions()
        self._started: list[Ref[Any]] = []

    def open(self, load: Callable[[], PythonPackage] = sample, max_processes: int = 4, **settings: Any) -> None:
        """Start the actors."""
        chosen = USUAL._replace(**settings)
        self.processes = Commands.start(max_processes, chosen.max_bytes + ENVELOPE_BYTES, 0.1)
        self._started.append(self.processes)
        self.python = PythonActivities.start(load, self.sessions, self.processes, chosen)
        self._started.append(self.python)

    def close(self) -> None:
        """End all that is left: the one that depends on the other first, and let those through who wait."""
        for ref in reversed(self._started):
            ref.exit()
            end_of(ref)
        for gate in self.module("in_threads").gates.values():
            gate.set()

    @staticmethod
    def module(name: str) -> Any:
        """One of the sample's."""
        sample()
        return importlib.import_module(f"sample.{name}")

    def tell(self, activity: str, data: Any = None, task: str = "t", **said: Any) -> None:
        """Have this run; the reply will come."""
        usual = PythonRun(self.mailbox, task, 1, activity, json.dumps(data).encode(), b"{}", 0.0, "", "foo", "k", "0123", False)
        self.python.tell(usual._replace(**said))

    def run(self, activity: str, data: Any = None, **said: Any) -> Reply:
        """Have it run, and await the reply."""
        self.tell(activity, data, **said)
        return self.reply()

    def reply(self) -> Reply:
        """The next reply."""
        reply: Reply = self.mailbox.take()
        return reply

    def begun(self, *tasks: str) -> None:
        """These tasks have begun, in this order."""
        assert [self.mailbox.begun().task for _ in tasks] == list(tasks)

    def workers(self) -> list[Ref[Any]]:
        """The threads that are busy, and those that are free."""
        actor = self.python.actor_inbox.actor
        assert isinstance(actor, PythonActivities)
        threads = actor._threads
        return [*(thread.worker for thread in threads._busy.values()), *threads._free]

    def ports(self) -> list[Ref[Any]]:
        """Those of the processes that run."""
        actor = self.processes.actor_inbox.actor
        assert isinstance(actor, Commands)
        return list(actor._running)
