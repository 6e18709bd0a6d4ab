"""The one door to the engine, for the web API and for programs that embed it. The only place that asks actors and waits for an answer."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from threading import BoundedSemaphore
from typing import Any, Literal, NamedTuple

from pykka import Timeout

from cameron.broker_link import BrokerLink
from cameron.callbacks import Callbacks
from cameron.clock import Clock
from cameron.core.explain.explanation import explain
from cameron.core.process import Process, WaitCall
from cameron.core.status import Status
from cameron.definitions import Given
from cameron.definitions.manner import Manner
from cameron.errors import CameronError, Draining, NodeNotFound, ProcessNotFound, StoreUnavailable
from cameron.job_acceptance import Acceptance, AcceptanceSettings, Accepted, Call
from cameron.job_batch import bodies_of
from cameron.job_callbacks import JobCallbacks
from cameron.job_control import Cancelling, JobControl
from cameron.job_data import Ask, AskAll, Ping
from cameron.job_history import JobHistory
from cameron.job_reader import JobReader, StoredJob
from cameron.node_health import NodeHealth
from cameron.otp import Address, Exit, NoProc, tree_of, zombies
from cameron.process_catalog import LOOK_S, Catalog, Refresh
from cameron.registration import Lookup, Registration
from cameron.scheduling.this_node import ThisNode
from cameron.store.dead_letter import DeadLetters
from cameron.store.durability import Rules
from cameron.store.health import Health
from cameron.store.job_index import JobIndex, JobQuery
from cameron.store.nodes import Nodes
from cameron.store.redis import asking, place
from cameron.store.registered import Registered
from cameron.store.secret import Secret
from cameron.store.situation import Situations, Subject
from cameron.store.strict import Strict

PATIENT = 2  # starts of unknown names at once that wait for Redis until the node has looked by itself; the others wait no more than
HASTE_S = 0.1  # that, unless it answers, so that the web server's threads are there for what can be done

__all__ = ["Accepted", "Engine", "EngineSettings"]


class EngineSettings(NamedTuple):
    """See the sections `redis`, `web` and `job` of the configuration."""

    redis_url: str
    redis_timeout_s: float = 5.0
    accept_timeout_s: float = 5.0
    retention_ms: int = 7 * 24 * 3_600_000  # of jobs whose process says nothing else; 0: for ever
    max_backlog: int = 1_000_000
    idempotency_ms: int = 24 * 3_600_000
    max_callback_bytes: int = 1024 * 1024


class Engine:
    """For any thread. Every method raises StoreUnavailable where Redis does not answer in time, or the node is stopping.

    A process is named by its name or its alias. Of a job whose path does not say its key, `key` is "".
    """

    def __init__(
        self,
        catalog: Catalog,
        clock: Clock,
        settings: EngineSettings,
        node: ThisNode | None = None,
        health: Health | None = None,
        callbacks: Callbacks | None = None,
        broker: BrokerLink | None = None,
    ) -> None:
        """Without a `node` or a `health`, for a Redis of any kind and a node of no name that others know."""
        self._catalog, self._clock, self._settings, self._node = catalog, clock, settings, node or ThisNode()
        redis, timeout_s = (settings.redis_url, settings.redis_timeout_s), settings.accept_timeout_s
        self._health = health or Health(*redis, Rules())
        self._node_health = NodeHealth(self._health, self._node, catalog, broker or BrokerLink())
        self._callbacks = callbacks or Callbacks(Secret(*redis), lambda: "")
        strict = Strict(self._health, *redis, timeout_s)
        accepting = AcceptanceSettings(timeout_s, settings.max_backlog, settings.idempotency_ms)
        self._acceptance = Acceptance(catalog, clock, accepting, self._run, self._run_all, strict)
        self._registration = Registration(catalog, Registered(*redis), strict, Lookup(self._refresh, self._process), timeout_s)
        self._jobs = JobReader(catalog, *redis)
        self._history = JobHistory(self._jobs, *redis)
        self._control = JobControl(self._jobs, clock, self._run, settings.retention_ms)
        self._patient = BoundedSemaphore(PATIENT)
        returning = (self._jobs, self._callbacks, self._run, settings.max_callback_bytes)
        self._returns = JobCallbacks(*returning, lambda job_key: strict.settle((job_key,), time.monotonic() + timeout_s))
        self._index, self._dead = JobIndex(*redis, catalog.job_proof), DeadLetters(*redis)
        self._situations, self._nodes = Situations(*redis), Nodes(*redis)
        self._job_data, self._process_catalog, self._root = Address("job_data"), Address("process_catalog"), Address("root")

    # jobs

    def manners(self) -> Sequence[Manner]:
        """How clients speak each dialect, the main one first."""
        return [dialect.manner for dialect in self._catalog.dialects()]

    def start(self, process: str, body: bytes | Given, idempotency_key: str = "", dialect: str = "") -> Accepted:
        """Accept a job of that process, which has to be of that dialect where one is named; it is in Redis when this returns.

        What is merely given is put as that dialect has it. Raises ProcessNotFound, InvalidRequest, Backlogged, IdempotencyKeyReused.
        """
        accepted = self._acceptance.accept(self._of_dialect(process, dialect), body, idempotency_key)
        if accepted.existing:
            accepted_ms, status = self._jobs.standing(accepted.process, accepted.key, accepted.uuid)
            return accepted._replace(accepted_ms=accepted_ms, status=status or accepted.status)
        return accepted

    def start_all(self, process: str, batch: bytes, idempotency_key: str = "", dialect: str = "") -> list[Accepted | CameronError]:
        """A job as `start` has it for each body in a JSON array, in their order; where there is none, the error that `start` raises.

        All are stored in one round trip to Redis; one that cannot be started costs no other. The body at place n (from 0) has the
        Idempotency-Key `{idempotency_key}/{n}`. Of a job that was there already nobody looks what it is by now, nor when it was accepted.
        Raises ProcessNotFound, InvalidRequest where the array itself cannot be read, and StoreUnavailable where nothing is known of any.
        """
        return self._acceptance.accept_all(self._of_dialect(process, dialect), bodies_of(batch), idempotency_key)

    def names(self) -> list[str]:
        """The names of the processes that can be started here."""
        return self._catalog.names()

    def name_of(self, process: str) -> str:
        """The name of the process of that name or alias; what nobody defines is what it is."""
        return self._catalog.name_of(process)

    def get(self, process: str, key: str, uuid: str) -> bytes:
        """A job with all that has happened so far, as the JSON document of its dialect. Raises JobNotFound."""
        return self._jobs.shown(process, key, uuid)

    def ended(self, process: str, key: str, uuid: str) -> bytes | None:
        """As `get` once it has ended; None before, for a read of one field. Raises JobNotFound."""
        return self._jobs.ended(process, key, uuid)

    def cancel(self, process: str, key: str, uuid: str) -> Cancelling:
        """End a job as cancelled, or have its node do so. Raises JobNotFound, JobFinished."""
        return self._control.cancel(self.name_of(process), key, uuid)

    def retry(self, process: str, key: str, uuid: str) -> list[str]:
        """Let a finished job go on from its failed tasks, whose names these are.

        Raises JobNotFound, JobNotFinished, NothingToRetry, KeyTaken.
        """
        return self._control.retry(self.name_of(process), key, uuid)

    def callback(self, process: str, key: str, uuid: str, task: str, token: str, body: bytes) -> None:
        """Give a waiting task what came by its callback URL; it is in Redis when this returns.

        Raises CallbackNotFound, InvalidRequest, CallbackUsed, CallbackLate.
        """
        self._returns.deliver(process, key, uuid, task, token, body)

    def explain(self, process: str, key: str, uuid: str) -> dict[str, Any]:
        """Why the job is not moving: `{"process", "uuid", "key", "state", "sentence", ...}`, see `core.explanation`. Raises JobNotFound."""
        stored = self._jobs.read(process, key, uuid)
        job, layout = stored.job, stored.dialect.layout
        running = [name for name, task in job.tasks.items() if task.status is Status.RUNNING]
        hash_key = layout.job_key(job.process, job.key, uuid)
        with asking():
            situation = self._situations.of(Subject(job.process, job.key, uuid, hash_key, stored.record, stored.fields, running))
        state, sentence, details = explain(job, situation, self._clock.now_ms())
        about = {"process": job.process, "uuid": uuid, "key": job.key, "state": state, "sentence": sentence}
        return {**about, **details, **self._untold_callbacks(stored)}

    def events(self, process: str, key: str, uuid: str, after: str = "", limit: int = 1000) -> dict[str, Any]:
        """A page of the job's history, see `JobHistory.page`. Raises JobNotFound, InvalidRequest."""
        return self._history.page(process, key, uuid, after, limit)

    def jobs(self, process: str, query: JobQuery) -> dict[str, Any]:
        """A page of the process's jobs, see `JobIndex.page`. Raises ProcessNotFound, InvalidRequest."""
        with self._asking_of(process) as name:
            return self._index.page(name, query)

    def dead(self, process: str, limit: int, cursor: str) -> dict[str, Any]:
        """A page of the process's dead letter, see `DeadLetters.page`. Raises ProcessNotFound, InvalidRequest."""
        with self._asking_of(process) as name:
            return self._dead.page(name, limit, cursor)

    @contextmanager
    def _asking_of(self, process: str) -> Iterator[str]:
        with asking():
            name = self._catalog.name_of(process)
            if not self._jobs.knows(name):
                raise ProcessNotFound(process)
            yield name

    def _untold_callbacks(self, stored: StoredJob) -> Mapping[str, Any]:
        """The callback URLs that nobody is told by a call, so that people find them somewhere."""
        job, calls = stored.job, {name: task.activity.call for name, task in stored.job.tasks.items() if task.awaited}
        untold = [name for name, call in calls.items() if isinstance(call, WaitCall) and not call.url]
        if not untold:
            return {}
        self._callbacks.learn()
        retries = stored.record.get("retries", "")
        return {"callbacks": {name: self._callbacks.url(job.process, job.key, job.uuid, name, retries) for name in untold}}

    # definitions that are registered while nodes run

    def register(self, dialect: str, kind: str, body: bytes) -> str:
        """Keep a definition, anew or in place of the one of its name: its id. Raises InvalidRequest, FieldErrors, DefinitionClash."""
        if self._health.refusal:
            raise StoreUnavailable(self._health.refusal)
        return self._registration.register(dialect, kind, body)

    def registered(self, dialect: str, kind: str) -> list[dict[str, Any]]:
        """All definitions of a kind, each with its id."""
        return self._registration.all(dialect, kind)

    def registered_one(self, dialect: str, kind: str, id: str) -> dict[str, Any]:
        """A definition with its id. Raises DefinitionNotFound."""
        return self._registration.one(dialect, kind, id)

    def unregister(self, dialect: str, kind: str, id: str) -> None:
        """Keep a definition no longer; its jobs go on. Raises DefinitionNotFound, DefinitionClash."""
        self._registration.unregister(dialect, kind, id)

    def picture(self, dialect: str, id: str, form: Literal["svg", "mermaid"]) -> str:
        """A definition that can be started, drawn. Raises DefinitionNotFound."""
        return self._registration.picture(dialect, id, form)

    # the node

    def status(self) -> dict[str, Any]:
        """`{"status": "ok", "redis", "processes"}`, where a job could be accepted now. Raises Draining."""
        if self._node.state != "running":
            raise Draining(self._node.name)
        self._ask(self._job_data, Ping(time.monotonic() + self._settings.accept_timeout_s))
        return {"status": "ok", "redis": place(self._settings.redis_url), "processes": self._catalog.names()}

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Whether requests are welcome here, and how the node is: see `NodeHealth.report`."""
        return self._node_health.report()

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

    # asking actors

    def _process(self, name: str) -> Process:
        """The process to start by that name or alias, also where another node has just had it registered. Raises ProcessNotFound."""
        try:
            return self._catalog.process(name)
        except ProcessNotFound:
            self._look_again()
            return self._catalog.process(name)

    def _of_dialect(self, name: str, dialect: str) -> Process:
        """As `_process`; it has to be of that dialect where one is named."""
        process = self._process(name)
        if dialect and process.dialect != dialect:
            raise ProcessNotFound(name)
        return process

    def _look_again(self) -> None:
        """Have the catalog as what is registered now; where Redis is slow it stays as it is, lest unknown names take up every thread."""
        is_patient = self._patient.acquire(blocking=False)
        try:
            self._refresh(LOOK_S if is_patient else HASTE_S)
        except StoreUnavailable:
            if self._catalog.registered is None:  # nobody knows what is registered
                raise
        finally:
            if is_patient:
                self._patient.release()

    def _refresh(self, timeout_s: float | None = None) -> int:
        """Have the catalog as what is registered now: the version of that."""
        return int(self._ask(self._process_catalog, Refresh(), timeout_s))

    def _run(self, script: str, names: Sequence[str], args: Sequence[str | int]) -> Any:
        return self._ask(self._job_data, Ask(script, names, args, time.monotonic() + self._settings.accept_timeout_s))

    def _run_all(self, script: str, calls: Sequence[Call]) -> list[Any]:
        give_up_at_s = time.monotonic() + self._settings.accept_timeout_s
        asks = tuple(Ask(script, names, args, give_up_at_s) for names, args in calls)
        return list(self._ask(self._job_data, AskAll(asks, give_up_at_s)))

    def _ask(self, actor: Address, message: Any, at_most_s: float | None = None) -> Any:
        timeout_s = min(self._settings.accept_timeout_s, at_most_s or self._settings.accept_timeout_s)
        try:
            answer = actor.ask(message, timeout=timeout_s)
        except Timeout:
            raise StoreUnavailable(f"redis has not answered within {timeout_s:g} s", silent=True) from None
        except Exit as gone:
            raise StoreUnavailable("the node is starting or stopping", silent=gone.reason != NoProc) from None
        if isinstance(answer, StoreUnavailable):
            raise answer
        return answer
