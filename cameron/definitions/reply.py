"""What a service replied, as far as dialects read it alike: a 2xx with a JSON object is a success, all else a failure with its text."""

from collections.abc import Callable, Mapping
from typing import Any

from cameron.core.event import Failure, Outcome, Success
from cameron.core.job import Task
from cameron.core.process import Activity, HttpCall, task_name_fault
from cameron.core.strict_json import NotJson, compact, parse
from cameron.definitions.dialect import Reply
from cameron.definitions.kinds import awaited, command_outcome, python_outcome, read_call
from cameron.definitions.mask import NOTHING_HIDDEN, Mask

ERROR_BODY_MAX = 500  # characters of a failed reply's body that its error quotes


def outcome_of(task: Task, reply: Reply, read: Callable[[Mapping[str, Any]], Success], mask: Mask = NOTHING_HIDDEN) -> Outcome:
    """What came of an attempt of any kind; `read` makes a success of the members of a service's reply, or raises NotJson.

    Errors are told without what the mask hides, but for the text of `read`, whose business that is.
    """
    if reply.failure:
        return Failure(str(reply.failure), mask(reply.error))
    if task.activity.kind == "command":
        return command_outcome(task, reply, mask=mask)
    if task.activity.kind == "python":
        return python_outcome(task, reply, mask)
    if promised := awaited(task.activity, reply):
        return promised
    if not 200 <= reply.status < 300:
        return Failure(f"http_{reply.status}", status_text(task.activity.call.target, reply, mask), seconds(reply.retry_after))
    try:
        return read(_members(reply.body))
    except NotJson as error:
        return Failure("invalid_reply", f"the reply of {sender(task, reply)} cannot be used: {error}")


def replied_name(reply: Mapping[str, Any]) -> str:
    """The name that the reply gives, "" where it gives none. Raises NotJson."""
    name = reply.get("name")
    if name is not None and not isinstance(name, str):
        raise NotJson("its name is no string")
    if name and not name.isascii():
        compact(name)  # what JSON in UTF-8 cannot hold is refused, whether the name is handed on or not
    return name or ""


def next_activity(said: Any, parent: Activity, member: str) -> Activity:
    """An activity that a reply names in that member, which is run as its parent is. Raises NotJson."""
    if not isinstance(said, dict):
        raise NotJson(f"a definition in its {member} is no object")
    name, url = said.get("name"), said.get("url")
    if fault := task_name_fault(name):
        raise NotJson(f"in its {member}, {fault}")
    if "kind" not in said and not (isinstance(url, str) and url):
        raise NotJson(f"the url of {name!r} in its {member} is no string")
    call = read_call(said) if "kind" in said else HttpCall(str(url))
    return Activity(str(name), call, at_most_once=parent.at_most_once, retry=parent.retry, timeouts=parent.timeouts)


def sender(task: Task, reply: Reply) -> str:
    """Who sent the reply, for a person."""
    return "the callback" if reply.is_callback else task.activity.call.target


def status_text(target: str, reply: Reply, mask: Mask = NOTHING_HIDDEN) -> str:
    """What the target replied instead of a success, with the beginning of its body."""
    body = mask(reply.body.decode("utf-8", "replace")).strip()
    shortened = body[:ERROR_BODY_MAX] + ("…" if len(body) > ERROR_BODY_MAX else "")
    return f"{target} replied {reply.status}" + (f": {shortened}" if shortened else "")


def seconds(retry_after: str) -> float | None:
    """A Retry-After in seconds; its other form, a date, would need a clock and is not taken."""
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 9 else None


def _members(body: bytes) -> dict[str, Any]:
    if not body.strip():
        raise NotJson("it is empty; a JSON object is expected")
    reply = parse(body)
    if not isinstance(reply, dict):
        raise NotJson("it is no JSON object")
    return reply
