"""The body of a start: what a test gives as data, as the clients of the process's dialect would send it."""

from typing import Any, NamedTuple

from cameron.core.process import Process
from cameron.core.strict_json import NotJson, compact
from cameron.definitions import Dialect, Given, JobRequest
from cameron.testing.errors import SimulationError

__tracebackhide__ = True


class Body(NamedTuple):
    """The body, and how the dialect has read it."""

    raw: bytes
    request: JobRequest


def whole_body(process: Process, dialect: Dialect, body: Any) -> Body:
    """The body that the test gives whole: bytes as they are, anything else as JSON. Raises what the dialect refuses it with."""
    raw = body if isinstance(body, bytes) else _json(body)
    return Body(raw, dialect.read_request(process, raw))


def body_of(process: Process, dialect: Dialect, key: str, data: Any, requestor: str) -> Body:
    """The body as the dialect's clients send these data. Raises what the dialect refuses them with."""
    _json(data)
    members = {"key": key, "data": data} | ({"requestor": requestor} if requestor else {})
    raw = dialect.start_body(Given(members, key))
    return Body(raw, dialect.read_request(process, raw))


def _json(value: Any) -> bytes:
    try:
        return compact(value).encode()
    except (NotJson, TypeError) as error:
        raise SimulationError(f"a job cannot be started with {value!r}: it is no JSON ({error})") from None
