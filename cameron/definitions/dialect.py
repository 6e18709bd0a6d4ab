"""What a dialect is to the engine: a document in, a Process out, and how its requests, replies and records read."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

from cameron.core.event import Attempt, Change, Outcome, Success
from cameron.core.job import Job, Task
from cameron.core.process import Process
from cameron.core.status import Status
from cameron.definitions.manner import Manner

Vocabulary = Mapping[str, Mapping[str, str]]
NO_WORDS: Final[Vocabulary] = MappingProxyType({})


class JobRequest(NamedTuple):
    """What a client asks for, read and checked."""

    key: str  # "": the dialect's requests carry none, and the job's uuid is taken
    data: str  # as it is shown to operators: a string as it is, anything else as compact JSON
    requestor: str
    payload: bytes  # the request body of the first activities, or what else `prepare` wants to find in them
    record: tuple[str, ...] = ()  # fields and values in turn that the engine's record gets, for `show`


class Given(NamedTuple):
    """What a job is to be started with, by somebody who does not know in which form its dialect takes that: a message, a test."""

    members: Mapping[str, Any]  # `key`, `data` and `requestor`, as far as they are given; whatever they hold
    spare_key: str  # for a dialect whose starts have to name a key, where none is given


class Reply(Protocol):
    """What came of one attempt to call an activity."""

    @property
    def status(self) -> int: ...  # HTTP's, 0 where there was no reply; of a command its exit code, negative: minus the signal that ended it
    @property
    def body(self) -> bytes: ...  # of a command what it wrote to stdout
    @property
    def retry_after(self) -> str: ...  # the header's value, "" where there was none
    @property
    def failure(self) -> str | None: ...  # a word for the kind of failure; None: a reply of any status came whole
    @property
    def error(self) -> str: ...  # text for a person, where there is a failure
    @property
    def stderr(self) -> bytes: ...  # of a command
    @property
    def is_callback(self) -> bool: ...  # it came by the callback URL
    @property
    def is_cut(self) -> bool: ...  # whether a command wrote more than is kept


class Writes(NamedTuple):
    """What changes make of the keys: fields and values in turn, the texts of new errors by task, and what is taken away."""

    fields: list[str]  # of the documented hash
    record: list[str]  # of the engine's record
    errors: list[tuple[str, str]]
    removed_fields: list[str]
    removed_record: list[str]
    removed_errors: list[str]  # tasks whose errors count no longer


class Layout(Protocol):
    """How a dialect's jobs are laid out in Redis: `hash_layout.HashLayout` fits."""

    def job_key(self, process: str, key: str, uuid: str) -> str:
        """The name of the job's hash."""

    def accepted(self, request: JobRequest, stamp: str) -> list[str]:
        """Fields and values of a new job's hash."""

    def writes(self, job: Job, changes: Sequence[Change], stamp: str) -> Writes:
        """What to write where, for the changes that led to this job."""

    def restore(self, job: Job, fields: Mapping[str, str], record: Mapping[str, str]) -> Job:
        """A new job brought to where its keys say it is; tasks that were running are pending."""

    def key_in(self, fields: Mapping[str, str]) -> str:
        """The job's key, by its hash."""

    def status_in(self, fields: Mapping[str, str]) -> Status | None:
        """What the job is, by its hash; None where that does not say."""

    def tasks_in(self, fields: Mapping[str, str]) -> list[str]:
        """The names of its tasks, by its hash."""

    def failed(self, fields: Mapping[str, str]) -> list[str]:
        """The tasks that have failed, by the job's hash alone."""


class Dialect(Protocol):
    """The one file that knows a dialect implements this; nothing else names it."""

    name: str

    @property
    def layout(self) -> Layout: ...
    @property
    def manner(self) -> Manner: ...
    @property
    def vocabulary(self) -> Vocabulary:
        """What clients are told of an event besides, by its word in the history (`core.history`); of `job.ended`, by `job.ended STATUS`."""

    def read_process(self, document: str) -> Process:
        """The process of a stored document."""

    def start_body(self, given: Given) -> bytes:
        """The body of a start that says what is given, the rest left out; a dialect without keys or requestors leaves them out, too.

        It is the same for the same. Raises InvalidRequest.
        """

    def read_request(self, process: Process, body: bytes) -> JobRequest:
        """The request to start a job. Raises InvalidRequest."""

    def prepare(self, job: Job, task: Task) -> Attempt:
        """What the next attempt at a task is to be; whatever the job holds, this returns."""

    def outcome(self, job: Job, task: Task, reply: Reply) -> Outcome:
        """What a reply means; a callback's is one with the status 200. Whatever it holds, this returns."""

    def recorded(self, job: Job, task: Task, data: str, growth_text: str, handover: str) -> Success:
        """A success as it was recorded; `handover` is the record's `next` of that task."""

    def show(self, process: str, key: str, uuid: str, fields: Mapping[str, str], record: Mapping[str, str]) -> bytes:
        """A job as its clients see it: a JSON document. `record` is empty unless `manner.shows_record`."""
