"""A process: what may be run. Definitions of all dialects compile to these frozen values."""

import re
from typing import NamedTuple

from cameron.errors import ConfigError

PROCESS_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")
TASK_NAME_MAX = 128


class RetryPolicy(NamedTuple):
    """When a failed attempt is followed by another; see `retry.delay_s` for the waiting in between."""

    attempts: int = 3  # in all, the first one included
    delay_s: float = 0.5  # upper bound of the wait after the first attempt
    factor: float = 2.0  # by which that bound grows with each attempt
    cap_s: float = 30.0  # and where it stops growing
    on: frozenset[str] = frozenset({"refused", "unknown_host", "http_429", "http_503"})  # kinds of failure: not carried out, says HTTP


class Timeouts(NamedTuple):
    """How long one attempt may take."""

    connect_s: float = 5.0
    call_s: float = 300.0


class HttpCall(NamedTuple):
    """The call of an activity of kind `http`."""

    url: str
    method: str = "POST"


class Activity(NamedTuple):
    """A step's definition; one run of it is a task."""

    name: str
    call: HttpCall
    kind: str = "http"
    after: tuple[str, ...] = ()  # names of activities of the same definition that have to end first, all that they grew included
    required: bool = False  # failed for good, it fails the job: nothing new starts
    at_most_once: bool = False  # never called again once it may have been carried out
    retry: RetryPolicy = RetryPolicy()
    timeouts: Timeouts = Timeouts()


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

    @property
    def start_url(self) -> str:
        """Where the first activity is called."""
        return self.activities[0].call.url


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
