"""The words of those who perform activities: a Call or a CommandRun goes in, a Reply comes out; nothing here knows jobs or dialects."""

from enum import StrEnum
from typing import Any, NamedTuple, Protocol


class ReplyTo(Protocol):
    """Whoever is told the replies: an actor's ref, or anything hashable with a `tell` that never blocks."""

    def tell(self, message: Any) -> Any:
        """Put the message into the mailbox."""


class Failure(StrEnum):
    """Why no whole HTTP reply arrived. After REFUSED, UNKNOWN_HOST and INVALID_URL the call was certainly not carried out."""

    REFUSED = "refused"
    UNKNOWN_HOST = "unknown_host"
    TIMEOUT = "timeout"
    CONNECTION = "connection"  # closed or reset, cut short, or the answer was not HTTP
    TOO_LARGE = "too_large"
    INVALID_URL = "invalid_url"  # the call itself cannot be sent: URL, scheme, method or a header
    TLS = "tls"
    CANNOT_RUN = "cannot_run"  # of a command: there is no such program, or it may not be run


class Call(NamedTuple):
    """One HTTP request to make."""

    reply_to: ReplyTo  # is told `Replies`
    task: str  # comes back in the Reply; with reply_to it names the call for a Cancel
    attempt: int  # comes back in the Reply
    method: str
    url: str  # http or https; what is not ASCII is percent-encoded (the host: IDNA)
    headers: tuple[str, ...]  # "Name: value", sent as UTF-8; a name without value is not sent
    body: bytes
    connect_timeout_s: float
    timeout_s: float  # from connecting to the last byte of the reply; waiting for a free connection does not count
    max_reply_bytes: int
    fresh: bool  # a connection of its own, so that nothing is ever sent a second time silently

    @property
    def performer(self) -> str:
        """The name of the actor that takes it."""
        return "http"


class CommandRun(NamedTuple):
    """One program to run."""

    reply_to: ReplyTo  # is told `Replies`
    task: str  # as in a Call
    attempt: int
    command: tuple[str, ...]  # the program and its arguments; there is no shell
    stdin: bytes
    timeout_s: float  # from its start; waiting for a turn does not count
    env: tuple[tuple[str, str], ...]  # besides what `running_command.environment` hands on of the node's own
    fresh: bool  # it must not run twice

    @property
    def performer(self) -> str:
        """The name of the actor that takes it."""
        return "commands"


class Reply(NamedTuple):
    """What became of one Call."""

    task: str
    attempt: int
    status: int  # 0 where there was none
    body: bytes
    retry_after: str  # the header as it was sent, "" where absent
    failure: Failure | None  # None: an HTTP reply, of whatever status, arrived whole
    error: str  # for a person, where failure is set: what went wrong and where
    stderr: bytes = b""  # of a command; its stdout is the body, its exit code the status (minus the signal that ended it)
    is_callback: bool = False  # it came by the task's callback URL, whose body it has
    is_cut: bool = False  # whether a command wrote more than is kept


class Replies(NamedTuple):
    """All calls of one receiver that completed in one turn of the loop."""

    replies: list[Reply]


class Cancel(NamedTuple):
    """Drop the calls of this task, in flight or waiting; no Reply is told for them."""

    reply_to: ReplyTo
    task: str


class Report(NamedTuple):
    """Tell `to` how many calls wait, and for whom: a `Congestion`."""

    to: ReplyTo


class Congestion(NamedTuple):
    """The hosts that have calls waiting for a free connection."""

    hosts: dict[str, tuple[int, int]]  # "host:port" -> calls in flight and calls that wait


class InvalidCall(ValueError):
    """The call cannot be sent as it is; the text says what to mend."""
