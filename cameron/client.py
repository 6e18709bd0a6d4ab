"""A client of the REST API, for Python programs.

client = Client("http://localhost:8080")
job = client.start("foo", key="(id,007)", data="any JSON value", requestor="bob")
for state in client.follow(job.location):
    print(state["status"]["current"])
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit

import requests

from cameron.errors import CameronError

DEFAULT_URL: Final = "http://localhost:8080"
ENDED: Final = frozenset({"done", "error", "cancelled"})


class ServerUnreachable(CameronError):
    """Nothing answers at the URL."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(f"no Cameron answers at {url} ({why}): start one with `cameron serve`, or name another with --url or CAMERON_URL")
        self.url = url


class RequestFailed(CameronError):
    """The server answered, and refused; `status` is its HTTP status, `code` its word for the error ("" where it gave none)."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Job:
    """A job that was accepted: where it is to be found, and the request as the server read it."""

    location: str
    payload: str


class Client:
    """Talks to one Cameron, keeping its connection; for one thread. `timeout_s` bounds each request."""

    def __init__(self, base_url: str = DEFAULT_URL, timeout_s: float = 30.0) -> None:
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

    def start(self, process: str, key: str, data: Any, requestor: str) -> Job:
        """Start a job; `data` is any JSON value. Raises ServerUnreachable or RequestFailed (404: no such process).

        A request that broke off without an answer may have been accepted: starting again may then start a second job.
        """
        url = f"{self.base_url}/api/process/{quote(process, safe='')}/start"
        answer = self._send("POST", url, json={"key": key, "data": data, "requestor": requestor})
        if answer.status_code == 404 and "payload" in _object(answer):
            raise RequestFailed(404, "process_not_found", f"there is no process named {process!r}: `cameron check` lists those there are")
        if answer.status_code != 201 or "Location" not in answer.headers:
            raise _refusal(answer)
        return Job(answer.headers["Location"], str(_object(answer).get("payload", "")))

    def job(self, location: str) -> dict[str, Any]:
        """Everything that has happened in a job so far. Raises ServerUnreachable or RequestFailed (404: no such job)."""
        answer = self._send("GET", location if "://" in location else self.base_url + "/" + location.lstrip("/"))
        job = _object(answer)
        if answer.status_code != 200 or "status" not in job:
            raise _refusal(answer)
        return job

    def tree(self, limit: int | None = None) -> dict[str, Any]:
        """The node's supervision tree, see the README; at most `limit` runners in it. Raises ServerUnreachable or RequestFailed."""
        answer = self._send("GET", f"{self.base_url}/api/system/tree" + ("" if limit is None else f"?limit={limit}"))
        tree = _object(answer)
        if answer.status_code != 200 or "tree" not in tree:
            raise _refusal(answer)
        return tree

    def follow(self, location: str, poll_s: float = 0.1) -> Iterator[dict[str, Any]]:
        """The job now and after each change, looked at every `poll_s` seconds; the last one has ended. Raises as `job` does."""
        last: dict[str, Any] | None = None
        while True:
            job = self.job(location)
            if job != last:
                yield job
            if job["status"]["current"] in ENDED:
                return
            last = job
            time.sleep(poll_s)

    def _send(self, method: str, url: str, json: Any = None) -> requests.Response:
        try:
            return self._session.request(method, url, json=json, timeout=self._timeout_s, allow_redirects=False)
        except requests.exceptions.InvalidJSONError as error:
            raise CameronError(f"the data cannot be written as JSON ({error}): send what json.dumps takes, without NaN") from error
        except requests.exceptions.Timeout as error:
            raise ServerUnreachable(_origin(url), f"no answer within {self._timeout_s:g} s") from error
        except requests.exceptions.ConnectionError as error:
            raise ServerUnreachable(_origin(url), _why(error)) from error
        except (requests.exceptions.RequestException, ValueError) as error:
            raise CameronError(f"{url!r} cannot be asked ({error}): give a URL such as {DEFAULT_URL}") from error


def _object(answer: requests.Response) -> dict[str, Any]:
    """The answer's JSON object; an empty one where it is anything else."""
    try:
        found = answer.json()
    except requests.exceptions.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _refusal(answer: requests.Response) -> RequestFailed:
    error = _object(answer).get("error")
    if isinstance(error, dict):
        return RequestFailed(answer.status_code, str(error.get("code", "")), str(error.get("message", answer.reason)))
    text = f"{answer.url} answered {answer.status_code} {answer.reason}, not as a Cameron does: check the URL"
    return RequestFailed(answer.status_code, "", text)


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


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
