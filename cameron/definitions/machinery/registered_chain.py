"""What is wrong with a service or a workflow that is to be registered: by the schema, in itself, and beside what is there already."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final

from cameron.core.strict_json import NotJson, compact
from cameron.core.template import TemplateFault, names_in
from cameron.definitions.hint import Hints
from cameron.definitions.machinery.service_chain import CALL_MEMBERS, Document, call_of, operations_of, retry_of
from cameron.definitions.registrar import Clash, FieldFaults, Known
from cameron.definitions.schema import faults
from cameron.definitions.settings import Settings

DIALECT: Final = "machinery"
WHOLE: Final = "body"  # what a fault of the document as a whole is told of
LOOKED_FOR_MAX: Final = 10  # names that nobody declares: of the first ones it is told what may be meant
NOT_ALL_SERVICES: Final = "not all services exist"  # machinery's own words


def check(kind: str, document: object, known: Known, settings: Settings) -> FieldFaults | Clash:
    """What stands in the way of registering the document; empty: nothing."""
    if found := faults(DIALECT, document, kind):
        return _by_field((fault.field or WHOLE, fault.told) for fault in found)
    assert isinstance(document, dict)
    try:
        compact(document)
    except NotJson as error:
        return {WHOLE: [f"it holds what JSON in UTF-8 cannot: {error}"]}
    if kind == "workflow" and missing_services(document, known):
        return Clash(NOT_ALL_SERVICES)
    if kind == "service":
        return _by_field(_service_faults(document, settings))
    return _by_field(_workflow_faults(document, known, Hints())) or _by_field(_value_faults(document, known, Hints(LOOKED_FOR_MAX)))


def missing_services(workflow: Document, known: Known) -> list[str]:
    """The services that the workflow names and that nobody has registered."""
    return [name for name in dict.fromkeys(workflow["services"]) if ("service", name) not in known]


def users_of(service: str, known: Known) -> list[str]:
    """The workflows that call the service."""
    return sorted(name for (kind, name), document in known.items() if kind == "workflow" and service in document.get("services", ()))


def _by_field(told: Iterable[tuple[str, str]]) -> FieldFaults:
    fields: FieldFaults = {}
    for field, message in told:
        fields.setdefault(field, []).append(message)
    return fields


def _twice(field: str, document: Document) -> Iterator[tuple[str, str]]:
    for name, count in Counter(declared["name"] for declared in document[field]).items():
        if count > 1:
            yield field, f"{name!r} is declared {count} times: remove all but one"


def _service_faults(service: Document, settings: Settings) -> Iterator[tuple[str, str]]:
    yield from _twice("inputs", service)
    yield from _twice("outputs", service)
    kind = service.get("kind", "http")
    odd = [member for member, kinds in CALL_MEMBERS.items() if member in service and kind not in kinds]
    for member in odd:
        yield member, f"goes with the kind {' or '.join(CALL_MEMBERS[member])}, not with {kind}: leave it out, or give another kind"
    if not odd:
        yield from _fault_of("kind", lambda: call_of(service, settings))
        yield from _fault_of("retry", lambda: retry_of(service.get("retry", {}), settings.retry))


def _fault_of(field: str, read: Callable[[], object]) -> Iterator[tuple[str, str]]:
    try:
        read()
    except NotJson as error:
        yield field, str(error)


def _workflow_faults(workflow: Document, known: Known, hints: Hints) -> Iterator[tuple[str, str]]:
    yield from _twice("inputs", workflow)
    yield from _twice("outputs", workflow)
    calls: Counter[str] = Counter(workflow["services"])
    seen: Counter[str] = Counter()
    for at, operation in enumerate(workflow.get("operations", ())):
        name, place = operation["service"], f"operations[{at}]"
        seen[name] += 1
        if name not in calls:
            yield "operations", f"{place}.service: {name!r} is none of the workflow's services{hints.nearest(name, calls)}"
        elif seen[name] == calls[name] + 1:
            yield "operations", f"{place}: one more for {name!r} than it is called: remove it, or name the service once more"
        else:
            yield from (("operations", f"{place}.{text}") for text in _operation_faults(operation, known["service", name], hints))


def _operation_faults(operation: Document, service: Document, hints: Hints) -> Iterator[str]:
    """An operation that fits the service as it is now; a service may change afterwards."""
    inputs, outputs = (dict.fromkeys(field["name"] for field in service.get(member, ())) for member in ("inputs", "outputs"))
    for name, said in operation.get("inputs", {}).items():
        if name not in inputs:
            yield f"inputs: service {service['name']!r} has no input {name!r}{hints.nearest(name, inputs)}"
        try:
            names_in(said)
        except TemplateFault as error:
            yield f"inputs.{name}: {error}"
    for name, said in operation.get("outputs", {}).items():
        if said not in outputs:
            yield f"outputs.{name}: service {service['name']!r} has no output {said!r}{hints.nearest(said, outputs)}"


def _value_faults(workflow: Document, known: Known, hints: Hints) -> Iterator[tuple[str, str]]:
    """Names of values that nobody has declared by then, as far as one that is declared is near.

    Others may be meant: events and services may bring more than they declare. As values only are added, an operation that goes with several
    calls is looked at for the first of them.
    """
    values = dict.fromkeys(field["name"] for field in workflow["inputs"])
    operations: list[Document] = workflow.get("operations", [])
    places = {id(operation): f"operations[{at}]" for at, operation in enumerate(operations)}
    called: Counter[str] = Counter()
    of_calls = operations_of(workflow["services"], operations)
    for name in workflow["services"]:
        called[name] += 1
        service, operation = known["service", name], of_calls.get((name, called[name]), {})
        place = places.pop(id(operation), "")
        for value, said in operation.get("inputs", {}).items() if place else ():
            yield from (("operations", f"{place}.inputs.{value}: {text}") for text in _unknown_values(said, values, hints))
        renamed = operation.get("outputs", {})
        hidden = set(renamed.values())
        values |= dict.fromkeys(given for given in _given(service) if given not in hidden) | dict.fromkeys(renamed)
    for field in workflow["outputs"]:
        if field["name"] not in values and (hint := hints.nearest(field["name"], values)):
            yield "outputs", f"neither the event nor a service gives {field['name']!r}{hint}"


def _unknown_values(said: object, values: Collection[str], hints: Hints) -> Iterator[str]:
    paths = [name.path for name in names_in(said) if name.default is None]
    if isinstance(said, str) and "${" not in said:
        paths = [(said,)]
    for path in dict.fromkeys(paths):
        if path[0] != "env" and path[0] not in values and ".".join(path) not in values and (hint := hints.nearest(path[0], values)):
            yield f"there is no value {path[0]!r} by then{hint}"


def _given(service: Document) -> list[str]:
    """What a reply brings; a program may print no object, and then it is how it ran."""
    ran = ("exit_code", "stdout", "stderr", "truncated") if service.get("kind") == "command" else ()
    return [*(field["name"] for field in service["outputs"]), *ran]
