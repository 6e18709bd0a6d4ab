"""The earlier ticket system: workflows that start at one URL and grow by the `next` of each reply; a job of theirs is a ticket.

Definitions: `{workflows, [{workflow, {name, bar}, {start_point_url, "http://foo.com/workflow/bar/start/{key}"}}, ...]}.` in
`priv/processes/<environment>.config`. The key of the request stands percent-encoded where a URL has `{key}`. Workflows have a name space
of their own, so that a process and a workflow of one name do not meet.
"""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from cameron.core.event import Attempt, Growth, Outcome, Success
from cameron.core.job import Job, Task
from cameron.core.process import Activity, HttpCall, Process, PythonCall, WaitCall, checked_process_name, in_space
from cameron.core.status import Status
from cameron.core.strict_json import NotJson, compact, parse
from cameron.core.template import UnknownName, fill_url
from cameron.definitions.dialect import NO_WORDS, Given, JobRequest, Reply, Vocabulary
from cameron.definitions.hash_layout import Fields, HashLayout
from cameron.definitions.kinds import attempt_of, invocation, posted_data
from cameron.definitions.manner import Answer, Manner, Started
from cameron.definitions.options import NO_OPTIONS, Options, stored_options, with_options
from cameron.definitions.reply import next_activity, outcome_of, replied_name
from cameron.definitions.request import echo, keyed_body, request_object, requested_key
from cameron.definitions.settings import Settings
from cameron.errors import CameronError, ConfigError, InvalidRequest, JobNotFound, ProcessNotFound
from cameron.store import keys

SPACE: Final = "workflow"
START: Final = "start"  # what the first task is always called
EXAMPLE: Final = '{"key": "42", "data": "anything"}'
IS_TEXT: Final = "payload.data.is_text"  # of the engine's record: the data is a string, whatever else it may look like
FIELDS: Final = Fields(
    key="payload.key",
    data="payload.data",
    requestor="",
    status="status",
    tasks="task.names",
    words=MappingProxyType({status: status.value for status in Status} | {Status.SCHEDULED: "enqueued", Status.RUNNING: "dispatched"}),
)


class TicketDialect:
    """See `cameron.definitions.dialect.Dialect`."""

    name = "tickets"
    vocabulary: Vocabulary = NO_WORDS

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.layout = HashLayout(_hash_key, self.recorded, FIELDS)
        self.manner: Manner = TicketManner()

    # documents

    def read_process(self, document: str) -> Process:
        """The process of a stored document `{"dialect", "name", "start_point_url"}`, with `"options"` where it has any."""
        read = parse(document.encode())
        name = read["name"]
        return self.process(name, read["start_point_url"], "a stored definition", stored_options(read.get("options", {}), name))

    def process(self, name: str, url: str, where: str, options: Options = NO_OPTIONS) -> Process:
        """The process of the workflow of that name, with checked options; `where` begins the text of a ConfigError."""
        said: dict[str, Any] = {"dialect": self.name, "name": checked_process_name(name, where), "start_point_url": url}
        if not url.lower().startswith(("http://", "https://")):
            raise ConfigError(f"{where}: start_point_url of {name!r} must begin with http:// or https://, not be {url!r}")
        try:
            fill_url(url, {"key": ""})
        except UnknownName as error:
            raise ConfigError(f"{where}: start_point_url of {name!r}: {error}") from None
        if options:
            said["options"] = dict(sorted(options.items()))
        document = compact(said)
        digest = hashlib.sha256(document.encode()).hexdigest()[:16]
        start = Activity(START, HttpCall(url), retry=self._settings.retry, timeouts=self._settings.timeouts)
        return with_options(Process(in_space(SPACE, name), self.name, (start,), document, digest, self._settings.limits), options)

    # requests

    def start_body(self, given: Given) -> bytes:
        """The members as they are, with a key in any case."""
        return keyed_body(given)

    def read_request(self, process: Process, body: bytes) -> JobRequest:
        """`{"key", "data"?}`; data may be any JSON value."""
        fields = request_object(body, EXAMPLE)
        key, data = requested_key(fields), fields.get("data")
        try:
            data_text = compact(data)
            payload = _payload(key, data_text)
        except NotJson as error:
            raise InvalidRequest("body_invalid", f"the body holds what JSON in UTF-8 cannot: {error}") from None
        if isinstance(data, str):
            return JobRequest(key, data, "", payload, (IS_TEXT, "1"))
        return JobRequest(key, data_text, "", payload)

    # calls

    def prepare(self, job: Job, task: Task) -> Attempt:
        """The key goes into the URL; the parent's data goes to what is next as it is."""
        if isinstance(task.activity.call, PythonCall):
            return invocation(task.activity.call, posted_data(task.payload))
        return attempt_of(_addressed(task.activity, job.key), task.payload, self._settings)

    # replies

    def outcome(self, job: Job, task: Task, reply: Reply) -> Outcome:
        """Any 2xx with a JSON object of the documented form is a success."""
        called = task._replace(activity=_addressed(task.activity, job.key))
        return outcome_of(called, reply, lambda said: self._success(job, called, said))

    def _success(self, job: Job, task: Task, reply: Mapping[str, Any]) -> Success:
        replied_name(reply)  # nobody is told it, but what is no name is no reply of the documented form
        data = compact(reply.get("data"))
        growth, growth_text = _growth(reply, task.activity, job.key)
        return Success(data, growth, growth_text, _payload(job.key, data) if growth else b"")

    def recorded(self, job: Job, task: Task, data: str, growth_text: str, handover: str) -> Success:
        """The success of which the record says `next` = `["", [task names]]`."""
        if not handover:
            return Success(data, None, growth_text, names=())
        _, names = parse(handover.encode())
        growth, _ = _growth(parse(growth_text.encode()), task.activity, job.key)
        return Success(data, growth, growth_text, _payload(job.key, data), names=tuple(names))

    # what clients see

    def show(self, process: str, key: str, uuid: str, fields: Mapping[str, str], record: Mapping[str, str]) -> bytes:
        """`{"workflow", "ticket", "key", "data", "status": {"current", "time"}, "tasks": [{"name", "status", "data"}]}`."""
        name = _plain(process)
        head = f'{{"workflow":{compact(name)},"ticket":{compact(uuid)},"key":{compact(key)},"data":{self._data(fields, record)},'
        return f"{head}{self.layout.shown(fields)}}}".encode()

    def _data(self, fields: Mapping[str, str], record: Mapping[str, str]) -> str:
        """The ticket's data as JSON text."""
        text = self.layout.data_in(fields)
        if record.get(IS_TEXT):
            return compact(text)
        try:
            parse(text.encode())
        except NotJson:  # as an operator may have written it
            return compact(text)
        return text


