"""Mender's dialect: workflows of tasks in a row, which say with templates what they take from the inputs and from one another.

Definitions: `priv/definitions/mender/*.json` or `.yaml`; see `task` for their tasks and `scope` for the names in templates.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from cameron.core.event import Attempt, Awaited, Failure, Outcome, Success
from cameron.core.job import Job, Task
from cameron.core.process import Activity, Process, WaitCall, checked_process_name
from cameron.core.strict_json import NotJson, compact, parse
from cameron.definitions.dialect import NO_WORDS, Given, JobRequest, Reply, Vocabulary
from cameron.definitions.hash_layout import HashLayout
from cameron.definitions.kinds import command_outcome, python_outcome
from cameron.definitions.manner import Manner
from cameron.definitions.mask import Mask
from cameron.definitions.mender.flaws import flaws
from cameron.definitions.mender.manner import MenderManner, record_of, shown
from cameron.definitions.mender.scope import JobScope
from cameron.definitions.mender.task import Own, attempt_at, read_task
from cameron.definitions.reply import seconds, status_text
from cameron.definitions.request import body_of, request_object
from cameron.definitions.schema import Fault
from cameron.definitions.settings import Settings
from cameron.errors import ConfigError, InvalidRequest, MissingInputs
from cameron.store import keys

DEFAULT_VERSION = 1


class MenderDialect:
    """See `cameron.definitions.dialect.Dialect`."""

    name = "mender"
    vocabulary: Vocabulary = NO_WORDS

    def __init__(self, settings: Settings) -> None:
        self._settings, self._mask = settings, Mask(settings.env)
        self.layout = HashLayout(keys.job, self.recorded)
        self.manner: Manner = MenderManner()

    # documents

    def flaws(self, document: Mapping[str, Any]) -> list[Fault]:
        """What is wrong with a definition besides what the schema says; it may be any object."""
        return list(flaws(document))

    def from_file(self, document: dict[str, Any], where: str) -> Process:
        """The process of a definition that fits the schema; `where`, the file's name, begins the text of a ConfigError."""
        if flaw := next(flaws(document), None):
            raise ConfigError(f"{where}: {flaw}")
        return self._process(document, where)

    def read_process(self, document: str) -> Process:
        """The process of a stored definition: the document as it was read, with `"dialect"`."""
        definition = parse(document.encode())
        definition.pop("dialect")
        return self._process(definition, "a stored definition")  # jobs go on with what they started with, also where it is refused by now

    def _process(self, document: Mapping[str, Any], where: str) -> Process:
        name = checked_process_name(document["name"], where)
        activities = self._activities(document)
        stored = compact({"dialect": self.name, **document})
        digest = hashlib.sha256(stored.encode()).hexdigest()[:16]
        return Process(name, self.name, activities, stored, digest, self._settings.limits)

    def _activities(self, document: Mapping[str, Any]) -> tuple[Activity, ...]:
        names = [said["name"] for said in document["tasks"]]
        return tuple(read_task(said, names[:at], self._settings) for at, said in enumerate(document["tasks"]))

    # requests

    def start_body(self, given: Given) -> bytes:
        """The inputs alone: the data have to be an object of them."""
        inputs = given.members.get("data", {})
        if not isinstance(inputs, dict):
            raise InvalidRequest("data_invalid", "the data must be an object of the workflow's inputs, each by its name", "data")
        return body_of(inputs)

    def read_request(self, process: Process, body: bytes) -> JobRequest:
        """An object of the inputs, by name; those that the definition names come first, and null is none."""
        definition = parse(process.document.encode())
        wanted = definition.get("inputParameters", [])
        given = request_object(body, compact(dict.fromkeys(wanted, "...")))
        if missing := [name for name in wanted if given.get(name) is None]:
            raise MissingInputs(missing)
        try:
            inputs = compact({name: given[name] for name in wanted} | given)
        except NotJson as error:
            raise InvalidRequest("body_invalid", f"the body holds what JSON in UTF-8 cannot: {error}") from None
        types = {activity.name: activity.own.type for activity in process.activities}
        record = record_of(definition.get("version", DEFAULT_VERSION), types)
        return JobRequest("", inputs, "", inputs.encode(), record)

    # attempts and replies

    def prepare(self, job: Job, task: Task) -> Attempt:
        """All templates filled in, with what the job has come to so far."""
        scope = JobScope(job, parse(task.payload), self._settings.env, _earlier(job, task))
        attempt = attempt_at(task.activity, scope, self._settings, self._mask)
        return attempt._replace(text=self._mask(attempt.text)) if isinstance(attempt, Failure) else attempt

    def outcome(self, job: Job, task: Task, reply: Reply) -> Outcome:
        """A status that the task accepts is a success; a wait goes on from there until its callback comes."""
        if reply.failure:
            return Failure(str(reply.failure), self._mask(reply.error))
        if task.activity.kind == "command":
            return command_outcome(task, reply, _program(task), self._mask)
        if task.activity.kind == "python":
            return _returned(python_outcome(task, reply, self._mask))
        own: Own = task.activity.own
        if own.request and not reply.is_callback:
            if not own.request.accepts(reply.status):
                return Failure(f"http_{reply.status}", _refusal(task, reply, self._mask), seconds(reply.retry_after))
            if isinstance(task.activity.call, WaitCall):
                return Awaited(task.activity.call.timeout_s, callback=True)
        return Success(compact({"statusCode": reply.status, "body": reply.body.decode("utf-8", "replace")}))

    def recorded(self, job: Job, task: Task, data: str, growth_text: str, handover: str) -> Success:
        """All that there is of a success is its data."""
        return Success(data, None, growth_text, names=())

    # jobs as clients see them

    def show(self, process: str, key: str, uuid: str, fields: Mapping[str, str], record: Mapping[str, str]) -> bytes:
        """The documented document, with what came of each task."""
        return shown(process, uuid, self.layout, fields, record)


def _earlier(job: Job, task: Task) -> list[str]:
    """The names of the tasks before it: those of a definition are its job's first, in its order."""
    names = list(job.tasks)
    return names[: names.index(task.name)]


def _program(task: Task) -> str:
    """The program as it was run: the definition may have a template for it."""
    return str(parse(task.note.encode())["command"][0]) if task.note else task.activity.call.target


def _returned(ran: Success | Failure) -> Success | Failure:
    """The value beside which there is room for more, as in the outputs of the other types."""
    return Success(f'{{"result":{ran.data}}}') if isinstance(ran, Success) else ran


def _refusal(task: Task, reply: Reply, mask: Mask) -> str:
    """What was replied instead of a success, and by whom: the record's note has the URL as it was called."""
    uri = parse(task.note.encode())["uri"] if task.note else task.activity.call.target
    return status_text(uri, reply, mask)
