"""A scheduler on a real Redis, with stand-ins for the reader, for the supervisor of runners, for runners and for the actor of calls."""

import json
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

from redis.exceptions import ResponseError

from cameron.activities.call import Congestion
from cameron.clock import Clock
from cameron.core.process import Limits, RetryPolicy, Timeouts
from cameron.definitions import Settings
from cameron.job_ledger import Claim, entry_fields
from cameron.job_runner import Surroundings
from cameron.job_scheduler import PERFORMERS, JobScheduler, SchedulerSettings
from cameron.otp import ChildStarted, Reason, StartChild
from cameron.process_catalog import Catalog
from cameron.queue_reader import Taken, Want
from cameron.scheduling.this_node import ThisNode
from cameron.store import keys
from cameron.store.inbox import Signal
from cameron.store.queue import Entry

from ..acceptance.support.waiting import eventually
from .known_secret import known_callbacks
from .stand import Stand

PATIENCE_S = 20.0
QUEUE = keys.queue("foo")
DEAD = "a-dead-node"


class Broken(Reason):
    """What ends a runner as a crash does."""


def uuid(number: int) -> str:
    """Of the job of that number."""
    return f"{number:032x}"


def entry(number: int, process: str = "foo", **fields: str) -> Entry:
    """An entry of a job, such as the reader brings."""
    return Entry(process, f"{number + 1}-1", {"process": process, "key": "k", "uuid": uuid(number), "accepted": "7", **fields})


class Around:
    """A scheduler and what it talks to."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.node = ThisNode("here")
        self.starts: SimpleQueue[Any] = SimpleQueue()
        self.wants: SimpleQueue[Any] = SimpleQueue()
        self.told: SimpleQueue[Any] = SimpleQueue()  # what runners are told
        self.asked: SimpleQueue[Any] = SimpleQueue()  # what those who perform activities are
        self.catalog = Catalog(Settings(RetryPolicy(), Timeouts(), Limits()))
        stands = {**dict.fromkeys(PERFORMERS, self.asked), "job_runner_sup": self.starts, "queue_reader": self.wants}
        self.refs: list[Any] = [Stand.start(told, name=name) for name, told in stands.items()]
        self.scheduler: Any = None

    def start(self, url: str, max_jobs: int = 100, lease_s: float = 1.0, max_of_each: int = 100, shutdown_s: float = 0.2) -> "Around":
        """Start the scheduler."""
        settings = SchedulerSettings(url, 2.0, lease_s, max_jobs, max_of_each, shutdown_s)
        around = Surroundings(self.catalog, Clock(), known_callbacks(), 1000, 0)
        self.scheduler = JobScheduler.start(settings, self.node, around, name="job_scheduler")
        self.refs.append(self.scheduler)
        return self

    def crash(self) -> None:
        """End the scheduler as a crash does."""
        self.scheduler.exit(Broken())
        eventually(lambda: not self.scheduler.is_alive(), "the scheduler to end")

    def want(self) -> Want:
        """The scheduler's next wish to its reader."""
        want = self.wants.get(timeout=PATIENCE_S)
        assert isinstance(want, Want)
        return want

    def give(self, entries: list[Entry], signals: list[Signal] | None = None) -> None:
        """Answer the scheduler's next wish, as the reader would."""
        self.scheduler.tell(Taken(self.want().term, entries, signals or [], []))

    def send(self, **fields: str) -> Signal:
        """Put a signal into the node's inbox, and have the reader bring it."""
        signal = self.put(**fields)
        self.client.xreadgroup(keys.GROUP, self.node.name, {keys.inbox(self.node.name): ">"})
        self.give([], [signal])
        return signal

    def put(self, **fields: str) -> Signal:
        """Put a signal into the node's inbox."""
        inbox = keys.inbox(self.node.name)
        eventually(lambda: self.client.exists(inbox), "the inbox")
        return Signal(self.client.xadd(inbox, fields), fields)

    def heeded(self) -> bool:
        """Whether nothing is left in the inbox."""
        return not self.client.xlen(keys.inbox(self.node.name))

    def about(self) -> dict[str, Any]:
        """What the node says of itself."""
        found: dict[str, Any] = json.loads(self.client.get(keys.node(self.node.name)))
        return found

    def next_told(self) -> Any:
        """What some runner is told next."""
        return self.told.get(timeout=PATIENCE_S)

    def stop(self) -> None:
        """End all actors."""
        for ref in reversed(self.refs):
            ref.exit()
        eventually(lambda: not any(ref.is_alive() for ref in self.refs), "the actors to end")

    def queue(self, count: int, node: str = "") -> list[str]:
        """Put entries into the queue, and give them to that node; their ids. Their jobs are numbered from 0."""
        self.open_queue()
        ids = []
        for number in range(count):
            fields = entry_fields("foo", "k", uuid(number), 1000 + number)
            ids.append(self.client.xadd(QUEUE, dict(zip(fields[::2], fields[1::2], strict=True))))
        if node:
            self.client.xreadgroup(keys.GROUP, node, {QUEUE: ">"}, count=count)
        return ids

    def open_queue(self) -> None:
        """Make the process known, and its queue."""
        self.client.sadd(keys.QUEUES, "foo")
        with suppress(ResponseError):  # it is there already
            self.client.xgroup_create(QUEUE, keys.GROUP, id="0", mkstream=True)

    def next_start(self) -> Claim:
        """The next claim for which a runner is to be started."""
        message = self.starts.get(timeout=PATIENCE_S)
        assert isinstance(message, StartChild)
        claim: Claim = message.args[0]
        return claim

    def run(self, claim: Claim) -> Any:
        """Start a runner for that claim, as the supervisor would; the scheduler knows it when this returns."""
        ref = self.unknown_runner()
        self.scheduler.tell(ChildStarted(claim, ref))
        self.settle()
        return ref

    def unknown_runner(self) -> Any:
        """A runner of which the scheduler has not been told."""
        ref = Stand.start(self.told)
        self.refs.append(ref)
        return ref

    def started(self, count: int) -> list[Claim]:
        """So many claims, each for a runner to be started, and no more for now."""
        claims = [self.next_start() for _ in range(count)]
        self.settle()
        assert self.starts.empty()
        return claims

    def settle(self) -> None:
        """Return when the scheduler has handled what it was told so far, and drained."""
        for _ in range(3):
            self.scheduler.ask(Congestion({}), timeout=PATIENCE_S)

    def pending(self) -> dict[str, int]:
        """How many entries each node holds."""
        return {consumer["name"]: consumer["pending"] for consumer in self.client.xinfo_consumers(QUEUE, keys.GROUP)}
