"""A workflow's services as activities one after another, and the data that goes from one to the next.

Each service is POSTed the data so far: what the event brought, and on top of it what each service before has replied.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from cameron.core.process import Activity, Calling, RetryPolicy
from cameron.core.strict_json import NotJson, compact
from cameron.core.template import RENDERED_MAX, TemplateFault, UnknownName, reach
from cameron.definitions.filling import Filling, as_json
from cameron.definitions.kinds import read_call
from cameron.definitions.machinery.typed_data import Field, faults, read_fields
from cameron.definitions.mask import Mask
from cameron.definitions.options import OPTIONS
from cameron.definitions.settings import Settings, refused_variable

Document = Mapping[str, Any]

CALL_MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {  # a member of a service's document -> the kinds of service that have it
    "address": ("http", "wait"),
    "command": ("command",),
    "activity": ("python",),
    "isolation": ("python",),
    "delay_s": ("delay",),
    "timeout_s": ("http", "wait", "command", "python"),
    "callback_timeout_s": ("http", "wait"),
    "retry": ("http", "wait", "command", "python"),
}
_SHARED: Final = ("command", "activity", "isolation", "delay_s")  # such members that are called so in all dialects
_READ_AS: Final = {"address": "url"} | {name: name for name in _SHARED}  # a member -> what it is called with every kind


class Step(NamedTuple):
    """What a workflow knows of one call of a service."""

    service: str
    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]
    taken: Mapping[str, Any]  # an input of the service -> the name of a value of the workflow, or a template
    given: Mapping[str, str]  # a value of the workflow -> the name that the service's reply has for it
    ends: tuple[Field, ...] = ()  # what the workflow has to have come to after this step
    timeout_s: float = 0.0  # of a command; 0: as the node is set


def chain(workflow: Document, services: Mapping[str, Document], settings: Settings) -> tuple[Activity, ...]:
    """The activities of a checked workflow; a service that is called again has tasks `upper`, `upper#2`. Raises NotJson."""
    names: Sequence[str] = workflow["services"]
    renames = operations_of(names, workflow.get("operations", ()))
    last = max((at for at, name in enumerate(names) if services[name].get("kind") != "delay"), default=-1)  # a delay has no reply to check
    seen: Counter[str] = Counter()
    activities: list[Activity] = []
    for at, name in enumerate(names):
        seen[name] += 1
        service, operation = services[name], renames.get((name, seen[name]), {})
        step = Step(
            name,
            read_fields(service["inputs"]),
            read_fields(service["outputs"]),
            operation.get("inputs", {}),
            operation.get("outputs", {}),
            read_fields(workflow["outputs"]) if at == last else (),
            service.get("timeout_s", 0.0),
        )
        task = name if seen[name] == 1 else f"{name}#{seen[name]}"
        after = (activities[-1].name,) if activities else ()
        activities.append(_activity(task, after, service, step, settings))
    return tuple(activities)


def operations_of(names: Sequence[str], operations: Iterable[Document]) -> dict[tuple[str, int], Document]:
    """Which operation goes with which call of a service, by name and number: they go in order, and an only one goes with all calls."""
    listed: dict[str, list[Document]] = {}
    for operation in operations:
        listed.setdefault(operation["service"], []).append(operation)
    return {
        (name, number): said[0] if len(said) == 1 else said[number - 1]
        for name, said in listed.items()
        for number in range(1, (names.count(name) if len(said) == 1 else len(said)) + 1)
    }


def _activity(task: str, after: tuple[str, ...], service: Document, step: Step, settings: Settings) -> Activity:
    timeouts, callback_s = settings.timeouts, float(service.get("callback_timeout_s", settings.callback_timeout_s))
    call = call_of(service, settings)
    return Activity(
        task,
        call,
        after,
        required=True,
        retry=retry_of(service.get("retry", {}), settings.retry),
        timeouts=timeouts._replace(call_s=float(service.get("timeout_s", timeouts.call_s))),
        callback_s=callback_s if call.kind == "http" else 0.0,
        own=step,
    )


def call_of(service: Document, settings: Settings) -> Calling:
    """What is called where a service is. Raises NotJson."""
    said = {"name": service["name"], "kind": service.get("kind", "http")}
    said |= {_READ_AS[member]: service[member] for member in _READ_AS if member in service}
    if said["kind"] == "wait":
        said["timeout_s"] = service.get("callback_timeout_s", settings.callback_timeout_s)
    elif said["kind"] == "python" and "timeout_s" in service:
        said["timeout_s"] = service["timeout_s"]
    return read_call(said)


def retry_of(said: Document, policy: RetryPolicy) -> RetryPolicy:
    """The policy with what a service says of it. Raises NotJson."""
    fields: dict[str, Any] = {}
    for member, value in said.items():
        option = OPTIONS[f"retry.{member}"]
        try:
            fields[option.field] = option.becomes(option.kind.read(value))
        except ValueError as error:
            raise NotJson(f"{member} must be {option.kind.allowed}, not {error}") from None
    return policy._replace(**fields)


# what goes out and what comes back


def call_body(step: Step, data: dict[str, Any], settings: Settings, mask: Mask) -> bytes:
    """What the step's service is POSTed. Raises TemplateFault where an input is missing, or of another type than declared."""
    filling = Filling(_Data(data, settings.env))
    body = data | {name: _taken(name, said, filling) for name, said in step.taken.items()}
    if told := faults(step.inputs, body, mask):
        raise TemplateFault("; ".join(f"its input {name!r} {text}" for name, text in told.items()))
    return compact(body).encode()


