"""The tasks of Mender's workflows: what a definition says of one, and what an attempt at it is in a job."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from cameron.core.event import Attempt, Awaited, Failure, HttpRequest, Skip
from cameron.core.process import Activity, Calling, CommandCall, DelayCall, HttpCall, PythonCall, RetryPolicy, Timeouts, WaitCall
from cameron.core.strict_json import NotJson, compact
from cameron.core.template import Scope, TemplateFault, UnknownName, names_in
from cameron.definitions.filling import Filling
from cameron.definitions.kinds import command_line, invocation
from cameron.definitions.mask import HIDDEN, Mask
from cameron.definitions.mender.address import Address, address_of
from cameron.definitions.mender.body import NO_JSON, Body, JsonValue, NoBody, PlainText, is_json, text_body
from cameron.definitions.mender.flaws import BLOCK, BODIES, content_type_of
from cameron.definitions.settings import Settings

TYPED: Final = ("POST", "PUT", "PATCH")  # are sent a content type without a body, too: else libcurl gives one of its own
NOTED_MAX: Final = 65_536  # characters of a request's body that the record keeps
NOTED_LINE_MAX: Final = 8_192  # of its URI, of a header, of a word of a command

_SECRET = re.compile(r"authorization|cookie|token|secret|password|api-?key", re.IGNORECASE)  # in a header's name
_USER = re.compile(r"(?<=//)[^/?#@]*@")  # of a URL


class Request(NamedTuple):
    """An HTTP request with templates in it."""

    uri: Address
    method: str
    headers: tuple[tuple[str, str], ...]  # the content type among them
    body: Body
    statuses: frozenset[int]  # that are a success; empty: those below 400

    def accepts(self, status: int) -> bool:
        """Whether a reply of that status is a success."""
        return status in self.statuses if self.statuses else status < 400

    def fill(self, scope: Scope, mask: Mask) -> HttpRequest:
        """The request to send. Raises TemplateFault."""
        filling = Filling(scope)
        uri, body = self.uri.fill(filling), self.body.fill(filling)
        headers = [(name, filling.text(value)) for name, value in self.headers]
        self._refuse_raw(headers)
        note = {
            "uri": _noted(_USER.sub(f"{HIDDEN}@", uri), mask),
            "method": self.method,
            "headers": {name: HIDDEN if _SECRET.search(name) and value else _noted(value, mask) for name, value in headers},
            "payload": _noted(body, mask, NOTED_MAX),
        }
        return HttpRequest(uri, body.encode(), tuple(f"{name}: {value}" for name, value in headers), self.method, compact(note))

    def _refuse_raw(self, headers: Sequence[tuple[str, str]]) -> None:
        """Where a template says what the content type is: a text that is no JSON would let what is put into it break out."""
        if isinstance(self.body, PlainText) and names_in(self.body.template) and is_json(_content_type_among(headers)):
            raise TemplateFault(NO_JSON)


class Own(NamedTuple):
    """What the dialect keeps with an activity, besides what all dialects have."""

    type: str  # as the definition has it
    requires: tuple[str, ...]  # templates: where one comes out empty, the task is skipped
    request: Request | None  # of types http and wait; a wait may have none
    data: JsonValue = JsonValue(None)  # of type python: what its activity works on


# what a definition says


def read_task(said: Mapping[str, Any], earlier: Sequence[str], settings: Settings) -> Activity:
    """The activity of a task that fits the schema and has no flaws; `earlier` are the names of those before it."""
    kind = str(said["type"])
    at = said[BLOCK if BLOCK in said else kind]
    request = _request(at) if "uri" in at else None
    own = Own(kind, tuple(said.get("requires", ())), request, JsonValue(at.get("data")))
    return Activity(
        said["name"],
        _call(kind, at, settings),
        after=tuple(earlier[-1:]),
        required=True,
        retry=_retry(said, settings.retry),
        timeouts=_timeouts(at, settings.timeouts),
        own=own,
    )


def _request(said: Mapping[str, Any]) -> Request:
    method, headers, content_type = said.get("method", "POST").upper(), tuple(said.get("headers", {}).items()), content_type_of(said)
    body = _body(said, content_type)
    if not _content_type_among(headers) and (method in TYPED or not isinstance(body, NoBody)):
        headers = (("Content-Type", content_type), *headers)
    return Request(address_of(said["uri"]), method, headers, body, frozenset(said.get("statusCodes", ())))


def _content_type_among(headers: Sequence[tuple[str, str]]) -> str:
    return next((value for name, value in headers if name.lower() == "content-type"), "")


def _body(said: Mapping[str, Any], content_type: str) -> Body:
    given = next((name for name in BODIES if said.get(name) is not None), None)
    if given is None:
        return NoBody()
    value = said[given]
    return text_body(value, content_type) if isinstance(value, str) and given != "json" else JsonValue(value)


def _call(kind: str, said: Mapping[str, Any], settings: Settings) -> Calling:
    match kind:
        case "cli":
            return CommandCall(tuple(said["command"]), said.get("executionTimeOut", 0) / 1000)
        case "python":
            return PythonCall(said["activity"], said.get("executionTimeOut", 0) / 1000, said.get("isolation", ""))
        case "wait":
            return WaitCall(said.get("timeOut", 0) / 1000 or settings.callback_timeout_s, said.get("uri", ""))
        case "delay":
            return DelayCall(float(said["delaySeconds"]))
    return HttpCall(said["uri"], said.get("method", "POST").upper())


def _retry(said: Mapping[str, Any], default: RetryPolicy) -> RetryPolicy:
    """`retries` are further attempts, whatever has failed; without them it is as the node is set."""
    policy = default
    if "retries" in said:
        policy = policy._replace(attempts=said["retries"] + 1, on=frozenset({"*"}))
    if "retryDelaySeconds" in said:
        delay_s = float(said["retryDelaySeconds"])
        policy = policy._replace(delay_s=delay_s, factor=1.0, cap_s=delay_s, jitter=False)
    return policy


def _timeouts(said: Mapping[str, Any], default: Timeouts) -> Timeouts:
    connect_s = said.get("connectionTimeOut", 0) / 1000 or default.connect_s
    read_s = said.get("readTimeOut", 0) / 1000
    return Timeouts(connect_s, connect_s + read_s if read_s else default.call_s)


# what an attempt is


def attempt_at(activity: Activity, scope: Scope, settings: Settings, mask: Mask) -> Attempt:
    """The next attempt, all templates filled in."""
    own: Own = activity.own
    try:
        if lacking := _lacking(own.requires, Filling(scope)):
            return Skip(f"{lacking} is empty, which the task requires")
        match activity.call:
            case CommandCall(command, timeout_s):
                filling = Filling(scope)
                return _command([filling.text(word) for word in command], timeout_s, settings, mask)
            case PythonCall():
                return _run(activity.call, own.data.fill(Filling(scope)), mask)
            case DelayCall(delay_s):
                return Awaited(delay_s, callback=False)
            case WaitCall(timeout_s) if not own.request:
                return Awaited(timeout_s, callback=True)
        assert own.request is not None
        return own.request.fill(scope, mask)
    except (TemplateFault, NotJson) as error:
        return Failure("template", f"a template of task {activity.name!r} cannot be filled in: {error}")


def _lacking(requires: Sequence[str], filling: Filling) -> str:
    """The first of the templates that comes out empty, or names what is not there; "" where none does."""
    for template in requires:
        try:
            value = filling.value(template)
        except UnknownName:
            return template
        if value is None or (isinstance(value, str) and not value.strip()):
            return template or "an empty text"
    return ""


def _command(command: Sequence[str], timeout_s: float, settings: Settings, mask: Mask) -> Attempt:
    if any("\0" in word for word in command):
        return Failure("cannot_run", f"{command[0]!r} cannot be run: an argument holds a NUL, which no program can be given")
    note = compact({"command": [_noted(word, mask) for word in command]})
    return command_line(tuple(command), b"", settings, timeout_s, note)


def _run(call: PythonCall, data: str, mask: Mask) -> Attempt:
    note = compact({"activity": call.activity, "data": _noted(data, mask, NOTED_MAX)})
    return invocation(call, data.encode(), note=note)


def _noted(text: str, mask: Mask, most: int = NOTED_LINE_MAX) -> str:
    """As much of a text as the record keeps, without secrets."""
    masked = mask(text)
    return masked if len(masked) <= most else masked[:most] + "…"
