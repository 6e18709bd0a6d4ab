"""The words of those who perform activities: a Call, a CommandRun or a PythonRun goes in, a Reply comes out; no dialects here."""

from enum import StrEnum
from typing import Any, NamedTuple, Protocol

PERFORMERS = ("http", "commands", "python")  # the actors, by name


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
    TEMPORARY = "temporary_failure"  # of a Python activity, as the following: it says itself that another attempt may mend it
    PERMANENT = "permanent_failure"  # it says itself that none will
    EXCEPTION = "exception"  # it has raised one, or has called sys.exit()
    CRASHED = "crashed"  # the process that ran it has died
    UNKNOWN_ACTIVITY = "unknown_activity"  # this node's package has none of that name
    INVALID_DATA = "invalid_data"  # what it was given, or gave back, is not what its annotations say, or no JSON


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
    stays: bool = False  # it is not to be given back

    @property
    def performer(self) -> str:
        """The name of the actor that takes it."""
        return "commands"


class PythonRun(NamedTuple):
    """One run of an activity of the node's Python package."""

    reply_to: ReplyTo  # is told `Begun`, then `Replies`: the body is what the activity returned, as JSON
    task: str  # as in a Call
    attempt: int
    activity: str  # the name of a class or function
    data: bytes  # JSON
    config: bytes  # a JSON object
    timeout_s: float  # from its beginning; waiting for a turn does not count; 0: as the activity says, or else the node is set
    isolation: str  # `thread` or `process`; "": as the activity says
    process: str  # whose run it is
    key: str
    job: str
    fresh: bool  # it must not run twice
    stays: bool = False  # it is not to be given back

    @property
    def performer(self) -> str:
        """The name of the actor that takes it."""
        return "python"


Run = Call | CommandRun | PythonRun


class Begun(NamedTuple):
    """Told before the Replies of what may have to wait for a free place: it has one, and is being carried out."""

    task: str
    attempt: int


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


class Relieve(NamedTuple):
    """Give back so many of the runs that wait, the last ones, but none that may not run twice: that node has free places."""

    most: int
    node: str


class GivenBack(NamedTuple):
    """Told to whoever sent them: these runs waited, and wait no more; they will not begin unless they are sent again."""

    runs: tuple[CommandRun | PythonRun, ...]
    node: str  # has places for them


class Report(NamedTuple):
    """Tell `to` who is at work and who waits: a `Congestion` of calls, an `Occupancy` of commands, a `PythonReport`."""

    to: ReplyTo
    of: str = ""  # comes back in an Occupancy


class Congestion(NamedTuple):
    """The hosts that have calls waiting for a free connection."""

    hosts: dict[str, tuple[int, int]]  # "host:port" -> calls in flight and calls that wait


class Occupancy(NamedTuple):
    """Of runs, of which so many may be under way at once."""

    of: str  # as in the Report
    running: int  # have a place; one that was cancelled, until it is gone
    waiting: int  # for a free one
    places: int
    is_held_up: bool = False  # the first of those that wait has done so since the last Report


class Package(NamedTuple):
    """What a node has found in its package of Python activities."""

    name: str = ""  # "": there is none
    activities: int = 0
    problems: tuple[str, ...] = ()  # for people: what of it cannot be used
    isolated: tuple[str, ...] = ()  # the activities that say themselves that they want a process


class PythonReport(NamedTuple):
    """Of the runs of Python activities; of those in processes see the Occupancy of their commands."""

    package: Package
    threads: Occupancy
    zombies: int  # threads that have not come back when their time was over
    refusal: str  # for a person: why no run gets a thread; "": they do


class InvalidCall(ValueError):
    """The call cannot be sent as it is; the text says what to mend."""
