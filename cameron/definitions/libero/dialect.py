"""Libero Flow's dialect: workflows that list activities, classes and functions in Python as a rule.

Definitions: `priv/definitions/libero/*.json` or `.yaml`; see `activity_list` for their activities and `states` for what clients see. Jobs
are started and found where those of the main dialect are.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from cameron.core.event import Attempt, Outcome, Success
from cameron.core.job import Job, Task
from cameron.core.process import Process, PythonCall, checked_process_name
from cameron.core.strict_json import NotJson, compact, parse
from cameron.definitions import schema
from cameron.definitions.cameron import CameronManner, main_form
from cameron.definitions.dialect import Given, JobRequest, Reply, Vocabulary
from cameron.definitions.hash_layout import HashLayout
from cameron.definitions.hint import LENGTH_MAX, nearest
from cameron.definitions.kinds import attempt_of, invocation
from cameron.definitions.libero.activity_list import Own, near_misses, read_activities
from cameron.definitions.libero.states import VOCABULARY, record_of, shown
from cameron.definitions.manner import Manner
from cameron.definitions.reply import outcome_of
from cameron.definitions.request import body_of, named_requestor, request_object, requested_key
from cameron.definitions.schema import Fault
from cameron.definitions.settings import Settings
from cameron.errors import ConfigError, InvalidRequest
from cameron.store import keys

MEMBERS = ("key", "data", "input_data", "requestor")  # of the body of a start
EXAMPLE = '{"data": {"order": 42}}'


class LiberoDialect:
    """See `cameron.definitions.dialect.Dialect`."""

    name = "libero"
    vocabulary: Vocabulary = VOCABULARY

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.layout = HashLayout(keys.job, self.recorded)
        self.manner: Manner = LiberoManner()

    # documents

    def flaws(self, document: Mapping[str, Any]) -> list[Fault]:
        """What is wrong with a definition that fits the schema: members of another kind than the activity's."""
        if schema.faults(self.name, document):
            return []
        try:
            read_activities(document, self._settings)
        except NotJson as error:
            path, _, message = str(error).partition(": ")
            return [Fault(path, message)]
        return []

    def doubts(self, document: Mapping[str, Any]) -> list[Fault]:
        """What may be a slip in a definition that can be used."""
        told = "is left to your activities; did you mean the engine's {!r}?"
        return [Fault(f"{path}.{member}", told.format(setting)) for path, member, setting in near_misses(document)]

    def from_file(self, document: dict[str, Any], where: str) -> Process:
        """The process of a definition that fits the schema; `where`, the file's name, begins the text of a ConfigError."""
        try:
            return self._process(document, where)
        except NotJson as error:
            raise ConfigError(f"{where}: {error}") from None

    def read_process(self, document: str) -> Process:
        """The process of a stored definition: the document as it was read, with `"dialect"`."""
        definition = parse(document.encode())
        definition.pop("dialect")
        return self._process(definition, "a stored definition")

    def _process(self, document: Mapping[str, Any], where: str) -> Process:
        name = checked_process_name(document["name"], where)
        stored = compact({"dialect": self.name, **document})
        digest = hashlib.sha256(stored.encode()).hexdigest()[:16]
        return Process(name, self.name, read_activities(document, self._settings), stored, digest, self._settings.limits)

    # requests

    def start_body(self, given: Given) -> bytes:
        """The members as they are."""
        return body_of(given.members)

    def read_request(self, process: Process, body: bytes) -> JobRequest:
        """`{"key"?, "data"? or "input_data"?, "requestor"?}`; without a key it is the job's uuid, without data they are an empty object."""
        fields = request_object(body, EXAMPLE)
        key = requested_key(fields) if "key" in fields else ""
        requestor, data = named_requestor(fields), input_data(fields)
        _refuse_others(fields)
        try:
            compact([key, requestor])
            text = compact(data)
        except NotJson as error:
            raise InvalidRequest("body_invalid", f"the body holds what JSON in UTF-8 cannot: {error}") from None
        return JobRequest(key, data if isinstance(data, str) else text, requestor, text.encode(), record_of(process))

    # attempts and replies

    def prepare(self, job: Job, task: Task) -> Attempt:
        """A class or function gets the input data; services and programs get them with the workflow's name beside them."""
        own: Own = task.activity.own
        if isinstance(task.activity.call, PythonCall):
            return invocation(task.activity.call, task.payload, own.config)
        about = compact({"workflow": job.process, "workflow_id": job.uuid, "activity": own.name})[:-1].encode()
        body = b'%b,"config":%b,"input_data":%b}' % (about, own.config, task.payload)
        return attempt_of(task.activity, body, self._settings)

    def outcome(self, job: Job, task: Task, reply: Reply) -> Outcome:
        """What a class or function returned, the object that a service replied, or how a program ran."""
        return outcome_of(task, reply, lambda said: Success(compact(said)))

    def recorded(self, job: Job, task: Task, data: str, growth_text: str, handover: str) -> Success:
        """All that there is of a success is its data."""
        return Success(data, None, growth_text, names=())

    # jobs as clients see them

    def show(self, process: str, key: str, uuid: str, fields: Mapping[str, str], record: Mapping[str, str]) -> bytes:
        """The main form, and `"workflow"` as `states.shown` has it."""
        given = input_data(parse(record["request"].encode())) if "request" in record else None
        workflow = shown(process, uuid, self.layout, fields, record, given)
        return f'{{{main_form(self.layout, process, key, uuid, fields)},"workflow":{workflow}}}'.encode()


class LiberoManner(CameronManner):
    """The main routes, which take the jobs of all dialects; of this one more is shown there."""

    shows_record = True


def input_data(fields: Mapping[str, Any]) -> Any:
    """What the members of a start's body give to the activities. Raises InvalidRequest."""
    if "data" in fields and "input_data" in fields:
        raise InvalidRequest("input_data_twice", "the body has data and input_data, which are the same: send one of them", "input_data")
    return fields.get("data", fields.get("input_data", {}))


def _refuse_others(fields: Mapping[str, Any]) -> None:
    """A slip would start the workflow with an empty object. Raises InvalidRequest."""
    for member in fields.keys() - set(MEMBERS):
        near = nearest(member, MEMBERS)
        shown = member if len(member) <= LENGTH_MAX else f"{member[:LENGTH_MAX]}…"
        raise InvalidRequest("member_unknown", f"the body has an unknown member {shown!r}{near}: it may have {', '.join(MEMBERS)}", member)
