"""A Cameron node as people run it: `cameron serve` in a process of its own, reached over HTTP."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import redis
import requests

from .job import Job
from .port import free_port
from .program import Program
from .waiting import eventually

INSTALLED = Path(sys.executable).parent / "cameron"
CAMERON = [str(INSTALLED)] if INSTALLED.exists() else [sys.executable, "-m", "cameron"]


def definitions(processes: Mapping[str, str], options: Mapping[str, str] | None = None) -> str:
    """A definitions file in Erlang terms, laid out as in the document; `options` are more of them for some, such as `{max_jobs, 1}`."""
    rows = []
    for name, url in processes.items():
        start = f'{{start_activity_url, "{url}"}}'
        rows.append(f"{{{name}, [{start}, {options[name]}]}}" if options and name in options else f"{{{name}, {start}}}")
    return "{processes, [" + ",\n             ".join(rows) + "]}.\n"


class Node(Program):
    """One node; it can be ended and started again with the same port, definitions and Redis."""

    def __init__(
        self, folder: Path, redis_url: str, processes: Mapping[str, str] | str, settings: Mapping[str, str] | None = None, port: int = 0
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.file = folder / "processes.config"
        self.file.write_text(processes if isinstance(processes, str) else definitions(processes), encoding="utf-8")
        settings = {
            "CAMERON_REDIS_URL": redis_url,
            "CAMERON_WEB_PORT": str(self.port),
            "CAMERON_PROCESSES_FILE": str(self.file),
            "CAMERON_RETRY_DELAY_S": "0.05",
            **(settings or {}),
        }
        super().__init__("cameron", folder, [*CAMERON, "serve", "--env", "test"], settings)
        self.http = requests.Session()
        self.http.trust_env = False
        self.store: Any = redis.Redis.from_url(redis_url, decode_responses=True)

    def start(self, timeout_s: float = 60.0) -> "Node":
        """Start it and wait until `GET /status` answers 200."""
        self.launch()
        eventually(self.healthy, f"the node to answer on {self.url}/status", timeout_s, every_s=0.05)
        return self

    def stop(self) -> None:
        """End it where it still runs; what it leaves behind is not of interest any more."""
        self.kill()
        self.http.close()
        self.store.close()

    def healthy(self) -> bool:
        """Whether `GET /status` answers 200; an ended node fails the test, with its output."""
        assert self.running, f"the node ended with status {self.exited}:\n{self.output()[-4000:]}"
        try:
            return self.http.get(f"{self.url}/status", timeout=10).status_code == 200
        except requests.RequestException:
            return False

    def get(self, path: str, **options: Any) -> requests.Response:
        """GET a path of this node."""
        return self.http.get(self.url + path, timeout=30, **options)

    def post(self, path: str, body: bytes | str, **options: Any) -> requests.Response:
        """POST a raw body to a path of this node."""
        raw = body.encode() if isinstance(body, str) else body
        options.setdefault("headers", {"Content-Type": "application/json"})
        return self.http.post(self.url + path, data=raw, timeout=30, **options)

    def job(self, process: str, payload: Mapping[str, Any]) -> Job:
        """Start a job that is to be accepted."""
        answer = self.http.post(f"{self.url}/api/process/{process}/start", json=payload, timeout=30)
        assert answer.status_code == 201, f"{answer.status_code}: {answer.text[:2000]}"
        return self.at(answer.headers["Location"])

    def at(self, location: str) -> Job:
        """The job of a Location."""
        return Job(location, self.http, self.store)