class TicketManner:
    """The documented routes; all answers to a start echo its body as `payload`."""

    dialect = "tickets"
    start = "/api/workflow/{name}/start"
    job = "/api/workflow/{name}/ticket/{uuid}"
    located_by_path = True
    shows_record = True

    def process_of(self, fields: Mapping[str, str]) -> str:
        """By the workflow's name."""
        return in_space(SPACE, fields["name"])

    def fields_of(self, process: str, alias: str, key: str, uuid: str) -> Mapping[str, str]:
        """The workflow's name and the ticket."""
        return {"name": _plain(process), "uuid": uuid}

    def started(self, started: Started) -> Answer:
        """201, or 200 where the ticket was there already; with the `job` where the client waited for its end."""
        return echo(200 if started.existing else 201, started.payload, started.ended)

    def refused(self, error: CameronError, body: bytes | None) -> Answer | None:
        """An unknown workflow is a 404, as documented; so is an unknown ticket, in the common form."""
        match error:
            case ProcessNotFound() if body is not None:
                return echo(404, body.decode(errors="replace"))
            case JobNotFound(process=process, uuid=uuid):
                text = f"workflow {_plain(process)!r} has no ticket {uuid!r}: check the Location you were given"
                said = {"error": {"code": "job_not_found", "message": text.encode(errors="replace").decode()}}
                return Answer(404, compact(said).encode())
        return None


def _plain(process: str) -> str:
    return process.removeprefix(in_space(SPACE, ""))


def _hash_key(process: str, key: str, uuid: str) -> str:
    return keys.job_in(SPACE, _plain(process), "ticket", uuid)


def _payload(key: str, data: str) -> bytes:
    """The body of a call; `data` is JSON text already, so that it is serialised once, however many tasks it goes to."""
    return f'{{"key":{compact(key)},"data":{data}}}'.encode()


def _growth(reply: Mapping[str, Any], parent: Activity, key: str) -> tuple[Growth | None, str]:
    """What a reply's `next` and `parallel` say, and the two as they are kept. Raises NotJson."""
    said = reply.get("next")
    if said is None or said == "undefined":
        return None, "undefined"
    if not isinstance(said, list):
        raise NotJson("its next is no list")
    parallel = reply.get("parallel", "yes")
    if parallel not in ("yes", "no"):
        raise NotJson('its parallel is neither "yes" nor "no"')
    text = compact({member: reply[member] for member in ("next", "parallel") if member in reply})
    try:
        activities = tuple(_addressed(next_activity(one, parent, "next"), key) for one in said)
    except UnknownName as error:
        raise NotJson(f"in its next, {error}") from None
    return (Growth(activities, parallel == "yes") if activities else None), text


def _addressed(activity: Activity, key: str) -> Activity:
    """The activity with the key in its URL, if it has one; a URL that has it already stays as it is. Raises UnknownName."""
    call = activity.call
    if not isinstance(call, HttpCall | WaitCall) or "{" not in call.url:
        return activity
    return activity._replace(call=call._replace(url=fill_url(call.url, {"key": key})))
