"""The one door to the engine, for the web API and for programs that embed it. The only place that asks actors and waits for an answer."""

import time
import uuid
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, NamedTuple

from pykka import Timeout

from cameron.clock import Clock
from cameron.errors import JobNotFound, StoreUnavailable
from cameron.job_data import Accept, Ping
from cameron.job_ledger import entry_fields
from cameron.otp import Address, Exit, tree_of, zombies
from cameron.process_catalog import Catalog
from cameron.store import keys
from cameron.store.redis import StoreAway, StoreError, place, reader

RIDES_ALONG = 4096  # bytes of a request that go into the queue's entry too, which saves its runner three reads


class Accepted(NamedTuple):
    """A job that is safe in Redis."""

    process: str
    key: str
    uuid: str
    payload: str  # the request's body as text


class Engine:
    """For any thread."""

    def __init__(
        self,
        catalog: Catalog,
        clock: Clock,
        redis_url: str,
        redis_timeout_s: float,
        accept_timeout_s: float,
        node_name: Callable[[], str] = str,
    ) -> None:
        self._catalog, self._clock, self._node_name = catalog, clock, node_name
        self._url = redis_url
        self._redis: Any = reader(redis_url, redis_timeout_s)
        self._accept_timeout_s = accept_timeout_s
        self._job_data, self._root = Address("job_data"), Address("root")

    def start(self, process: str, body: bytes) -> Accepted:
        """Accept a job of that process; it is in Redis when this returns.

        Raises ProcessNotFound, InvalidRequest, and StoreUnavailable where Redis does not answer in time.
        """
        definition = self._catalog.process(process)
        dialect = self._catalog.dialect(definition)
        request = dialect.read_request(definition, body)
        job = uuid.uuid4().hex
        deadline = str(self._clock.now_ms() + int(definition.limits.timeout_s * 1000))
        text = body.decode("utf-8")
        fields = dialect.accepted(request, self._clock.stamp())
        record = ["request", text, "definition", definition.digest, "deadline", deadline]
        entry = entry_fields(process, request.key, job)
        if len(body) <= RIDES_ALONG:
            entry += record
        args = [str(len(fields)), *fields, str(len(record)), *record, *entry]
        names = (dialect.job_key(process, request.key, job), keys.record(process, job), keys.queue(process))
        self._ask_job_data(Accept(names, args, time.monotonic() + self._accept_timeout_s))
        return Accepted(process, request.key, job, text)

    def _ask_job_data(self, message: Accept | Ping) -> None:
        try:
            refusal = self._job_data.ask(message, timeout=self._accept_timeout_s)
        except Timeout:
            raise StoreUnavailable(f"redis has not answered within {self._accept_timeout_s:g} s") from None
        except Exit:
            raise StoreUnavailable("the node is starting or stopping") from None
        if refusal is not None:
            raise refusal

    def get(self, process: str, key: str, uuid: str) -> bytes:
        """A job with all that has happened so far, as the JSON document of its dialect. Raises JobNotFound, StoreUnavailable."""
        # A process that is in no definitions file any more still has its finished jobs; they read as the main dialect's do.
        dialect = self._catalog.dialect_of(process)
        try:
            fields = self._redis.hgetall(dialect.job_key(process, key, uuid))
        except (*StoreAway, StoreError) as error:
            raise StoreUnavailable(f"redis does not answer: {error}") from None
        if not fields:
            raise JobNotFound(process, uuid)
        return dialect.show(process, key, uuid, fields)

    def status(self) -> dict[str, Any]:
        """`{"status": "ok", "redis", "processes"}`. Raises StoreUnavailable where no job could be accepted now."""
        self._ask_job_data(Ping(time.monotonic() + self._accept_timeout_s))
        return {"status": "ok", "redis": place(self._url), "processes": self._catalog.names()}

    def tree(self, limit: int | None = None) -> dict[str, Any]:
        """This node's supervision tree as it is now: `{"node", "tree", "zombies"}`; `tree` has the fields of `otp.TreeNode`.

        Nobody is asked, so it also shows actors that are stuck. Of runners it has the `limit` oldest (None: all), and how many `more`
        there are. `zombies`: killed actors whose thread has not come back. Raises StoreUnavailable where there is no tree.
        """
        root = self._root.ref()
        if root is None:
            raise StoreUnavailable("the node is starting or stopping")
        return {"node": self._node_name(), "tree": asdict(tree_of(root, limit)), "zombies": list(map(str, zombies()))}
