"""The kinds of activities, for every dialect: how definitions say them, what an attempt at one is, and what a run comes to.

As JSON, besides the members that are the dialect's own:

    {"url": "http://..."}
    {"kind": "command", "command": ["/bin/tar", "-t"]}
    {"kind": "python", "activity": "charge", "timeout_s": 60, "isolation": "process"}      the last two where they are wanted
    {"kind": "wait", "timeout_s": 3600}                      and a "url", where somebody is to be told the callback URL
    {"kind": "delay", "delay_s": 5}
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from cameron.core.event import Attempt, Awaited, CommandLine, Failure, HttpRequest, Invocation, Success
from cameron.core.exit_status import end_of, ended_by
from cameron.core.job import Task
from cameron.core.process import (
    CONTROL_CHARACTER,
    ISOLATIONS,
    Activity,
    Calling,
    CommandCall,
    DelayCall,
    HttpCall,
    PythonCall,
    WaitCall,
)
from cameron.core.strict_json import NotJson, compact, parse
from cameron.definitions.dialect import Reply
from cameron.definitions.mask import NOTHING_HIDDEN, Mask
from cameron.definitions.settings import Settings

DURATION_MAX_S: Final = 10 * 365 * 86_400.0
ACTIVITY_MAX = 128  # characters of the name of a Python activity
QUOTED_MAX = 500  # characters of what a failed command wrote that its error quotes
MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "http": ("url",),
    "command": ("command", "timeout_s"),
    "python": ("activity", "timeout_s", "isolation"),
    "wait": ("timeout_s", "url"),
    "delay": ("delay_s",),
}


class WrongMember(NotJson):
    """A member that is missing, wrong, or another kind's; `told` goes on after its place, where that is known."""

    def __init__(self, member: str, whose: str, told: str) -> None:
        super().__init__(f"the {member}{whose} {told}")
        self.member, self.told = member, told


def read_call(said: Mapping[str, Any], default: str = "http") -> Calling:
    """What the members of a definition have called; members that are of no kind are the dialect's. Raises WrongMember, or NotJson."""
    whose = f" of {said['name']!r}" if isinstance(said.get("name"), str) else ""
    kind = said.get("kind", default)
    if not isinstance(kind, str) or kind not in MEMBERS:
        raise WrongMember("kind", whose, f"is none of {', '.join(MEMBERS)}")
    if odd := [
        member for members in MEMBERS.values() for member in members if said.get(member) is not None and member not in MEMBERS[kind]
    ]:
        raise WrongMember(odd[0], whose, _of_another_kind(odd[0], kind, is_said="kind" in said))
    return _READ[kind](said, whose)


def attempt_of(activity: Activity, payload: bytes, settings: Settings) -> Attempt:
    """What an attempt at an activity of any kind is, where nothing in it has to be filled in.

    A program gets the payload as its input, a Python activity as its data.
    """
    match activity.call:
        case HttpCall(url, method):
            return HttpRequest(url, payload, method=method)
        case WaitCall(timeout_s, url):
            return HttpRequest(url, payload) if url else Awaited(timeout_s, callback=True)
        case DelayCall(delay_s):
            return Awaited(delay_s, callback=False)
        case CommandCall(command, timeout_s):
            return command_line(command, payload, settings, timeout_s)
        case PythonCall():
            return invocation(activity.call, payload)


def invocation(call: PythonCall, data: bytes, config: bytes = b"{}", note: str = "") -> Invocation:
    """The run of a Python activity with that data, JSON, and that `config`, a JSON object."""
    return Invocation(call.activity, data, config, call.timeout_s, call.isolation, note)


def posted_data(payload: bytes) -> bytes:
    """The `data` of a body that services are POSTed, as JSON: what a Python activity in their place works on."""
    return compact(parse(payload).get("data")).encode()


def command_line(
    command: tuple[str, ...], stdin: bytes, settings: Settings, timeout_s: float = 0.0, note: str = ""
) -> CommandLine | Failure:
    """The run of a program, or why it may not be run; `timeout_s` 0: as the node is set."""
    program = command[0]
    if program not in settings.allowed_binaries:
        text = f"{program!r} is not a program that this node may run: to allow it, add it to allowed_binaries under [commands]"
        return Failure("not_allowed", text)
    return CommandLine(command, stdin, timeout_s or settings.command_timeout_s, note)


def awaited(activity: Activity, reply: Reply) -> Awaited | None:
    """For how long to wait for the callback that this reply promises: any 2xx of a wait does, and a 202 where a callback is offered."""
    if reply.failure or reply.is_callback:
        return None
    match activity.call:
        case WaitCall(timeout_s) if 200 <= reply.status < 300:
            return Awaited(timeout_s, callback=True)
        case HttpCall() if reply.status == 202 and activity.callback_s > 0:
            return Awaited(activity.callback_s, callback=True)
    return None


