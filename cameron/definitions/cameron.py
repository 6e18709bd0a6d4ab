"""The main dialect: processes of one start activity, which grow by the `next_activities` of each reply.

Definitions: `{processes, [{foo, {start_activity_url, "http://..."}}, ...]}.` in `priv/processes/<environment>.config`; a process may have
options, which its next activities have too.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from cameron.core.event import Attempt, Growth, HttpRequest, Outcome, Success
from cameron.core.job import Job, Task
from cameron.core.process import Activity, HttpCall, Process, PythonCall, checked_process_name
from cameron.core.strict_json import NotJson, compact, parse
from cameron.definitions.dialect import NO_WORDS, Given, JobRequest, Reply, Vocabulary
from cameron.definitions.hash_layout import HashLayout
from cameron.definitions.kinds import attempt_of, invocation, posted_data
from cameron.definitions.manner import Answer, Manner, Started
from cameron.definitions.options import NO_OPTIONS, Options, stored_options, with_options
from cameron.definitions.reply import next_activity, outcome_of, replied_name
from cameron.definitions.request import echo, keyed_body, named_requestor, request_object, requested_key
from cameron.definitions.settings import Settings
from cameron.errors import CameronError, ConfigError, InvalidRequest, ProcessNotFound
from cameron.store import keys

START = "start"  # what the first task is always called
EXAMPLE = '{"key": "42", "data": "anything", "requestor": "me"}'


class CameronDialect:
    """See `cameron.definitions.dialect.Dialect`."""

    name = "cameron"
    vocabulary: Vocabulary = NO_WORDS

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.layout = HashLayout(keys.job, self.recorded)
        self.manner: Manner = CameronManner()

    # documents

    def read_process(self, document: str) -> Process:
        """The process of a stored document `{"dialect", "name", "start_activity_url"}`, with `"options"` where it has any."""
        read = parse(document.encode())
        name = read["name"]
        return self.process(name, read["start_activity_url"], "a stored definition", stored_options(read.get("options", {}), name))

    def process(self, name: str, url: str, where: str, options: Options = NO_OPTIONS) -> Process:
        """The process that starts at `url`, with checked options; `where` begins the text of a ConfigError."""
        if not url.lower().startswith(("http://", "https://")):
            raise ConfigError(f"{where}: start_activity_url of {name!r} must begin with http:// or https://, not be {url!r}")
        said: dict[str, Any] = {"dialect": self.name, "name": checked_process_name(name, where), "start_activity_url": url}
        if options:
            said["options"] = dict(sorted(options.items()))
        document = compact(said)
        digest = hashlib.sha256(document.encode()).hexdigest()[:16]
        start = Activity(START, HttpCall(url), retry=self._settings.retry, timeouts=self._settings.timeouts)
        return with_options(Process(name, self.name, (start,), document, digest, self._settings.limits), options)

    # requests

    def start_body(self, given: Given) -> bytes:
        """The members as they are, with a key in any case."""
        return keyed_body(given)

    def read_request(self, process: Process, body: bytes) -> JobRequest:
        """`{"key", "data"?, "requestor"?}`; data may be any JSON value."""
        fields = request_object(body, EXAMPLE)
        key, data, requestor = requested_key(fields), fields.get("data"), named_requestor(fields)
        try:
            data_text = compact(data)
            payload = _payload(key, data_text, requestor)
        except (NotJson, UnicodeEncodeError) as error:
            raise InvalidRequest("body_invalid", f"the body holds what JSON in UTF-8 cannot: {error}") from None
        return JobRequest(key, data if isinstance(data, str) else data_text, requestor, payload)

    # calls

    def prepare(self, job: Job, task: Task) -> Attempt:
        """The parent's reply goes to a next activity as it is; to one in Python, its data alone."""
        activity = task.activity
        if isinstance(activity.call, HttpCall):
            return HttpRequest(activity.call.url, task.payload)
        if isinstance(activity.call, PythonCall):
            return invocation(activity.call, posted_data(task.payload))
        return attempt_of(activity, task.payload, self._settings)

    # replies

    def outcome(self, job: Job, task: Task, reply: Reply) -> Outcome:
        """Any 2xx with a JSON object of the documented form is a success."""
        return outcome_of(task, reply, lambda said: self._success(job, task, said))

    def _success(self, job: Job, task: Task, reply: Mapping[str, Any]) -> Success:
        name = replied_name(reply)
        data = compact(reply.get("data"))
        growth, growth_text = self._growth(reply.get("next_activities"), task.activity)
        if growth is None:
            return Success(data, None, growth_text)
        requestor = name or task.name
        return Success(data, growth, growth_text, _payload(job.key, data, requestor), requestor)

    def _growth(self, said: Any, parent: Activity) -> tuple[Growth | None, str]:
        if said is None or said == "undefined":
            return None, "undefined"
        if not isinstance(said, dict):
            raise NotJson("its next_activities is no object")
        definitions, parallelizable = said.get("definitions"), said.get("parallelizable", "yes")
        if not isinstance(definitions, list):
            raise NotJson("its next_activities has no list of definitions")
        if parallelizable not in ("yes", "no"):
            raise NotJson('parallelizable in its next_activities is neither "yes" nor "no"')
        activities = tuple(next_activity(definition, parent, "next_activities") for definition in definitions)
        return (Growth(activities, parallelizable == "yes") if activities else None), compact(said)

    def recorded(self, job: Job, task: Task, data: str, growth_text: str, handover: str) -> Success:
        """The success of which the record says `next` = `[requestor, [task names]]`."""
        if not handover:
            return Success(data, None, growth_text, names=())
        requestor, names = parse(handover.encode())
        growth, _ = self._growth(parse(growth_text.encode()), task.activity)
        return Success(data, growth, growth_text, _payload(job.key, data, requestor), requestor, tuple(names))

    def show(self, process: str, key: str, uuid: str, fields: Mapping[str, str], record: Mapping[str, str]) -> bytes:
        """`{"process", "uuid", "key", "requestor", "status": {"current", "time"}, "tasks": [{"name", "status", "data"}]}`."""
        return f"{{{main_form(self.layout, process, key, uuid, fields)}}}".encode()


