"""The one door to the engine, for the web API and for programs that embed it. The only place that asks actors and waits for an answer."""

import hashlib
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, NamedTuple

from pykka import Timeout

from cameron.clock import Clock
from cameron.core.explain.explanation import explain
from cameron.core.process import Process
from cameron.definitions import Dialect, JobRequest
from cameron.errors import Backlogged, Draining, IdempotencyKeyReused, NodeNotFound, ProcessNotFound, StoreUnavailable
from cameron.job_control import Cancelling, JobControl
from cameron.job_data import Ask, Ping
from cameron.job_ledger import entry_fields
from cameron.job_reader import JobReader
from cameron.otp import Address, Exit, NoProc, tree_of, zombies
from cameron.process_catalog import Catalog
from cameron.scheduling.this_node import ThisNode
from cameron.store import keys
from cameron.store.dead_letter import DeadLetters
from cameron.store.durability import Rules
from cameron.store.health import Health
from cameron.store.job_index import JobIndex, JobQuery
from cameron.store.nodes import Nodes
from cameron.store.redis import asking, place
from cameron.store.situation import Situations
from cameron.store.strict import Strict

PERHAPS_STORED = (
    "the job may have been stored all the same; repeat the request with the same Idempotency-Key, "
    "or without one look at the list of jobs first"
)
RIDES_ALONG = 4096  # characters: a request up to this size goes into the queue's entry too, which saves its runner three reads


class EngineSettings(NamedTuple):
    """See the sections `redis`, `web` and `job` of the configuration."""

    redis_url: str
    redis_timeout_s: float = 5.0
    accept_timeout_s: float = 5.0
    retention_ms: int = 7 * 24 * 3_600_000  # of jobs whose process says nothing else; 0: for ever
    max_backlog: int = 1_000_000
    idempotency_ms: int = 24 * 3_600_000


class Accepted(NamedTuple):
    """A job that is safe in Redis."""

    process: str
    key: str
    uuid: str
    payload: str  # the request's body as text
    existing: bool = False  # it was there before: the request came a second time, or its key has an unfinished job


