"""A process: what may be run. Definitions of all dialects compile to these frozen values."""

import re
from typing import Any, NamedTuple

from cameron.errors import ConfigError

PROCESS_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")
TASK_NAME_MAX = 128


NOT_CARRIED_OUT = frozenset({"refused", "unknown_host", "http_429", "http_503"})  # what HTTP says so of
ISOLATIONS = ("thread", "process")  # what a Python activity may run in; the first, where nobody says
SUCCEEDED = "Succeeded"  # the output of one that is a class and has succeeded
TEMPORARY = "temporary_failure"  # an activity's own word for what another attempt may mend


class RetryPolicy(NamedTuple):
    """When a failed attempt is followed by another; see `retry.delay_s` for the waiting in between."""

    attempts: int = 3  # in all, the first one included
    delay_s: float = 0.5  # upper bound of the wait after the first attempt
    factor: float = 2.0  # by which that bound grows with each attempt
    cap_s: float = 30.0  # and where it stops growing
    on: frozenset[str] = NOT_CARRIED_OUT | {TEMPORARY}  # kinds of failure; "*": any
    jitter: bool = True  # the wait is drawn from 0 to that bound; else it is the bound


class Timeouts(NamedTuple):
    """How long one attempt may take."""

    connect_s: float = 5.0
    call_s: float = 300.0


class HttpCall(NamedTuple):
    """Call a service; what it replies is the task's output."""

    url: str
    method: str = "POST"

    @property
    def kind(self) -> str:
        """The word for it."""
        return "http"

    @property
    def target(self) -> str:
        """What is called, for a person."""
        return self.url


class CommandCall(NamedTuple):
    """Run a program on the node; what it prints is the task's output."""

    command: tuple[str, ...]  # the program and its arguments; there is no shell
    timeout_s: float = 0.0  # 0: as the node is set

    @property
    def kind(self) -> str:
        """The word for it."""
        return "command"

    @property
    def target(self) -> str:
        """The program."""
        return self.command[0]


class PythonCall(NamedTuple):
    """Run an activity of the node's own Python package; what it returns is the task's output."""

    activity: str  # the name of its class or function
    timeout_s: float = 0.0  # 0: as the activity says, or else the node is set
    isolation: str = ""  # one of ISOLATIONS; "": as the activity says

    @property
    def kind(self) -> str:
        """The word for it."""
        return "python"

    @property
    def target(self) -> str:
        """The activity."""
        return self.activity


class WaitCall(NamedTuple):
    """Wait until somebody POSTs the task's reply to its callback URL."""

    timeout_s: float
    url: str = ""  # who is told the callback URL, by a call as those of kind `http`; "": nobody, `explain` shows it

    @property
    def kind(self) -> str:
        """The word for it."""
        return "wait"

    @property
    def target(self) -> str:
        """Who is told, if anybody."""
        return self.url


class DelayCall(NamedTuple):
    """Let time pass."""

    delay_s: float

    @property
    def kind(self) -> str:
        """The word for it."""
        return "delay"

    @property
    def target(self) -> str:
        """Nothing is called."""
        return ""


Calling = HttpCall | CommandCall | PythonCall | WaitCall | DelayCall


class Activity(NamedTuple):
    """A step's definition; one run of it is a task."""

    name: str
    call: Calling
    after: tuple[str, ...] = ()  # names of activities of the same definition that have to end first, all that they grew included
    required: bool = False  # failed for good, it fails the job: nothing new starts
    at_most_once: bool = False  # never called again once it may have been carried out
    retry: RetryPolicy = RetryPolicy()
    timeouts: Timeouts = Timeouts()
    callback_s: float = 0.0  # how long a callback may take that the service promises by a 202; 0: it is not offered one
    own: Any = None  # what else its dialect has to know of it, a frozen value

    @property
    def kind(self) -> str:
        """`http`, `command`, `python`, `wait` or `delay`."""
        return self.call.kind

    @property
    def takes_a_place(self) -> bool:
        """Whether its run waits for one of the node's places before it begins, see `TaskBegun`."""
        return isinstance(self.call, CommandCall | PythonCall)

    @property
    def offers_callback(self) -> bool:
        """Whether its call brings along the URL of a callback."""
        return bool(self.callback_s) or isinstance(self.call, WaitCall)

    @property
    def may_be_awaited(self) -> bool:
        """Whether an attempt may end without an outcome, which is still to come."""
        return self.offers_callback or isinstance(self.call, DelayCall)


class Limits(NamedTuple):
    """What a job may grow to before the task that would pass the limit ends in error."""

    max_tasks: int = 10_000
    max_depth: int = 1_000  # of tasks below one another; the first is at depth 1
    max_stored_bytes: int = 64 * 1024 * 1024  # of outputs
    timeout_s: float = 7 * 24 * 3600.0  # from acceptance to the end
    max_crashes: int = 5  # of whoever runs the job, with one and the same task under way; then it is given up


class Process(NamedTuple):
    """A definition in the catalog; `digest` names its stored copy, so that a job goes on with what it started with."""

    name: str
    dialect: str
    activities: tuple[Activity, ...]
    document: str  # the definition as JSON text, from which the dialect reads this very process again
    digest: str
    limits: Limits = Limits()
    unique: bool = False  # at most one unfinished job of a key
    retention_ms: int | None = None  # how long an ended job's keys stay; 0: for ever; None: as the node is set
    max_jobs: int = 0  # in progress at once on one node; 0: no limit of its own

    alias: str = ""  # another name by which it is started; "": none

    @property
    def start_target(self) -> str:
        """What the first activity calls."""
        return self.activities[0].call.target


def in_space(space: str, name: str) -> str:
    """The name of a process outside the main name space, where another process may have the same; no plain name holds a colon."""
    return f"{space}:{name}"


def checked_process_name(name: str, where: str) -> str:
    """The name, or a ConfigError that begins with `where` (file, line and column)."""
    if not PROCESS_NAME.fullmatch(name):
        raise ConfigError(f"{where}: a process name is 1 to 64 letters, digits, '_', '.' or '-', not {name!r}")
    return name


def task_name_fault(name: object) -> str | None:
    """What is wrong with a task's name, or None: 1 to 128 characters, without comma, '#' and control characters."""
    if not isinstance(name, str) or not name:
        return "a task's name must be a string of 1 to 128 characters"
    if len(name) > TASK_NAME_MAX:
        return f"the task name {name[:20]!r}… has {len(name)} characters; 128 is the most"
    if "," in name or "#" in name or CONTROL_CHARACTER.search(name):
        return f"the task name {name!r} has a comma, a '#' or a control character"
    return None
