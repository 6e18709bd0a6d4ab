"""What a stub may answer, where a plain value does not say it.

stubs={"charge": [TemporaryFailure("busy"), Lasts(3.0, {"paid": True})], "approve": CalledBack({"data": "yes"}, after_s=3600)}
"""

from typing import Any, NamedTuple


class Replied(NamedTuple):
    """A service's reply. Bytes and text are sent as they are, any other body as JSON."""

    status: int = 200
    body: Any = b""
    retry_after: str = ""  # the header


class Returned(NamedTuple):
    """The value itself, also where it looks like something else: a list, say, which else has an answer for each attempt."""

    value: Any = None


class Exited(NamedTuple):
    """How a program has ended. Bytes and text are written as they are, anything else as JSON."""

    status: int = 0  # its exit code, negative: minus the signal that ended it
    stdout: Any = b""
    stderr: Any = b""


class FailedWith(NamedTuple):
    """A failure of a kind that retry policies know, such as `refused`, `unknown_host`, `timeout` or `crashed`."""

    kind: str
    text: str = ""


class CalledBack(NamedTuple):
    """Somebody POSTs the body to the task's callback URL, so long after the call, which itself is replied to at once."""

    body: Any
    after_s: float = 0.0
    replied: Replied = Replied(202, {})  # by the service that was called, if one is


class NoCallback(NamedTuple):
    """The call is replied to with a 202, and then nobody calls back."""


class Real(NamedTuple):
    """A Python activity is run, as it is without a stub: for one attempt among several, or together with `Lasts`."""


class Lasts(NamedTuple):
    """The attempt takes so long in simulated seconds, and then is answered so; what takes longer than it may is a timeout."""

    seconds: float
    answer: Any = None
