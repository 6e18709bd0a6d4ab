"""A fake engine behind the real application, and a real server on a free port."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import falcon.testing
import pytest

from cameron.config import Config, load
from cameron.errors import JobNotFound, ProcessNotFound
from cameron.web import create_app
from cameron.web.listener import Listener, listen

UUID = "0123456789abcdef0123456789abcdef"


@dataclass(frozen=True)
class FakeAccepted:
    process: str
    key: str
    uuid: str
    payload: str


@dataclass
class FakeEngine:
    """Knows one process, `foo`; `key` is what every job's key is; `failure` is raised by every method while it is set."""

    key: str = "(id,007)"
    failure: Exception | None = None
    started: list[tuple[str, bytes]] = field(default_factory=list)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    jobs: dict[tuple[str, str, str], bytes] = field(default_factory=dict)
    entered: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event | None = None

    def start(self, process: str, body: bytes) -> FakeAccepted:
        self._perhaps_fail()
        self.entered.set()
        if self.go_on is not None:
            assert self.go_on.wait(10)
        self.started.append((process, body))
        if process != "foo":
            raise ProcessNotFound(process)
        return FakeAccepted(process, self.key, UUID, body.decode(errors="replace"))

    def get(self, process: str, key: str, uuid: str) -> bytes:
        self._perhaps_fail()
        self.asked.append((process, key, uuid))
        if (process, key, uuid) not in self.jobs:
            raise JobNotFound(process, uuid)
        return self.jobs[process, key, uuid]

    def status(self) -> dict[str, Any]:
        self._perhaps_fail()
        return {"status": "ok", "node": "a"}

    def tree(self, limit: int) -> dict[str, Any]:
        self._perhaps_fail()
        return {"node": "a", "tree": {"name": "root"}, "zombies": [], "limit": limit}

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
