"""A job as a client and an operator see it: its Location, its GET, its hash in Redis and its error keys."""

import re
from typing import Any
from urllib.parse import unquote, urlsplit

import requests

from .waiting import eventually

ENDED = {"done", "error", "cancelled"}
LOCATION = re.compile(r"^/api/process/(?P<process>[^/]+)/key/(?P<key>[^/]+)/job/(?P<uuid>[0-9a-f]{32})$")


class Job:
    """One accepted job; every look is a fresh one."""

    def __init__(self, location: str, http: requests.Session, store: Any) -> None:
        parts = LOCATION.match(urlsplit(location).path)
        assert parts, f"not the Location of a job: {location!r}"
        self.location = location
        self.process, self.key, self.uuid = (unquote(part) for part in parts.groups())
        self._http = http
        self._store = store

    @property
    def hash_key(self) -> str:
        """The documented key of its hash."""
        return f"cameron:process:{self.process}:key:{self.key}:job:{self.uuid}"

    def hash(self) -> dict[str, str]:
        """The hash as Redis holds it now."""
        return dict(self._store.hgetall(self.hash_key))

    def field(self, name: str) -> str | None:
        """One field of the hash."""
        found: str | None = self._store.hget(self.hash_key, name)
        return found

    def error(self, task: str) -> str | None:
        """What the task's `:error` key holds."""
        found: str | None = self._store.get(f"{self.hash_key}:{task}:error")
        return found

    def keys(self) -> set[str]:
        """Every documented key of this job."""
        return {key for key in self._store.scan_iter("cameron:process:*", count=1000) if f":job:{self.uuid}" in key}

    def view(self) -> dict[str, Any]:
        """The answer to GET on the Location."""
        answer = self._http.get(self.location, timeout=30)
        assert answer.status_code == 200, f"GET {self.location}: {answer.status_code} {answer.text[:500]}"
        assert answer.headers["Content-Type"].startswith("application/json")
        return dict(answer.json())

    def verb(self, name: str) -> requests.Response:
        """POST to one of its verbs: `cancel` or `retry`. From any thread."""
        return requests.post(f"{self.location}/{name}", timeout=30)

    def explained(self) -> dict[str, Any]:
        """The answer to GET on its explanation."""
        answer = self._http.get(f"{self.location}/explain", timeout=30)
        assert answer.status_code == 200, f"{answer.status_code} {answer.text[:500]}"
        return dict(answer.json())

    def told(self, *words: str, timeout_s: float = 60.0) -> str:
        """The sentence of its explanation, once all of these words are in it."""
        said = ""

        def look() -> bool:
            nonlocal said
            said = self.explained()["sentence"]
            return all(word in said for word in words)

        try:
            eventually(look, "the explanation", timeout_s, every_s=0.1)
        except AssertionError:
            raise AssertionError(f"not all of {words} are in {said!r}") from None
        return said

    def statuses(self) -> dict[str, str]:
        """The current status of each task."""
        return {name: task["status"]["current"] for name, task in self.tasks().items()}

    def tasks(self) -> dict[str, Any]:
        """The tasks of GET by name."""
        return {task["name"]: task for task in self.view()["tasks"]}

    @property
    def status(self) -> str | None:
        """`job.status.current`."""
        return self.field("job.status.current")

    def ended(self, timeout_s: float = 60.0) -> "Job":
        """Wait until the job has ended, in whatever way."""
        eventually(lambda: self.status in ENDED, f"job {self.key!r} {self.uuid} to end, now {self.hash()!r:.1500}", timeout_s)
        return self

    def done(self, timeout_s: float = 60.0) -> "Job":
        """Wait until the job has ended, and well."""
        self.ended(timeout_s)
        assert self.status == "done", self.hash()
        return self
