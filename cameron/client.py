"""A client of the REST API, for Python programs.

client = Client("http://localhost:8080")
job = client.start("foo", key="(id,007)", data="any JSON value", requestor="bob")
for state in client.follow(job.location):
    print(state["status"]["current"])
"""

import json
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlencode, urlsplit

import requests

from cameron.errors import CameronError, ProcessNotFound, WrongUse

DEFAULT_URL: Final = "http://localhost:8080"
ENDED: Final = frozenset({"done", "error", "cancelled"})
NO_URL: Final = "{!r} is no URL: give one such as " + DEFAULT_URL
JSON_SPACE: Final = b" \t\n\r"
START_ONE: Final = "start one with `cameron serve`, or name another with --url or CAMERON_URL"
PATH_ALONE: Final = "that is where the LOCATION says; give the path alone to ask the one at --url"
SENT_AGAIN_AFTER_S: Final = (0.1, 0.4, 1.6)  # where a connection is lost and a second request does no harm


class ServerUnreachable(CameronError):
    """Nothing answers at the URL."""

    def __init__(self, url: str, why: str, mend: str = START_ONE) -> None:
        super().__init__(f"no Cameron answers at {url} ({why}): {mend}")
        self.url = url


class ConnectionLost(ServerUnreachable):
    """Nothing answers, or it went away before it had answered."""