def contribution(step: Step, reply: Mapping[str, Any], data: Callable[[], dict[str, Any]], mask: Mask) -> str:
    """What a service's reply adds to the data, as JSON text. Raises NotJson where it lacks what it has to have."""
    if told := faults(step.outputs, reply, mask):
        raise NotJson("; ".join(f"its output {name!r} {text}" for name, text in told.items()))
    if absent := [name for name in step.given.values() if name not in reply]:
        raise NotJson(f"it has no {', '.join(map(repr, absent))}, which the workflow's operation wants of it")
    renamed = Counter(step.given.values())
    if sum(len(compact(reply[said])) * count for said, count in renamed.items()) > RENDERED_MAX:
        raise NotJson(f"with all the names that the workflow's operation gives its outputs, it has more than {RENDERED_MAX} characters")
    given = {name: value for name, value in reply.items() if name not in renamed} | {name: reply[said] for name, said in step.given.items()}
    if step.ends and (told := faults(step.ends, data() | given, mask)):
        raise NotJson("; ".join(f"with it, the workflow's output {name!r} {text}" for name, text in told.items()))
    return compact(given)


class _Data:
    """The scope of an operation's templates: the data so far by name, members of its objects behind a dot, and `env.NAME`."""

    def __init__(self, data: Mapping[str, Any], env: Mapping[str, str]) -> None:
        self._data, self._env = data, env

    def look_up(self, path: tuple[str, ...]) -> Any:
        whole = ".".join(path)
        if whole in self._data:
            return self._data[whole]
        if path[0] == "env" and "env" not in self._data:
            return self._variable(".".join(path[1:]))
        return reach(self._data, path, "the data so far have no", "they have")

    def _variable(self, name: str) -> str:
        if name not in self._env:
            raise UnknownName(refused_variable(name))
        return self._env[name]


def _taken(name: str, said: Any, filling: Filling) -> Any:
    try:
        if not isinstance(said, str) or "${" in said:
            return filling.value(said)
        value = filling.scope.look_up((said,))
        filling.spend(as_json(value))
    except TemplateFault as error:
        raise TemplateFault(f"its input {name!r}: {error}") from None
    return value
