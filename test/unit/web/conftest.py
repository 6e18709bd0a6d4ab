"""A fake engine behind the real application, and a real server on a free port."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import falcon.testing
import pytest

from cameron.config import Config, load
from cameron.errors import JobNotFound, ProcessNotFound
from cameron.store.job_index import JobQuery
from cameron.web import create_app
from cameron.web.listener import Listener, listen

UUID = "0123456789abcdef0123456789abcdef"


@dataclass(frozen=True)
class FakeAccepted:
    process: str
    key: str
    uuid: str
    payload: str
    existing: bool


@dataclass(frozen=True)
class FakeCancelling:
    status: str


@dataclass
class FakeEngine:
    """Knows one process, `foo`; `key` is what every job's key is; `failure` is raised by every method while it is set.

    A start with an `Idempotency-Key` that came before is that job. `asked` has the arguments of every other call.
    """

    key: str = "(id,007)"
    failure: Exception | None = None
    started: list[tuple[str, bytes]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    shown: dict[tuple[str, str, str], bytes] = field(default_factory=dict)
    entered: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event | None = None
    cancelled: str = "cancelled"
    retried: list[str] = field(default_factory=lambda: ["é", "b"])
    fit: bool = True

    def start(self, process: str, body: bytes, idempotency_key: str = "") -> FakeAccepted:
        self._perhaps_fail()
        self.entered.set()
        if self.go_on is not None:
            assert self.go_on.wait(10)
        self.started.append((process, body))
        if process != "foo":
            raise ProcessNotFound(process)
        existing = idempotency_key != "" and idempotency_key in self.tokens
        self.tokens.append(idempotency_key)
        return FakeAccepted(process, self.key, UUID, body.decode(errors="replace"), existing)

    def get(self, process: str, key: str, uuid: str) -> bytes:
        self._perhaps_fail()
        self.asked.append((process, key, uuid))
        if (process, key, uuid) not in self.shown:
            raise JobNotFound(process, uuid)
        return self.shown[process, key, uuid]

    def cancel(self, process: str, key: str, uuid: str) -> FakeCancelling:
        self._note(process, key, uuid)
        return FakeCancelling(self.cancelled)

    def retry(self, process: str, key: str, uuid: str) -> list[str]:
        self._note(process, key, uuid)
        return self.retried

    def explain(self, process: str, key: str, uuid: str) -> dict[str, Any]:
        self._note(process, key, uuid)
        return {"process": process, "uuid": uuid, "key": key, "state": "queued", "sentence": "It waits."}

    def jobs(self, process: str, query: JobQuery) -> dict[str, Any]:
        self._note(process, query)
        return {"process": process, "counts": {"done": 1}, "jobs": [{"uuid": UUID, "key": self.key, "status": "done"}], "next": "c"}

    def dead(self, process: str, limit: int, cursor: str) -> dict[str, Any]:
        self._note(process, limit, cursor)
        return {"process": process, "jobs": [{"uuid": UUID, "key": self.key, "task": "", "crashes": 5}], "next": None}

    def nodes(self) -> dict[str, Any]:
        self._perhaps_fail()
        return {"nodes": [{"node": "a", "state": "running"}]}

    def drain(self, node: str, resume: bool = False) -> dict[str, Any]:
        self._note(node, resume)
        return {"node": node, "state": "running" if resume else "draining"}

    def health(self) -> tuple[bool, dict[str, Any]]:
        self._perhaps_fail()
        return self.fit, {"status": "ok" if self.fit else "degraded", "node": "a", "problems": []}

    def status(self) -> dict[str, Any]:
        self._perhaps_fail()
        return {"status": "ok", "node": "a"}

    def tree(self, limit: int) -> dict[str, Any]:
        self._perhaps_fail()
        return {"node": "a", "tree": {"name": "root"}, "zombies": [], "limit": limit}

    def _note(self, *arguments: Any) -> None:
        self._perhaps_fail()
        self.asked.append(arguments)

    def _perhaps_fail(self) -> None:
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def config() -> Config:
    return load("test", {"CAMERON_WEB_MAX_BODY_BYTES": "1000"})


@pytest.fixture
def app(engine: FakeEngine, config: Config) -> Any:
    return create_app(engine, config)


@pytest.fixture
def client(app: Any) -> falcon.testing.TestClient:
    return falcon.testing.TestClient(app)


@pytest.fixture
def port(app: Any, config: Config) -> Iterator[int]:
    """The application on a real listener with 4 threads."""
    deaths: list[BaseException] = []
    listener = Listener(app, listen("127.0.0.1", 0), 4, config.web.max_body_bytes, 5.0, deaths.append)
    listener.start()
    yield listener.address[1]
    listener.stop()
    assert deaths == []
