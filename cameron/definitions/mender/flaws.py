"""What is wrong with a workflow of Mender's, but for what its schema says: all of it at once, also where it does not fit the schema."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from cameron.core.process import task_name_fault
from cameron.core.template import TemplateFault, names_in
from cameron.definitions.files.json_path import json_path
from cameron.definitions.mender.address import address_fault
from cameron.definitions.mender.body import NO_JSON, PlainText, is_json, text_body
from cameron.definitions.mender.scope import Declared
from cameron.definitions.schema import Fault

BLOCK: Final = "taskdef"  # what a task does; may also be called by its type
BODIES: Final = ("payload", "body", "json")
TYPES: Final = ("http", "cli", "python", "wait", "delay")
JSON: Final = "application/json"

Place = tuple[str | int, ...]  # the members' names and the indices that lead to a part of the document


def flaws(document: Mapping[str, Any]) -> Iterator[Fault]:
    """In the order of the tasks."""
    inputs = [*_list(document.get("inputParameters")), *_list(document.get("optionalParameters"))]
    earlier: list[str] = []
    for at, said in enumerate(_list(document.get("tasks"))):
        if not isinstance(said, dict):
            continue
        name = said.get("name")
        yield from _of_name(name, ("tasks", at, "name"), earlier)
        yield from _of_task(said, ("tasks", at), Declared(inputs, earlier))
        if isinstance(name, str) and name not in earlier:
            earlier.append(name)


def _of_name(name: object, place: Place, earlier: Sequence[str]) -> Iterator[Fault]:
    if not isinstance(name, str):
        return
    if fault := task_name_fault(name):
        yield Fault(json_path(place), fault)
    elif name in earlier:
        yield Fault(json_path(place), f"a second task named {name!r}: names must differ")


def _of_task(said: Mapping[str, Any], place: Place, declared: Declared) -> Iterator[Fault]:
    kind = said.get("type")
    blocks = [name for name in (BLOCK, kind) if isinstance(name, str) and name in said]
    if not blocks and kind in TYPES:
        yield Fault(json_path((*place, BLOCK)), f"is missing: say there what is done, or in {kind}")
    if len(blocks) > 1:
        yield Fault(json_path((*place, blocks[1])), f"is given beside {BLOCK}: say in one of them what is done")
    for where, text in _texts(said.get("requires"), (*place, "requires")):
        yield from _of_text(text, where, declared)
    for block in blocks:
        if isinstance(said[block], dict):
            yield from _of_request(said[block], (*place, block))
        for where, text in _texts(said[block], (*place, block)):
            yield from _of_text(text, where, declared)


def _of_request(said: Mapping[str, Any], place: Place) -> Iterator[Fault]:
    uri = said.get("uri")
    if isinstance(uri, str) and uri and not uri.lower().startswith(("http://", "https://", "${")):
        yield Fault(json_path((*place, "uri")), f"must begin with http:// or https://, not be {uri!r}")
    if isinstance(uri, str) and (told := address_fault(uri)):
        yield Fault(json_path((*place, "uri")), told)
    given = [name for name in BODIES if said.get(name) is not None]
    for name in given[:1]:
        if name != "json" and _goes_raw(said[name], content_type_of(said)):
            yield Fault(json_path((*place, name)), NO_JSON)
    for name in given[1:]:
        yield Fault(json_path((*place, name)), f"is given beside {given[0]}: a request has one body")


def content_type_of(said: Mapping[str, Any]) -> str:
    """The content type that a request has, if it has a body; the definition may be any object."""
    headers = said.get("headers")
    given = [value for name, value in headers.items() if name.lower() == "content-type"] if isinstance(headers, dict) else []
    return next((value for value in (*given, said.get("contentType")) if isinstance(value, str) and value), JSON)


def _goes_raw(text: object, content_type: str) -> bool:
    """Whether a text that is to be JSON, but is none, would be sent as it comes."""
    if not isinstance(text, str) or not text.strip() or not is_json(content_type):
        return False
    try:
        return isinstance(text_body(text, content_type), PlainText)
    except TemplateFault:  # told already
        return False


def _of_text(template: str, place: Place, declared: Declared) -> Iterator[Fault]:
    try:
        told = [fault for name in names_in(template) if (fault := declared.fault(name))]
    except TemplateFault as error:
        told = [str(error)]
    yield from (Fault(json_path(place), text) for text in dict.fromkeys(told))


def _texts(value: Any, place: Place) -> Iterator[tuple[Place, str]]:
    """All strings in a JSON value, and where they stand."""
    match value:
        case str():
            yield place, value
        case list():
            for at, inner in enumerate(value):
                yield from _texts(inner, (*place, at))
        case dict():
            for name, inner in value.items():
                yield from _texts(inner, (*place, name))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