class Engine:
    """For any thread. Every method raises StoreUnavailable where Redis does not answer in time, or the node is stopping."""

    def __init__(
        self, catalog: Catalog, clock: Clock, settings: EngineSettings, node: ThisNode | None = None, health: Health | None = None
    ) -> None:
        """Without a `node` or a `health`, for a Redis of any kind and a node of no name that others know."""
        self._catalog, self._clock, self._settings, self._node = catalog, clock, settings, node or ThisNode()
        redis = (settings.redis_url, settings.redis_timeout_s)
        self._health = health or Health(*redis, Rules())
        self._strict = Strict(self._health, *redis, settings.accept_timeout_s)
        self._nodes = Nodes(*redis)
        self._jobs = JobReader(catalog, *redis)
        self._control = JobControl(self._jobs, clock, self._run, settings.retention_ms)
        self._index, self._dead, self._situations = JobIndex(*redis), DeadLetters(*redis), Situations(*redis)
        self._job_data, self._root = Address("job_data"), Address("root")

    # jobs

    def start(self, process: str, body: bytes, idempotency_key: str = "") -> Accepted:
        """Accept a job of that process; it is in Redis when this returns.

        Raises ProcessNotFound, InvalidRequest, Backlogged, IdempotencyKeyReused.
        """
        definition = self._catalog.process(process)
        dialect = self._catalog.dialect(definition)
        request = dialect.read_request(definition, body)
        job, text = uuid.uuid4().hex, body.decode("utf-8")
        give_up_at_s = time.monotonic() + self._settings.accept_timeout_s
        answer = self._accept(definition, dialect, request, job, text, idempotency_key)
        accepted = Accepted(process, request.key, job, text)
        if isinstance(answer, list):
            accepted = self._not_accepted(answer, accepted, idempotency_key)
        # A job that is not there any more may still be remembered by its Idempotency-Key.
        proofs = (dialect.job_key(process, accepted.key, accepted.uuid), keys.idempotency(process, idempotency_key))
        self._strict.settle(proofs, give_up_at_s)
        return accepted

    def get(self, process: str, key: str, uuid: str) -> bytes:
        """A job with all that has happened so far, as the JSON document of its dialect. Raises JobNotFound."""
        return self._jobs.shown(process, key, uuid)

    def cancel(self, process: str, key: str, uuid: str) -> Cancelling:
        """End a job as cancelled, or have its node do so. Raises JobNotFound, JobFinished."""
        return self._control.cancel(process, key, uuid)

    def retry(self, process: str, key: str, uuid: str) -> list[str]:
        """Let a finished job go on from its failed tasks, whose names these are.

        Raises JobNotFound, JobNotFinished, NothingToRetry, KeyTaken.
        """
        return self._control.retry(process, key, uuid)

    def explain(self, process: str, key: str, uuid: str) -> dict[str, Any]:
        """Why the job is not moving: `{"process", "uuid", "key", "state", "sentence", ...}`, see `core.explanation`. Raises JobNotFound."""
        stored = self._jobs.read(process, key, uuid)
        with asking():
            situation = self._situations.of(process, key, uuid, stored.record, stored.fields)
        state, sentence, details = explain(stored.job, situation, self._clock.now_ms())
        return {"process": process, "uuid": uuid, "key": key, "state": state, "sentence": sentence, **details}

    def jobs(self, process: str, query: JobQuery) -> dict[str, Any]:
        """A page of the process's jobs, see `JobIndex.page`. Raises ProcessNotFound, InvalidRequest."""
        with self._asking_of(process):
            return self._index.page(process, query)

    def dead(self, process: str, limit: int, cursor: str) -> dict[str, Any]:
        """A page of the process's dead letter, see `DeadLetters.page`. Raises ProcessNotFound, InvalidRequest."""
        with self._asking_of(process):
            return self._dead.page(process, limit, cursor)

    def _accept(self, definition: Process, dialect: Dialect, request: JobRequest, job: str, text: str, idempotency_key: str) -> Any:
        process, key, at, settings = definition.name, request.key, self._clock.now(), self._settings
        deadline_ms = at.ms + int(definition.limits.timeout_s * 1000)
        fields = dialect.accepted(request, at.stamp)
        record = ["request", text, "definition", definition.digest, "deadline", str(deadline_ms)]
        entry = entry_fields(process, key, job, at.ms)
        if len(text) <= RIDES_ALONG:
            entry += record
        record += ("accepted", str(at.ms))
        names = [dialect.job_key(process, key, job), keys.record(process, job), keys.queue(process)]
        names += (keys.jobs(process, "scheduled"), keys.jobs_by_key(process))
        if idempotency_key or definition.unique:
            names += (keys.idempotency(process, idempotency_key), keys.unique(process, key))
        known = f"{job} {_fingerprint(text)} {key}" if idempotency_key else ""
        args: list[str | int] = [settings.max_backlog, keys.job_member(key, at.ms, job), at.ms, known, settings.idempotency_ms]
        args += (job if definition.unique else "", len(fields), *fields, len(record), *record, *entry)
        try:
            return self._run("accept", names, args)
        except StoreUnavailable as error:
            if error.silent:
                raise StoreUnavailable(error.why, silent=True, mend=PERHAPS_STORED) from None
            raise

    def _not_accepted(self, answer: list[Any], asked: Accepted, idempotency_key: str) -> Accepted:
        """What stands in the way: as many jobs as there may be, or the very job that is asked for."""
        match answer:
            case ["full", _]:
                raise Backlogged(asked.process, self._settings.max_backlog)
            case ["unfinished", other]:
                return asked._replace(uuid=str(other), existing=True)
            case ["known", known]:
                job, fingerprint, key = str(known).split(" ", 2)
                if fingerprint != _fingerprint(asked.payload):
                    raise IdempotencyKeyReused(idempotency_key)
                return asked._replace(key=key, uuid=job, existing=True)
        raise StoreUnavailable(f"redis answers {answer!r}")

    @contextmanager
    def _asking_of(self, process: str) -> Iterator[None]:
        with asking():
            if not self._jobs.knows(process):
                raise ProcessNotFound(process)
            yield

    # the node

    def status(self) -> dict[str, Any]:
        """`{"status": "ok", "redis", "processes"}`, where a job could be accepted now. Raises Draining."""
        if self._node.state != "running":
            raise Draining(self._node.name)
        self._ask(Ping(time.monotonic() + self._settings.accept_timeout_s))
        return {"status": "ok", "redis": place(self._settings.redis_url), "processes": self._catalog.names()}

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Whether requests are welcome here, and `{"status", "node", "redis", "durability", "problems"}`, see `Health.report`."""
        is_fit, report = self._health.report()
        if self._node.state != "running":
            is_fit, report["status"] = False, "draining"
        return is_fit, {"status": report.pop("status"), "node": self._node.name, **report}

    def nodes(self) -> dict[str, Any]:
        """`{"nodes": [...]}`, see `Nodes.all`."""
        with asking():
            return {"nodes": self._nodes.all()}

    def drain(self, node: str, resume: bool = False) -> dict[str, Any]:
        """Tell a node to hand its jobs back and run none, or to `resume`: `{"node", "state"}`. Raises NodeNotFound."""
        with asking():
            is_told = self._nodes.tell(node, "resume" if resume else "drain")
        if not is_told:
            raise NodeNotFound(node)
        return {"node": node, "state": "running" if resume else "draining"}

    def tree(self, limit: int | None = None) -> dict[str, Any]:
        """This node's supervision tree as it is now: `{"node", "tree", "zombies"}`; `tree` has the fields of `otp.TreeNode`.

        Nobody is asked, so it also shows actors that are stuck. Of runners it has the `limit` oldest (None: all), and how many `more`
        there are. `zombies`: killed actors whose thread has not come back. Raises StoreUnavailable where there is no tree.
        """
        root = self._root.ref()
        if root is None:
            raise StoreUnavailable("the node is starting or stopping")
        return {"node": self._node.name, "tree": asdict(tree_of(root, limit)), "zombies": list(map(str, zombies()))}

    # asking job_data

    def _run(self, script: str, names: Sequence[str], args: Sequence[str | int]) -> Any:
        return self._ask(Ask(script, names, args, time.monotonic() + self._settings.accept_timeout_s))

    def _ask(self, message: Ask | Ping) -> Any:
        timeout_s = self._settings.accept_timeout_s
        try:
            answer = self._job_data.ask(message, timeout=timeout_s)
        except Timeout:
            raise StoreUnavailable(f"redis has not answered within {timeout_s:g} s", silent=True) from None
        except Exit as gone:
            raise StoreUnavailable("the node is starting or stopping", silent=gone.reason != NoProc) from None
        if isinstance(answer, StoreUnavailable):
            raise answer
        return answer


def _fingerprint(text: str) -> str:
    """Tells whether two requests of one Idempotency-Key ask for the same."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]