class RequestFailed(CameronError):
    """The server answered, and refused; `status` is its HTTP status, `code` its word for the error ("" where it gave none)."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class StartedJob:
    """A job that was accepted: where it is to be found, and the request as the server read it."""

    location: str
    payload: str
    existing: bool = False  # an earlier request has started it
    ended: dict[str, Any] | None = None  # the job, where its end was waited for and came in time


class Client:
    """Talks to one Cameron, keeping its connection; for one thread. `timeout_s` bounds each request.

    Every method raises WrongUse for what cannot be sent, and so does the client itself for a URL that is none.
    """

    def __init__(self, base_url: str = DEFAULT_URL, timeout_s: float = 30.0) -> None:
        if not _is_url(base_url):
            raise WrongUse(NO_URL.format(base_url))
        self.base_url = base_url.rstrip("/")
        self._timeout_s = timeout_s
        self._session = requests.Session()
        self._session.trust_env = not _is_loopback(self.base_url)  # a company's proxy cannot reach this machine's localhost

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._session.close()

    def start(
        self, process: str, key: str | None, data: Any, requestor: str, idempotency_key: str | None = None, wait_s: float = 0.0
    ) -> StartedJob:
        """Start a job; `data` is any JSON value, `key` None where the process needs none.

        Raises ServerUnreachable or RequestFailed (404: no such process).

        With `wait_s` the answer comes when the job has ended, or after so many seconds, or at once where too many wait; see `ended`.

        A request that broke off without an answer may have been accepted. With an `idempotency_key` (a UUID does well; the server
        keeps it for a day) it is sent again a few times, and starts one job however often it arrives; without one it is not.
        """
        body = {"key": key, "data": data, "requestor": requestor} if key is not None else {"data": data, "requestor": requestor}
        return self.start_with(process, body, idempotency_key, wait_s)

    def start_with(
        self, process: str, body: bytes | Mapping[str, Any], idempotency_key: str | None = None, wait_s: float = 0.0
    ) -> StartedJob:
        """As `start`, for a process that takes no key and data: with the whole body, bytes as they are, anything else as JSON."""
        whole = body if isinstance(body, bytes) else _as_json(body)
        if whole.lstrip(JSON_SPACE).startswith(b"["):  # the answer is told as that of one start
            raise WrongUse("an array starts many jobs: send one of its objects, or all of them with Client.start_all")
        answer = self._post_start(process, whole, idempotency_key, wait_s)
        if answer.status_code not in (200, 201) or "Location" not in answer.headers:
            raise _refusal(answer)
        told = _object(answer)
        return StartedJob(answer.headers["Location"], str(told.get("payload", "")), answer.status_code == 200, told.get("job"))

    def start_all(
        self, process: str, bodies: Sequence[Mapping[str, Any]], idempotency_key: str | None = None
    ) -> list[StartedJob | RequestFailed]:
        """Start a job with each of these whole bodies, 1 to 1000 of them, by one request; in their order the jobs, or why there is none.

        Raises as `start` does, where nothing is known of any. What is said there of an `idempotency_key` holds for the whole batch.
        """
        texts = [_as_json(body) for body in bodies]
        answer = self._post_start(process, b"[" + b",".join(texts) + b"]", idempotency_key)
        jobs = _document(answer, "jobs", (200,))["jobs"]
        return [_started(job, text.decode()) for job, text in zip(jobs, texts, strict=True)]

    def job(self, location: str) -> dict[str, Any]:
        """All that has happened in a job so far, as its dialect shows it. Raises ServerUnreachable or RequestFailed (404: no such job)."""
        return self._ask("GET", self._job(location), "status")

    def explain(self, location: str) -> dict[str, Any]:
        """Why the job is where it is: `state`, a `sentence` for people, and more, see the README. Raises as `job` does."""
        return self._ask("GET", self._job(location) + "/explain", "sentence")

    def cancel(self, location: str) -> str:
        """End a job: `cancelled`, or `cancelling` where its node was told. Raises as `job` does (409: it has ended otherwise)."""
        return str(self._ask("POST", self._job(location) + "/cancel", "status")["status"])

    def retry(self, location: str) -> list[str]:
        """Run a job that has ended again; the names of the tasks that will run. Raises as `job` does (409: it cannot be)."""
        return list(self._ask("POST", self._job(location) + "/retry", "tasks")["tasks"])

    def jobs(
        self,
        process: str,
        statuses: Collection[str] = (),
        key: str | None = None,
        since: str | None = None,
        until: str | None = None,
        page: int = 100,
    ) -> Iterator[dict[str, Any]]:
        """The jobs of a process, newest first, in pages of at most `page` (1 to 1000): `{"counts", "jobs", "next"}`, see the README.

        Of any of these statuses, of this key, come to their status from `since` on and before `until` (RFC 3339); None asks
        nothing. Raises ServerUnreachable or RequestFailed.
        """
        asked = {"status": ",".join(statuses) if statuses else None, "key": key, "since": since, "until": until}
        return self._pages(self._process(process, "jobs"), asked | {"limit": str(page)})

    def dead(self, process: str, page: int = 100) -> Iterator[dict[str, Any]]:
        """The dead letter of a process, newest first, in pages of at most `page`: `{"jobs", "next"}`. Raises as `jobs` does."""
        return self._pages(self._process(process, "dead"), {"limit": str(page)})

    def nodes(self) -> list[dict[str, Any]]:
        """The nodes that share the work, see the README. Raises ServerUnreachable or RequestFailed."""
        return list(self._ask("GET", f"{self.base_url}/api/system/nodes", "nodes")["nodes"])

    def drain(self, node: str, resume: bool = False) -> dict[str, Any]:
        """Have a node stop running jobs, or `resume`; `nodes` shows how far it is. Raises as `nodes` does (404: no such node)."""
        verb = "resume" if resume else "drain"
        return self._ask("POST", f"{self.base_url}/api/system/nodes/{quote(node, safe='')}/{verb}", "state")

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Whether the node is fit to take requests, and how it and its Redis are. Raises ServerUnreachable or RequestFailed."""
        answer = self._send("GET", f"{self.base_url}/health")
        return answer.status_code == 200, _document(answer, "problems", (200, 503))

    def processes(self) -> list[str]:
        """The names of the node's processes. Raises ServerUnreachable or RequestFailed (503: it is not fit to take requests)."""
        return list(self._ask("GET", f"{self.base_url}/status", "processes")["processes"])

    def tree(self, limit: int | None = None) -> dict[str, Any]:
        """The node's supervision tree, see the README; at most `limit` runners in it. Raises ServerUnreachable or RequestFailed."""
        return self._ask("GET", f"{self.base_url}/api/system/tree" + ("" if limit is None else f"?limit={limit}"), "tree")

    def events(self, location: str, after: str = "") -> Iterator[dict[str, Any]]:
        """What has happened in a job and what was decided, in order: `{"id", "time", "event", ...}`, see the README.

        After those of that id; "": from the first one that is kept. Raises as `job` does.
        """
        for page in self.event_pages(location, after):
            yield from page["events"]

    def event_pages(self, location: str, after: str = "", follow: bool = False, poll_s: float = 0.25) -> Iterator[dict[str, Any]]:
        """As `events`, in pages as the server gives them: `{"events", "next", "dropped"}`; dropped: there were some before these.

        To `follow` is to look for further ones every `poll_s` seconds, until the job has ended: by its last event, or where there are
        no new ones, by what `explain` says. Raises as `job` does.
        """
        has_ended, last = False, ""
        while True:
            page = self._ask("GET", f"{self._job(location)}/events" + (f"?{urlencode({'after': after})}" if after else ""), "events")
            yield page
            events = page["events"]
            if events:
                after, last = events[-1]["id"], events[-1]["event"]
            if page["next"]:
                continue
            if not follow or has_ended or last == "job.ended":
                return
            time.sleep(poll_s)
            has_ended = not events and self.explain(location)["status"] in ENDED  # then those that came meanwhile are left to tell

    def follow(self, location: str, poll_s: float = 0.1) -> Iterator[dict[str, Any]]:
        """The job as `job` has it, now and after each change, looked at every `poll_s` seconds; the last one has ended.

        Whether it has is asked of `explain`, which is the same for jobs of all dialects. Raises as `job` does.
        """
        last: dict[str, Any] | None = None
        while True:
            has_ended = self.explain(location)["status"] in ENDED  # asked first: a job that has ended changes no more
            job = self.job(location)
            if job != last:
                yield job
            if has_ended:
                return
            last = job
            time.sleep(poll_s)

    def _post_start(self, process: str, body: bytes, idempotency_key: str | None, wait_s: float = 0.0) -> requests.Response:
        """Whatever is answered, but for an unknown process."""
        if idempotency_key is not None and not _fits_a_header(idempotency_key):
            raise WrongUse(f"the idempotency key {idempotency_key!r} must be 1 to 255 printable ASCII characters: a UUID does well")
        answer = self._send(
            "POST",
            self._process(process, "start") + (f"?wait={wait_s:.3f}" if wait_s else ""),
            body,
            headers={} if idempotency_key is None else {"Idempotency-Key": idempotency_key},
            pauses_s=() if idempotency_key is None else SENT_AGAIN_AFTER_S,
            wait_s=wait_s,
        )
        if answer.status_code == 404 and "payload" in _object(answer):
            raise RequestFailed(404, "process_not_found", str(ProcessNotFound(process)))
        return answer

    def _process(self, process: str, what: str) -> str:
        return f"{self.base_url}/api/process/{quote(process, safe='')}/{what}"

    def _job(self, location: str) -> str:
        """A location may be a whole URL, as the start gives it, or a path, as a list does."""
        return location if "://" in location else self.base_url + "/" + location.lstrip("/")

    def _pages(self, url: str, asked: Mapping[str, str | None]) -> Iterator[dict[str, Any]]:
        query = {name: value for name, value in asked.items() if value is not None}
        while True:
            page = self._ask("GET", f"{url}?{urlencode(query)}", "jobs")
            yield page
            if not page.get("next"):
                return
            query["cursor"] = str(page["next"])

    def _ask(self, method: str, url: str, field: str) -> dict[str, Any]:
        return _document(self._send(method, url), field, (200, 202))

    def _send(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        pauses_s: tuple[float, ...] = (),
        wait_s: float = 0.0,
    ) -> requests.Response:
        """The answer; a request whose connection is lost is sent again after each of the pauses. The server may take `wait_s` longer."""
        for pause_s in pauses_s:
            try:
                return self._send_once(method, url, body, headers, self._timeout_s + wait_s)
            except ConnectionLost:
                time.sleep(pause_s)
        return self._send_once(method, url, body, headers, self._timeout_s + wait_s)

    def _send_once(self, method: str, url: str, body: bytes | None, headers: dict[str, str] | None, timeout_s: float) -> requests.Response:
        if body is not None:
            headers = {"Content-Type": "application/json", **(headers or {})}
        try:
            return self._session.request(method, url, data=body, headers=headers, timeout=timeout_s, allow_redirects=False)
        except requests.exceptions.Timeout as error:
            raise ServerUnreachable(_origin(url), f"no answer within {timeout_s:g} s") from error
        except (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            mend = START_ONE if _origin(url) == _origin(self.base_url) else PATH_ALONE
            raise ConnectionLost(_origin(url), _why(error), mend) from error
        except (requests.exceptions.RequestException, ValueError) as error:
            raise WrongUse(NO_URL.format(url)) from error


def _as_json(document: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(dict(document), allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise WrongUse(f"the data cannot be written as JSON ({error}): send what json.dumps takes, without NaN") from error


def _object(answer: requests.Response) -> dict[str, Any]:
    """The answer's JSON object; an empty one where it is anything else."""
    try:
        found = answer.json()
    except requests.exceptions.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _document(answer: requests.Response, field: str, fine: Collection[int]) -> dict[str, Any]:
    """The JSON object that was answered, which has that field; anything else is a refusal, or no Cameron's answer."""
    document = _object(answer)
    if answer.status_code not in fine or field not in document:
        raise _refusal(answer)
    return document


def _started(told: Mapping[str, Any], payload: str) -> StartedJob | RequestFailed:
    """What became of one body of a batch."""
    if "error" in told:
        return RequestFailed(told["status"], told["error"]["code"], told["error"]["message"])
    return StartedJob(told["location"], payload, told["status"] == 200)


def _refusal(answer: requests.Response) -> RequestFailed:
    """What the server refused, in its words: each dialect has a form of its own for them."""
    status = answer.status_code
    match _object(answer):
        case {"error": {**error}}:
            return RequestFailed(status, str(error.get("code", "")), str(error.get("message", answer.reason)))
        case {"error": str(text)} | {"message": str(text)} if text and status >= 400:
            return RequestFailed(status, "", text)
    return RequestFailed(status, "", f"{answer.url} answered {status} {answer.reason}, not as a Cameron does: check the URL")


def _fits_a_header(text: str) -> bool:
    return 0 < len(text) <= 255 and text.isascii() and text.isprintable() and text == text.strip()


def _why(error: BaseException) -> str:
    """The innermost cause in a few words; requests wraps it four times."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, requests.exceptions.RequestException):
            return cause.strerror.lower()
        inner = cause.args[0] if cause.args and isinstance(cause.args[0], BaseException) else None
        cause = inner or getattr(cause, "reason", None) or cause.__cause__ or cause.__context__
    return "the connection failed"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
