"""The dialect of machinery: services and workflows are registered, and events are sent to a workflow, whose services are called in order.

service    {"name": "upper", "address": "http://...", "inputs": [{"name": "message", "type": "string"}], "outputs": [...]}
workflow   {"name": "process-text", "services": ["upper", "reverse"], "inputs": [...], "outputs": [...], "operations": []}
event      {"data": {"message": "..."}}
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from cameron.core.event import Attempt, CommandLine, Failure, Outcome, Success
from cameron.core.job import Job, Task
from cameron.core.moment import rfc3339
from cameron.core.process import SUCCEEDED, CommandCall, Process, PythonCall
from cameron.core.status import Status
from cameron.core.strict_json import NotJson, compact, parse
from cameron.core.template import TemplateFault
from cameron.definitions.dialect import NO_WORDS, Given, JobRequest, Reply, Vocabulary
from cameron.definitions.hash_layout import HashLayout
from cameron.definitions.kinds import attempt_of, awaited, command_line, command_outcome, python_outcome
from cameron.definitions.machinery.data_so_far import DataSoFar, read_object
from cameron.definitions.machinery.registered_chain import check, missing_services, users_of
from cameron.definitions.machinery.service_chain import Document, Step, call_body, chain, contribution
from cameron.definitions.machinery.typed_data import faults, read_fields
from cameron.definitions.manner import Answer, Manner, Started
from cameron.definitions.mask import Mask
from cameron.definitions.registrar import Clash, FieldFaults, Known, identity
from cameron.definitions.reply import outcome_of
from cameron.definitions.request import TOO_LARGE, body_of, request_object
from cameron.definitions.settings import Settings
from cameron.errors import CameronError, FieldErrors, IdempotencyKeyReused, InvalidRequest, JobNotFound, ProcessNotFound
from cameron.store import keys

EXAMPLE = '{"data": {"message": "The Sun will rise in the morning !"}}'
OUTPUTS = "outputs"  # a field of the engine's record: the names of the workflow's outputs, as JSON


class MachineryDialect:
    """See `cameron.definitions.dialect.Dialect` and `cameron.definitions.registrar.Registrar`."""

    name = "machinery"
    vocabulary: Vocabulary = NO_WORDS
    kinds = ("service", "workflow")

    def __init__(self, settings: Settings) -> None:
        self._settings, self._mask, self._data = settings, Mask(settings.env), DataSoFar()
        self.layout = HashLayout(keys.job, self.recorded)
        self.manner: Manner = MachineryManner()

    # documents

    def check(self, kind: str, document: object, known: Known) -> FieldFaults | Clash:
        """Against the schema, against itself, and a workflow against the services that it names."""
        return check(kind, document, known, self._settings)

    def removable(self, kind: str, name: str, known: Known) -> Clash | None:
        """A service stays as long as a workflow calls it."""
        if users := users_of(name, known) if kind == "service" else []:
            return Clash(f"service {name!r} is called by {', '.join(users)}: delete these workflows first, or register them without it")
        return None

    def compile(self, known: Known) -> tuple[list[Process], list[str]]:
        """A process for each workflow."""
        processes, problems = list[Process](), list[str]()
        for (kind, name), workflow in sorted(known.items()):
            if kind != "workflow":
                continue
            try:
                if absent := missing_services(workflow, known):
                    raise NotJson(f"it calls {', '.join(absent)}, and there is no service of that name")
                processes.append(self._process(workflow, {service: known["service", service] for service in workflow["services"]}))
            except (NotJson, LookupError, TypeError, ValueError, AttributeError) as error:  # another release may have written it
                problems.append(f"the registered workflow {name!r} cannot be used: {error}; register it again, or delete it")
        return processes, problems

    def summary(self, kind: str, name: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """The document with its id: `{"service_id", "name", ...}`."""
        return {f"{kind}_id": identity(kind, name), **document}

    def read_process(self, document: str) -> Process:
        """The process of a stored document `{"dialect", "workflow", "services"}`."""
        read = parse(document.encode())
        return self._process(read["workflow"], read["services"])

    def _process(self, workflow: Document, services: Mapping[str, Document]) -> Process:
        name = workflow["name"]
        document = compact({"dialect": self.name, "workflow": workflow, "services": dict(sorted(services.items()))})
        digest = hashlib.sha256(document.encode()).hexdigest()[:16]
        activities = chain(workflow, services, self._settings)
        return Process(name, self.name, activities, document, digest, self._settings.limits, alias=identity("workflow", name))

    # requests

    def start_body(self, given: Given) -> bytes:
        """The data, beside whatever else there is: an event has neither key nor requestor, and may bear what nobody reads."""
        return body_of(given.members)

    def read_request(self, process: Process, body: bytes) -> JobRequest:
        """`{"data": {...}}` with the workflow's inputs; what else the data hold goes along. Raises FieldErrors, InvalidRequest."""
        said = request_object(body, EXAMPLE)
        if not isinstance(said.get("data"), dict):
            lead = "must be an object" if "data" in said else "is missing; it must be an object"
            raise FieldErrors({"data": [f"{lead} of the workflow's inputs, as in {EXAMPLE}"]})
        data, workflow = said["data"], parse(process.document.encode())["workflow"]
        if told := faults(read_fields(workflow["inputs"]), data):
            raise FieldErrors({name: [text] for name, text in told.items()})
        try:
            text = compact(data)
        except NotJson as error:
            raise InvalidRequest("body_invalid", f"the body holds what JSON in UTF-8 cannot: {error}") from None
        outputs = compact([field["name"] for field in workflow["outputs"]])
        return JobRequest("", text, "", text.encode(), (OUTPUTS, outputs))

    # calls

    def prepare(self, job: Job, task: Task) -> Attempt:
        """The service is given the data so far."""
        step: Step = task.activity.own
        try:
            body = call_body(step, self._data.before(job, task), self._settings, self._mask)
        except (TemplateFault, NotJson) as error:
            return Failure("invalid_input", self._mask(f"service {step.service!r} cannot be called: {error}"))
        if isinstance(task.activity.call, CommandCall):
            return self._command(task.activity.call, body, step)
        return attempt_of(task.activity, body, self._settings)

    def _command(self, call: CommandCall, stdin: bytes, step: Step) -> CommandLine | Failure:
        return command_line(call.command, stdin, self._settings, step.timeout_s)

    # replies

    def outcome(self, job: Job, task: Task, reply: Reply) -> Outcome:
        """A JSON object with the outputs that the service declares, from a program and a Python activity as well."""
        match task.activity.call:
            case CommandCall():
                ran = command_outcome(task, reply, mask=self._mask)
                return self._ran(job, task, ran, "printed", lambda data: _printed(reply.body) or parse(data.encode()))
            case PythonCall():
                return self._ran(job, task, python_outcome(task, reply, self._mask), "returned", _returned)
        if promised := awaited(task.activity, reply):
            return promised
        return outcome_of(task, reply, lambda said: Success(self._contribution(job, task, said)), self._mask)

    def _ran(self, job: Job, task: Task, ran: Success | Failure, how: str, said: Callable[[str], dict[str, Any]]) -> Success | Failure:
        """What a run on the node adds to the data; `said` reads that out of what it came to, or raises NotJson."""
        if isinstance(ran, Failure):
            return ran
        try:
            return Success(self._contribution(job, task, said(ran.data)))
        except NotJson as error:
            return Failure("invalid_reply", f"what {task.activity.call.target} {how} cannot be used: {error}")

    def _contribution(self, job: Job, task: Task, said: Mapping[str, Any]) -> str:
        """Raises NotJson."""
        return contribution(task.activity.own, said, lambda: self._data.before(job, task), self._mask)

    def recorded(self, job: Job, task: Task, data: str, growth_text: str, handover: str) -> Success:
        """What a service gave."""
        return Success(data, None, growth_text, names=())

    def show(self, process: str, key: str, uuid: str, fields: Mapping[str, str], record: Mapping[str, str]) -> bytes:
        """`{"event_id", "workflow_id", "workflow", "ack_date", "status", "data", "outputs"? or "error"?, "services"}`."""
        status = self.layout.status_in(fields) or Status.SCHEDULED
        event: dict[str, Any] = {
            "event_id": uuid,
            "workflow_id": identity("workflow", process),
            "workflow": process,
            "ack_date": rfc3339(int(record["accepted"])) if "accepted" in record else None,
            "status": status.value,
            "data": read_object(self.layout.data_in(fields)),
        }
        services = [_shown_task(name, fields) for name in self.layout.tasks_in(fields)]
        if status is Status.DONE:
            event["outputs"] = _outputs(event["data"], self.layout.tasks_in(fields), fields, record)
        elif failed := [f"{task['name']}: {task['error']}" for task in services if "error" in task]:
            event["error"] = "; ".join(failed)
        return compact(event | {"services": services}).encode()


