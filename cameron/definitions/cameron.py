"""The main dialect: processes of one start activity, which grow by the `next_activities` of each reply.

Definitions: `{processes, [{foo, {start_activity_url, "http://..."}}, ...]}.` in `priv/processes/<environment>.config`; a process may have
options, which its next activities have too.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from cameron.core.event import Change, Failure, Growth, Outcome, Success
from cameron.core.job import Job, Task
from cameron.core.process import CONTROL_CHARACTER, Activity, HttpCall, Process, checked_process_name, task_name_fault
from cameron.core.strict_json import NotJson, compact, parse
from cameron.definitions import hash_layout
from cameron.definitions.dialect import JobRequest, Reply, Writes
from cameron.definitions.options import NO_OPTIONS, Options, stored_options, with_options
from cameron.definitions.settings import Settings
from cameron.errors import ConfigError, InvalidRequest
from cameron.store import keys

KEY_MAX = 256
START = "start"  # what the first task is always called
ERROR_BODY_MAX = 500  # characters of a failed reply's body that its error quotes


class CameronDialect:
    """See `cameron.definitions.dialect.Dialect`."""

    name = "cameron"
    job_key = staticmethod(keys.job)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

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

    def read_request(self, process: Process, body: bytes) -> JobRequest:
        """`{"key", "data"?, "requestor"?}`; data may be any JSON value."""
        fields = _request_object(body)
        key, data, requestor = fields.get("key"), fields.get("data"), fields.get("requestor", "")
        if "key" not in fields:
            raise InvalidRequest("key_missing", "the body must name a key: a string of 1 to 256 characters", "key")
        if not isinstance(key, str):
            raise InvalidRequest("key_invalid", "the key must be a string", "key")
        if fault := _key_fault(key):
            raise InvalidRequest("key_invalid", fault, "key")
        if not isinstance(requestor, str):
            raise InvalidRequest("requestor_invalid", "the requestor must be a string", "requestor")
        try:
            data_text = compact(data)
            payload = _payload(key, data_text, requestor)
        except (NotJson, UnicodeEncodeError) as error:
            raise InvalidRequest("body_invalid", f"the body holds what JSON in UTF-8 cannot: {error}") from None
        return JobRequest(key, data if isinstance(data, str) else data_text, requestor, payload)

    # replies

    def outcome(self, job: Job, task: Task, reply: Reply) -> Outcome:
        """Any 2xx with a JSON object of the documented form is a success."""
        if reply.failure:
            return Failure(str(reply.failure), reply.error)
        if not 200 <= reply.status < 300:
            return Failure(f"http_{reply.status}", _status_text(task, reply), _seconds(reply.retry_after))
        try:
            return self._success(job, task, reply.body)
        except NotJson as error:
            return Failure("invalid_reply", f"the reply of {task.activity.call.url} cannot be used: {error}")

    def _success(self, job: Job, task: Task, body: bytes) -> Success:
        if not body.strip():
            raise NotJson("it is empty; a JSON object is expected")
        reply = parse(body)
        if not isinstance(reply, dict):
            raise NotJson("it is no JSON object")
        name = reply.get("name")
        if name is not None and not isinstance(name, str):
            raise NotJson("its name is no string")
        if name and not name.isascii():
            compact(name)  # what JSON in UTF-8 cannot hold is refused, whether the name is handed on or not
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
        activities = tuple(self._next_activity(definition, parent) for definition in definitions)
        return (Growth(activities, parallelizable == "yes") if activities else None), compact(said)

    def _next_activity(self, definition: Any, parent: Activity) -> Activity:
        if not isinstance(definition, dict):
            raise NotJson("a definition in its next_activities is no object")
        name, url = definition.get("name"), definition.get("url")
        if fault := task_name_fault(name):
            raise NotJson(f"in its next_activities, {fault}")
        if not isinstance(url, str) or not url:
            raise NotJson(f"the url of {name!r} in its next_activities is no string")
        return Activity(str(name), HttpCall(url), at_most_once=parent.at_most_once, retry=parent.retry, timeouts=parent.timeouts)

    def recorded(self, job: Job, task: Task, data: str, growth_text: str, handover: str) -> Success:
        """The success of which the record says `next` = `[requestor, [task names]]`."""
        if not handover:
            return Success(data, None, growth_text, names=())
        requestor, names = parse(handover.encode())
        growth, _ = self._growth(parse(growth_text.encode()), task.activity)
        return Success(data, growth, growth_text, _payload(job.key, data, requestor), requestor, tuple(names))

    # the record

    def accepted(self, request: JobRequest, stamp: str) -> list[str]:
        """The documented fields of a job that is scheduled."""
        return hash_layout.accepted(request, stamp)

    def writes(self, job: Job, changes: Sequence[Change], stamp: str) -> Writes:
        """The documented fields."""
        return hash_layout.writes(job, changes, stamp)

    def restore(self, job: Job, fields: Mapping[str, str], record: Mapping[str, str]) -> Job:
        """From the documented fields."""
        return hash_layout.restore(self, job, fields, record)

    def failed(self, fields: Mapping[str, str]) -> list[str]:
        """From the documented fields."""
        return hash_layout.failed(fields)

    def show(self, process: str, key: str, uuid: str, fields: Mapping[str, str]) -> bytes:
        """The documented document."""
        return hash_layout.show(process, key, uuid, fields)


def _request_object(body: bytes) -> dict[str, Any]:
    example = 'an object like {"key": "42", "data": "anything", "requestor": "me"}'
    if not body.strip():
        raise InvalidRequest("body_empty", f"the body is empty; it must be {example}")
    try:
        fields = parse(body)
    except NotJson as error:
        raise InvalidRequest("body_not_json", f"the body cannot be read: {error}; it must be {example}") from None
    if not isinstance(fields, dict):
        raise InvalidRequest("body_not_object", f"the body must be {example}")
    return fields


def _key_fault(key: str) -> str | None:
    if not key or len(key) > KEY_MAX:
        return f"the key must have 1 to {KEY_MAX} characters, not {len(key)}"
    if CONTROL_CHARACTER.search(key):
        return "the key must not hold control characters"
    if key in (".", ".."):
        return "the key must not be '.' or '..', which mean something else in a URL"
    return None


def _payload(key: str, data: str, requestor: str) -> bytes:
    """The body of a call; `data` is JSON text already, so that it is serialised once, however many tasks it goes to."""
    return f'{{"key":{compact(key)},"data":{data},"requestor":{compact(requestor)}}}'.encode()


def _status_text(task: Task, reply: Reply) -> str:
    body = reply.body[: 4 * ERROR_BODY_MAX].decode("utf-8", "replace").strip()
    shortened = body[:ERROR_BODY_MAX] + ("…" if len(body) > ERROR_BODY_MAX else "")
    return f"{task.activity.call.url} replied {reply.status}" + (f": {shortened}" if shortened else "")


def _seconds(retry_after: str) -> float | None:
    """A Retry-After in seconds; its other form, a date, would need a clock and is not taken."""
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 9 else None