def command_outcome(task: Task, reply: Reply, program: str = "", mask: Mask = NOTHING_HIDDEN) -> Success | Failure:
    """What a program's run comes to: data `{"exit_code", "stdout", "stderr", "truncated"}` where that is 0.

    `program` is the one that was run, where the definition does not say it; errors are told without what the mask hides.
    """
    if reply.failure:
        return Failure(str(reply.failure), mask(reply.error))
    stdout, stderr = (output.decode("utf-8", "replace") for output in (reply.body, reply.stderr))
    if reply.status == 0:
        return Success(compact({"exit_code": 0, "stdout": stdout, "stderr": stderr, "truncated": reply.is_cut}))
    quoted = end_of(mask(stderr), QUOTED_MAX) or end_of(mask(stdout), QUOTED_MAX)
    kind, how = _ending(reply.status)
    return Failure(kind, f"{program or task.activity.call.target} {how}" + (f": {quoted}" if quoted else ""))


def python_outcome(task: Task, reply: Reply, mask: Mask = NOTHING_HIDDEN) -> Success | Failure:
    """What the run of a Python activity comes to: its data are what it has returned."""
    if reply.failure:
        return Failure(str(reply.failure), mask(reply.error))
    try:
        return Success(compact(parse(reply.body)))
    except NotJson as error:
        return Failure("invalid_data", f"what {task.activity.call.target} returned cannot be used: {error}")


def _of_another_kind(member: str, kind: str, is_said: bool) -> str:
    kinds = [other for other, members in MEMBERS.items() if member in members]
    if is_said or len(kinds) > 2:  # so many have a timeout that none is more likely meant than the others
        return f"is of another kind than {kind}, which has {' and '.join(MEMBERS[kind])}"
    return f'belongs to the kind {" or ".join(kinds)}: add "kind": "{kinds[0]}"'


def _ending(status: int) -> tuple[str, str]:
    if status > 0:
        return f"exit_{status}", f"ended with status {status}"
    return f"signal_{-status}", ended_by(-status)


def _http(said: Mapping[str, Any], whose: str) -> HttpCall:
    return HttpCall(_url(said, whose))


def _wait(said: Mapping[str, Any], whose: str) -> WaitCall:
    timeout_s = _duration_s(said, "timeout_s", whose)
    return WaitCall(timeout_s, _url(said, whose) if "url" in said else "")


def _delay(said: Mapping[str, Any], whose: str) -> DelayCall:
    return DelayCall(_duration_s(said, "delay_s", whose))


def _command(said: Mapping[str, Any], whose: str) -> CommandCall:
    command = _given(said, "command", whose)
    if not isinstance(command, list) or not command or not all(isinstance(word, str) and word and "\0" not in word for word in command):
        told = "is no list of a program and its arguments, strings that are not empty and have no NUL"
        raise WrongMember("command", whose, told)
    compact(command)  # what cannot be encoded cannot be run either
    return CommandCall(tuple(command), _duration_s(said, "timeout_s", whose) if "timeout_s" in said else 0.0)


def _python(said: Mapping[str, Any], whose: str) -> PythonCall:
    name, isolation = _given(said, "activity", whose), said.get("isolation", "")
    if not isinstance(name, str) or not 1 <= len(name) <= ACTIVITY_MAX or CONTROL_CHARACTER.search(name):
        told = f"is no name of a class or function: 1 to {ACTIVITY_MAX} characters, none of control"
        raise WrongMember("activity", whose, told)
    if "isolation" in said and isolation not in ISOLATIONS:
        raise WrongMember("isolation", whose, f"is neither {' nor '.join(ISOLATIONS)}")
    compact(name)
    return PythonCall(name, _duration_s(said, "timeout_s", whose) if "timeout_s" in said else 0.0, isolation)


def _url(said: Mapping[str, Any], whose: str) -> str:
    url = _given(said, "url", whose)
    if not isinstance(url, str) or not url:
        raise WrongMember("url", whose, "is no string" if not isinstance(url, str) else "is empty")
    return url


def _duration_s(said: Mapping[str, Any], member: str, whose: str) -> float:
    value = _given(said, member, whose)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= DURATION_MAX_S:
        raise WrongMember(member, whose, f"is no number of seconds above 0 and up to {DURATION_MAX_S:.0f} (10 years)")
    return float(value)


def _given(said: Mapping[str, Any], member: str, whose: str) -> object:
    if member not in said:
        raise WrongMember(member, whose, "is missing")
    return said[member]


_READ: Final[Mapping[str, Callable[[Mapping[str, Any], str], Calling]]] = {
    "http": _http,
    "command": _command,
    "python": _python,
    "wait": _wait,
    "delay": _delay,
}