class MachineryManner:
    """`/e/{workflow_id}`; an unknown workflow, an unreadable event and an unknown one have machinery's own words."""

    dialect = "machinery"
    start = "/e/{workflow_id}"
    job = "/e/{workflow_id}/{uuid}"
    located_by_path = False
    shows_record = True

    def process_of(self, fields: Mapping[str, str]) -> str:
        """By the workflow's id; its name does as well."""
        return fields["workflow_id"]

    def fields_of(self, process: str, alias: str, key: str, uuid: str) -> Mapping[str, str]:
        """The workflow's id and the event's."""
        return {"workflow_id": alias or identity("workflow", process), "uuid": uuid}

    def started(self, started: Started) -> Answer:
        """`{"event_id", "ack_date", "status", "location"}`, and `"outputs"` or `"error"` where the client waited for its end."""
        ended = parse(started.ended) if started.ended else {}
        said = {
            "event_id": started.uuid,
            "ack_date": rfc3339(started.accepted_ms) if started.accepted_ms else None,
            "status": ended.get("status", started.status.value),
            "location": started.location,
            **{member: ended[member] for member in ("outputs", "error") if member in ended},
        }
        return Answer(200 if started.existing else 201, compact(said).encode())

    def refused(self, error: CameronError, body: bytes | None) -> Answer | None:
        """In machinery's words as far as it has any."""
        match error:
            case FieldErrors():
                return Answer(409, compact(error.fields).encode())
            case ProcessNotFound():
                return _message(404, f"there is no workflow {error.name!r}: GET /w lists those there are")
            case JobNotFound():
                return _message(404, f"there is no event {error.uuid!r} of that workflow: use the location that it was answered with")
            case InvalidRequest(code="body_not_json"):
                return _message(415, error.message)
            case InvalidRequest():
                return _message(413 if error.code == TOO_LARGE else 400, error.message)
            case IdempotencyKeyReused():
                return _message(422, str(error))
        return None