class CameronManner:
    """The documented routes; all answers to a start echo its body as `payload`."""

    dialect = ""  # all: it is how the commands and the list of jobs reach those of the others
    start = "/api/process/{name}/start"
    job = "/api/process/{name}/key/{key}/job/{uuid}"
    located_by_path = False
    shows_record = False

    def process_of(self, fields: Mapping[str, str]) -> str:
        """By its name."""
        return fields["name"]

    def fields_of(self, process: str, alias: str, key: str, uuid: str) -> Mapping[str, str]:
        """All three."""
        return {"name": process, "key": key, "uuid": uuid}

    def started(self, started: Started) -> Answer:
        """201, or 200 where the job was there already; with the `job` where the client waited for its end."""
        return echo(200 if started.existing else 201, started.payload, started.ended)

    def refused(self, error: CameronError, body: bytes | None) -> Answer | None:
        """An unknown process is told as documented."""
        if body is not None and isinstance(error, ProcessNotFound):
            return echo(404, body.decode(errors="replace"))
        return None


def main_form(layout: HashLayout, process: str, key: str, uuid: str, fields: Mapping[str, str]) -> str:
    """A job as the main routes show it, as members of a JSON object."""
    requestor = compact(fields.get("job.requestor", ""))
    about = f'"process":{compact(process)},"uuid":{compact(uuid)},"key":{compact(key)},"requestor":{requestor}'
    return f"{about},{layout.shown(fields)}"


def _payload(key: str, data: str, requestor: str) -> bytes:
    """The body of a call; `data` is JSON text already, so that it is serialised once, however many tasks it goes to."""
    return f'{{"key":{compact(key)},"data":{data},"requestor":{compact(requestor)}}}'.encode()
