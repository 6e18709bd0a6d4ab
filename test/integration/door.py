"""An engine's door with a real writer and a real Redis behind it; the nodes, and what services reply, are played by the test."""

import json
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

from redis.exceptions import ResponseError

from cameron.activities.call import Call, Cancel, Replies, Reply
from cameron.clock import Clock
from cameron.core.process import Limits, Process, RetryPolicy, Timeouts
from cameron.definitions import Settings
from cameron.definitions.cameron import CameronDialect
from cameron.engine import Accepted, Engine, EngineSettings
from cameron.job_data import Define, JobData
from cameron.job_ledger import Claim
from cameron.job_orders import runner_name
from cameron.job_runner import JobRunner, Surroundings
from cameron.process_catalog import Catalog
from cameron.store import keys

from ..acceptance.support.waiting import eventually
from .known_secret import known_callbacks
from .stand import Stand

PATIENCE_S = 20.0
QUEUE = keys.queue("foo")
STATUSES = ("scheduled", "running", "done", "error", "cancelled")


class Door:
    """`engine` is the door; `client` looks behind it. The one process is `foo`."""

    def __init__(self, url: str, client: Any, **settings: Any) -> None:
        self.settings = Settings(RetryPolicy(), Timeouts(), Limits())
        self.client, self.clock, self.catalog = client, Clock(), Catalog(self.settings)
        self.calls: SimpleQueue[Any] = SimpleQueue()
        self.told: SimpleQueue[Any] = SimpleQueue()  # the scheduler
        self.refs: list[Any] = [
            JobData.start(url, PATIENCE_S, name="job_data"),
            Stand.start(self.calls, name="http"),
            Stand.start(self.told, name="job_scheduler"),
        ]
        self.engine = Engine(self.catalog, self.clock, EngineSettings(url, PATIENCE_S, PATIENCE_S, 50_000)._replace(**settings))
        self.process: Process = CameronDialect(self.settings).process("foo", "http://127.0.0.1:1/start", "a test")
        self.define()
        with suppress(ResponseError):  # it is there
            client.xgroup_create(QUEUE, keys.GROUP, id="0", mkstream=True)

    def stop(self) -> None:
        """End all actors."""
        for ref in self.refs:
            ref.exit()
        eventually(lambda: not any(ref.is_alive() for ref in self.refs), "the actors to end")

    def define(self, **changed: Any) -> None:
        """Publish the process, changed so, and have it stored."""
        digest = f"of {sorted(changed)}" if changed else self.process.digest
        self.process = self.process._replace(digest=digest, **changed)
        self.catalog.publish([self.process])
        self.refs[0].tell(Define("foo", digest, self.process.document))
        eventually(lambda: self.client.exists(keys.definition("foo", digest)), "the definition to be stored")

    # the client's part

    def start(self, key: str = "k", **body: Any) -> Accepted:
        """A job is accepted."""
        return self.engine.start("foo", json.dumps({"key": key, **body}).encode())

    def fields(self, job: Accepted) -> dict[str, str]:
        """The job's hash."""
        return dict(self.client.hgetall(keys.job("foo", job.key, job.uuid)))

    def record(self, job: Accepted) -> dict[str, str]:
        """The job's record."""
        return dict(self.client.hgetall(keys.record("foo", job.uuid)))

    def statuses(self, job: Accepted) -> dict[str, str]:
        """The statuses of its tasks that have begun, and its own as `job`."""
        found = {field.removesuffix(".status.current"): text for field, text in self.fields(job).items() if field.endswith(".current")}
        return {name.removeprefix("task."): status for name, status in found.items()}

    def listed(self, job: Accepted) -> list[str]:
        """Under which statuses the job is listed."""
        member = keys.job_member(job.key, int(self.record(job)["accepted"]), job.uuid)
        return [status for status in STATUSES if self.client.zscore(keys.jobs("foo", status), member) is not None]

    def queued(self) -> list[str]:
        """The jobs that the queue has entries of."""
        return [fields["uuid"] for _, fields in self.client.xrange(QUEUE)]

    # the node's part

    def give(self, node: str = "here") -> None:
        """The node is given the oldest entry that nobody has."""
        self.client.set(keys.node(node), "{}", px=600_000)
        assert self.client.xreadgroup(keys.GROUP, node, {QUEUE: ">"}, count=1)

    def run(self, job: Accepted, node: str = "here", crash: str = "") -> Any:
        """The node is given the oldest entry, which is that of this job, and runs it: the runner."""
        self.give(node)
        return self.take_up(job, node, crash)

    def take_up(self, job: Accepted, node: str, crash: str = "") -> Any:
        """A runner for a job that the node holds."""
        record = self.record(job)
        claim = Claim("foo", job.key, job.uuid, record["entry"], node, accepted_ms=int(record["accepted"]), crash=crash)
        around = Surroundings(self.catalog, self.clock, known_callbacks(), 1000, 50_000)
        self.refs.append(JobRunner.start(claim, around, name=runner_name(job.uuid)))
        return self.refs[-1]

    def call(self) -> Call:
        """The next call that goes out; that one is broken off is passed over."""
        while not isinstance(call := self.calls.get(timeout=PATIENCE_S), Call):
            assert isinstance(call, Cancel), call
        return call

    def reply(self, call: Call, status: int = 200, **body: Any) -> None:
        """The service's answer."""
        call.reply_to.tell(Replies([Reply(call.task, call.attempt, status, json.dumps(body).encode(), "", None, "")]))

    def reply_all(self, *failing: str) -> list[str]:
        """Answer calls until the jobs that run have ended; the names of the tasks called, those named `failing` answered so."""
        called = []
        while any(ref.is_alive() for ref in self.refs[3:]):
            if self.calls.empty():
                eventually(lambda: not self.calls.empty() or not any(ref.is_alive() for ref in self.refs[3:]), "a call, or the end")
                continue
            call = self.calls.get()
            if isinstance(call, Call):
                called.append(call.task)
                self.reply(call, 500 if call.task in failing else 200)
        return called

    def gone(self, runner: Any) -> None:
        """Await the end of the runner."""
        eventually(lambda: not runner.is_alive(), "the runner to end")


def growing(*names: str, parallel: bool = True) -> dict[str, Any]:
    """The part of a reply that names the next activities."""
    definitions = [{"name": name, "url": f"http://127.0.0.1:1/{name}"} for name in names]
    return {"next_activities": {"parallelizable": "yes" if parallel else "no", "definitions": definitions}}