def _message(status: int, text: str) -> Answer:
    return Answer(status, compact({"message": text}).encode())


def _printed(stdout: bytes) -> dict[str, Any] | None:
    """The JSON object that a program printed; of other output there is its text."""
    try:
        said = parse(stdout)
    except NotJson:
        return None
    return said if isinstance(said, dict) else None


def _returned(data: str) -> dict[str, Any]:
    """The members of what a Python activity returned: none, where a function returned nothing, or a class says how it went."""
    said = parse(data.encode())
    if said in (None, SUCCEEDED):
        return {}
    if not isinstance(said, dict):
        raise NotJson("it is no JSON object")
    return said


def _shown_task(name: str, fields: Mapping[str, str]) -> dict[str, Any]:
    status = fields.get(f"task.{name}.status.current", Status.SCHEDULED.value)
    shown: dict[str, Any] = {"name": name, "status": status}
    data = fields.get(f"task.{name}.output.data", "")
    if status == Status.ERROR:
        shown["error"] = data
    elif status == Status.DONE:
        shown["outputs"] = read_object(data)
    return shown


def _outputs(data: dict[str, Any], tasks: list[str], fields: Mapping[str, str], record: Mapping[str, str]) -> dict[str, Any]:
    """What the workflow declares, of the data that all its services have left."""
    merged = dict(data)
    for name in tasks:
        merged |= read_object(fields.get(f"task.{name}.output.data", ""))
    return {name: merged[name] for name in parse(record.get(OUTPUTS, "[]").encode()) if name in merged}
