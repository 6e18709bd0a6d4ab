"""One runner, with stand-ins for whom it talks to."""

import json
from collections.abc import Mapping
from queue import SimpleQueue
from types import MappingProxyType
from typing import Any, NamedTuple

from cameron.activities.call import PERFORMERS, Call, Replies, Reply
from cameron.clock import Clock
from cameron.core.process import Limits, Process, RetryPolicy, Timeouts
from cameron.definitions import Settings
from cameron.definitions.cameron import CameronDialect
from cameron.job_data import Answers, Commands, Commit
from cameron.job_ledger import Claim
from cameron.job_orders import WasRead
from cameron.job_runner import JobRunner, Surroundings
from cameron.process_catalog import Catalog
from cameron.store import keys

from ..acceptance.support.waiting import eventually
from .known_secret import known_callbacks
from .stand import Stand

PATIENCE_S = 20.0
Texts = Mapping[str, str]
SETTINGS = Settings(RetryPolicy(), Timeouts(), Limits())
UUID = "0" * 32
REQUEST = '{"key": "k", "data": 1}'
ACCEPTED_MS = 1_700_000_000_123
MEMBER = keys.job_member("k", ACCEPTED_MS, UUID)
DIED = "node other died"
HELD = [["1-1", "here", 5, 1]]
JOB, RECORD, QUEUE = keys.job("foo", "k", UUID), keys.record("foo", UUID), keys.queue("foo")


class Around:
    """A runner and what it talks to."""

    def __init__(self) -> None:
        self.clock, self.catalog = Clock(), Catalog(SETTINGS)
        self.process: Process = CameronDialect(SETTINGS).process("foo", "http://127.0.0.1:1/start", "a test")
        self.catalog.publish([self.process])
        self.writes: SimpleQueue[Any] = SimpleQueue()
        self.calls: SimpleQueue[Any] = SimpleQueue()
        self.told: SimpleQueue[Any] = SimpleQueue()  # the scheduler
        stands = {"job_data": self.writes, **dict.fromkeys(PERFORMERS, self.calls), "job_scheduler": self.told}
        self.refs: list[Any] = [Stand.start(told, name=name) for name, told in stands.items()]
        self.runner: Any = None

    def start(self, timeout_s: float = 1000.0, fresh: bool = True, crashes: int = 0, crash: str = "") -> "Around":
        """Start the runner, as of a new job or to rebuild one."""
        deadline_ms, request = self.clock.now_ms() + int(timeout_s * 1000), REQUEST if fresh else None
        claim = Claim("foo", "k", UUID, "1-1", "here", self.process.digest, deadline_ms, request, ACCEPTED_MS, crashes, crash)
        self.runner = JobRunner.start(claim, Surroundings(self.catalog, self.clock, known_callbacks(), 1000, 5000), name=f"job {UUID}")
        self.refs.append(self.runner)
        return self

    def stop(self) -> None:
        """End all actors."""
        for ref in self.refs:
            ref.exit()
        eventually(lambda: not any(ref.is_alive() for ref in self.refs), "the actors to end")

    def write(self, kind: type) -> Any:
        """What job_data is told next."""
        message = self.writes.get(timeout=PATIENCE_S)
        assert isinstance(message, kind), message
        return message

    def call(self, kind: type = Call) -> Any:
        """What the caller of activities is told next."""
        message = self.calls.get(timeout=PATIENCE_S)
        assert isinstance(message, kind), message
        return message

    def options(self, **changed: Any) -> None:
        """Change the process."""
        self.process = self.process._replace(digest=f"of {changed}", **changed)
        self.catalog.publish([self.process])

    def rebuild(
        self, fields: Texts, record: Texts = MappingProxyType({}), *, crash: str = DIED, crashes: int = 0, timeout_s: float = 1000.0
    ) -> "Around":
        """Start a runner that takes the job over, and let it read these."""
        self.start(fresh=False, crash=crash, crashes=crashes)
        deadline = str(self.clock.now_ms() + int(timeout_s * 1000))
        self.answer(HELD, self.record(**{"owner": "other 1 7", "deadline": deadline, **record}), {**HASH, **fields})
        self.heard(WasRead)
        return self

    def heard(self, kind: type) -> Any:
        """What the scheduler is told next."""
        message = self.told.get(timeout=PATIENCE_S)
        assert isinstance(message, kind), message
        return message

    def answer(self, *answers: Any) -> None:
        """Answer the commands that the runner asks for next."""
        self.write(Commands).sender.tell(Answers(list(answers)))

    def ended(self) -> Any:
        """The reason with which the runner ended."""
        eventually(lambda: not self.runner.is_alive(), "the runner to end")
        return self.runner.actor_inbox.reason

    def record(self, **changed: str) -> dict[str, str]:
        """The record of a job that waits in the queue."""
        deadline = str(self.clock.now_ms() + 1_000_000)
        made = {"request": REQUEST, "definition": self.process.digest, "deadline": deadline, "owner": "", "entry": "1-1"}
        made["accepted"] = str(ACCEPTED_MS)
        return {name: value for name, value in (made | changed).items() if value is not None}


HASH = {"job.key": "k", "job.data": "1", "job.requestor": "", "job.status.current": "scheduled", "job.status.scheduled.time": "t"}


RUNNING = {  # of a job whose one task was called
    "job.status.current": "running",
    "job.status.running.time": "t",
    "job.tasks": "start",
    "task.start.status.current": "running",
    "task.start.status.running.time": "t",
}
TWO_RUNNING = RUNNING | {  # of a job with two tasks under way, which grew from a third one
    "job.tasks": "start,a,b",
    "task.start.status.current": "done",
    "task.start.status.done.time": "t",
    "task.start.output.data": "1",
    "task.start.output.next_activities": json.dumps(
        {"parallelizable": "yes", "definitions": [{"name": name, "url": f"http://127.0.0.1:1/{name}"} for name in "ab"]}
    ),
    **{f"task.{name}.status.{field}": text for name in "ab" for field, text in (("current", "running"), ("running.time", "t"))},
}
NEXT = {"task.start.next": '["start",["a","b"]]'}


class Written(NamedTuple):
    """A commit of the runner's, read as the headers of the scripts say."""

    script: str
    idle: bool
    keep_ms: int
    dead: dict[str, str]
    fields: dict[str, str]
    record: dict[str, str]
    story: list[tuple[str, str]]


def written(commit: Commit) -> Written:
    """What is written where."""
    args, lists = list(commit.args), list[dict[str, str]]()
    ends = commit.script.startswith("end")
    left = args[9 if ends else 6 :]
    for _ in range(3 if ends else 2):
        many = int(left[0])
        lists.append(dict(zip(left[1 : 1 + many : 2], left[2 : 2 + many : 2], strict=True)))  # type: ignore[arg-type]
        left = left[1 + many :]
    dead, fields, record = lists if ends else [{}, *lists]
    many = int(left[0])
    story = [(str(word), str(text)) for word, text in zip(left[1 : 1 + many : 2], left[2 : 2 + many : 2], strict=True)]
    return Written(commit.script, not ends and bool(args[5]), int(args[5]) if ends else -1, dead, fields, record, story)


def statuses(fields: dict[str, str]) -> dict[str, str]:
    """What became of whom."""
    return {field.removesuffix(".status.current"): text for field, text in fields.items() if field.endswith(".status.current")}


def reply(task: str, attempt: int, body: Any, status: int = 200) -> Replies:
    return Replies([Reply(task, attempt, status, json.dumps(body).encode(), "", None, "")])
