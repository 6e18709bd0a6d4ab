"""How clients speak a dialect over HTTP: where its jobs are started and found, and how its answers are worded. Values; no web server."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from cameron.core.status import Status
from cameron.errors import CameronError


class Answer(NamedTuple):
    """An answer's status and its JSON body."""

    status: int
    body: bytes


class Started(NamedTuple):
    """A job that was accepted, or was there already."""

    process: str
    key: str
    uuid: str
    payload: str  # the request's body as text
    existing: bool  # it was there: the request came a second time, or its key has an unfinished job
    location: str  # the whole URL of the job
    path: str  # the same without scheme and host
    accepted_ms: int  # epoch milliseconds; 0: nobody knows any more
    ended: bytes | None = None  # the job as `Dialect.show` has it, where the client waited and it has ended in time
    status: Status = Status.SCHEDULED  # what the job was when it was asked for


class Manner(Protocol):
    """Path templates have `{fields}` of one segment each; what stands in them is decoded."""

    dialect: str  # of the processes that are started at `start`; "": any
    start: str  # POST: where a job is started; its fields name the process
    job: str  # GET: where a job is found
    located_by_path: bool  # the Location header is a path, not a whole URL
    shows_record: bool  # `Dialect.show` wants the engine's record, too

    def process_of(self, fields: Mapping[str, str]) -> str:
        """The process that a path's fields name: its name in the catalog, or its alias."""

    def fields_of(self, process: str, alias: str, key: str, uuid: str) -> Mapping[str, str]:
        """The fields of a job's path. Of these, a path has to have `uuid`; without a `key` the job's own is taken."""

    def started(self, started: Started) -> Answer:
        """The answer to a start."""

    def refused(self, error: CameronError, body: bytes | None) -> Answer | None:
        """The answer to a start with that body, or to another request about a job (None), which has failed; None: in the common form."""
