"""A fake engine behind the real application, and a real server on a free port."""

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import falcon.testing
import pytest

from cameron.config import Config, load
from cameron.core.status import Status
from cameron.definitions import Settings, dialects
from cameron.definitions.manner import Answer, Manner, Started
from cameron.errors import CameronError, InvalidRequest, JobNotFound, ProcessNotFound
from cameron.store.job_index import JobQuery
from cameron.web import create_app
from cameron.web.listener import Listener, listen

UUID = "0123456789abcdef0123456789abcdef"


class Brief:
    """A dialect of few words: its processes go by their aliases, its jobs have no keys, and a Location is a path."""

    dialect = "brief"
    start = "/brief/{id}"
    job = "/brief/{id}/{uuid}"
    located_by_path = True
    shows_record = False

    def process_of(self, fields: Mapping[str, str]) -> str:
        return fields["id"]

    def fields_of(self, process: str, alias: str, key: str, uuid: str) -> Mapping[str, str]:
        return {"id": alias, "uuid": uuid}

    def started(self, started: Started) -> Answer:
        return Answer(202, json.dumps({**started._asdict(), "ended": (started.ended or b"").decode()}).encode())

    def refused(self, error: CameronError, body: bytes | None) -> Answer | None:
        match error:
            case ProcessNotFound() | JobNotFound():
                return Answer(410, json.dumps([type(error).__name__, None if body is None else body.decode()]).encode())
            case InvalidRequest():
                return Answer(418, json.dumps([error.code, None if body is None else body.decode()]).encode())
        return None


@dataclass(frozen=True)
class FakeAccepted:
    process: str
    alias: str
    key: str
    uuid: str
    payload: str
    existing: bool
    accepted_ms: int = 1_795_225_034_532
    status: Status = Status.RUNNING


@dataclass(frozen=True)
class FakeCancelling:
    status: str


@dataclass
class FakeEngine:
    """Knows one process, `foo` alias `a/f`; `key` is what every job's key is; `failure` is raised by every method while it is set.

    A start with an `Idempotency-Key` that came before is that job. Of a batch becomes what `outcomes` say. `asked` has the arguments of
    every other call.
    A job has ended once it is looked at for the `looks_to_end`th time.
    """

    key: str = "(id,007)"
    failure: Exception | None = None
    started: list[tuple[str, bytes]] = field(default_factory=list)
    outcomes: list[FakeAccepted | CameronError] = field(default_factory=list)
    dialects: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    shown: dict[tuple[str, str, str], bytes] = field(default_factory=dict)
    entered: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event | None = None
    cancelled: str = "cancelled"
    retried: list[str] = field(default_factory=lambda: ["é", "b"])
    fit: bool = True
    looks_to_end: int = 1
    looks: list[tuple[str, str, str]] = field(default_factory=list)
    looked: threading.Event = field(default_factory=threading.Event)

    def manners(self) -> list[Manner]:
        return [*(dialect.manner for dialect in dialects(Settings()).values()), Brief()]

    def name_of(self, process: str) -> str:
        return "foo" if process == "a/f" else process

    def start(self, process: str, body: bytes, idempotency_key: str = "", dialect: str = "") -> FakeAccepted:
        self._perhaps_fail()
        self.dialects.append(dialect)
        self.entered.set()
        if self.go_on is not None:
            assert self.go_on.wait(10)
        self.started.append((process, body))
        if process not in ("foo", "a/f"):
            raise ProcessNotFound(process)
        existing = idempotency_key != "" and idempotency_key in self.tokens
        self.tokens.append(idempotency_key)
        return FakeAccepted("foo", "a/f", self.key, UUID, body.decode(errors="replace"), existing)

    def start_all(self, process: str, batch: bytes, idempotency_key: str = "", dialect: str = "") -> list[FakeAccepted | CameronError]:
        self._note(process, batch, idempotency_key, dialect)
        if process not in ("foo", "a/f"):
            raise ProcessNotFound(process)
        return self.outcomes

    def ended(self, process: str, key: str, uuid: str) -> bytes | None:
        self._perhaps_fail()
        self.looks.append((process, key, uuid))
        self.looked.set()
        return b'{"status": "done"}' if len(self.looks) >= self.looks_to_end else None

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

    def events(self, process: str, key: str, uuid: str, after: str, limit: int) -> dict[str, Any]:
        self._note(process, key, uuid, after, limit)
        accepted = {"id": "0-0", "time": "2026-11-21T00:47:00.000Z", "event": "job.accepted"}
        return {"process": process, "uuid": uuid, "key": key, "events": [accepted], "next": None, "dropped": False}

    def callback(self, process: str, key: str, uuid: str, task: str, token: str, body: bytes) -> None:
        self._note(process, key, uuid, task, token, body)

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

    def register(self, dialect: str, kind: str, body: bytes) -> str:
        self._note(dialect, kind, body)
        return UUID

    def registered(self, dialect: str, kind: str) -> list[dict[str, Any]]:
        self._note(dialect, kind)
        return [{"id": UUID, "name": "é"}]

    def registered_one(self, dialect: str, kind: str, id: str) -> dict[str, Any]:
        self._note(dialect, kind, id)
        return {"id": id, "name": "é"}

    def unregister(self, dialect: str, kind: str, id: str) -> None:
        self._note(dialect, kind, id)

    def picture(self, dialect: str, id: str, form: str) -> str:
        self._note(dialect, id, form)
        return f"{form} of é"

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
    listener = Listener(
        app, listen("127.0.0.1", 0), 4, config.web.max_body_bytes, 5.0, deaths.append, max_callback_bytes=config.http.max_reply_bytes
    )
    listener.start()
    yield listener.address[1]
    listener.stop()
    assert deaths == []
