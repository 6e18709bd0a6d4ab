"""The body of a start that is asked for without knowing the dialect: what was given is what the dialect then reads."""

import json
from typing import Any

import pytest

from cameron.core.process import Process
from cameron.definitions import Dialect, Given, Settings, dialects
from cameron.errors import InvalidRequest

KNOWN = dialects(Settings())
STARTS = {"cameron": "start_activity_url", "tickets": "start_point_url"}
SPARE = "a spare one"
INPUTS = {"path": "/", "more": [1, None]}


def definition(dialect: str) -> dict[str, Any]:
    """The stored document of a process that wants the input `path`, as far as the dialect's processes can want any."""
    if dialect in STARTS:
        return {"name": "a", STARTS[dialect]: "http://here/"}
    if dialect == "libero":
        return {"name": "a", "activities": [{"name": "Charge"}]}
    if dialect == "mender":
        said = {"name": "df", "type": "http", "http": {"uri": "http://here/${workflow.input.path}"}}
        return {"name": "a", "tasks": [said], "inputParameters": ["path"]}
    inputs = [{"name": "path", "type": "string"}]
    workflow = {"name": "a", "services": ["df"], "inputs": inputs, "outputs": [], "operations": []}
    return {"workflow": workflow, "services": {"df": {"name": "df", "address": "http://here/", "inputs": inputs, "outputs": []}}}


def started(dialect: Dialect, members: dict[str, Any]) -> tuple[str, str, str]:
    """The key, the data and the requestor that the dialect reads out of its own body."""
    process: Process = dialect.read_process(json.dumps({"dialect": dialect.name, **definition(dialect.name)}))
    request = dialect.read_request(process, dialect.start_body(Given(members, SPARE)))
    return request.key, request.data, request.requestor


@pytest.mark.parametrize("name", KNOWN)
def test_data_that_are_given_are_what_the_dialect_reads(name: str) -> None:
    _, data, _ = started(KNOWN[name], {"data": INPUTS})
    assert json.loads(data) == INPUTS


def test_a_key_and_a_requestor_are_told_to_the_dialects_that_have_them() -> None:
    members = {"key": "k", "data": INPUTS, "requestor": "me"}
    told = {name: started(dialect, members)[::2] for name, dialect in KNOWN.items()}
    none = ("", "")
    assert told == {"cameron": ("k", "me"), "tickets": ("k", ""), "libero": ("k", "me"), "mender": none, "machinery": none}


def test_the_spare_key_is_taken_where_a_start_has_to_name_one() -> None:
    keys = {name: started(dialect, {"data": INPUTS})[0] for name, dialect in KNOWN.items()}
    assert keys == {"cameron": SPARE, "tickets": SPARE, "libero": "", "mender": "", "machinery": ""}


def test_what_is_not_given_is_left_to_the_dialect() -> None:
    assert {name: started(KNOWN[name], {})[1] for name in ("cameron", "tickets", "libero")} == {
        "cameron": "null",
        "tickets": "null",
        "libero": "{}",
    }
    for name, told in {"mender": "Missing input parameters: path", "machinery": "data: is missing; it must be an object"}.items():
        with pytest.raises(InvalidRequest, match=told):
            started(KNOWN[name], {})


@pytest.mark.parametrize("name", KNOWN)
def test_the_same_gives_the_same_body(name: str) -> None:
    members = {"key": "k", "data": INPUTS}
    first, second = (KNOWN[name].start_body(Given(members, spare)) for spare in ("one", "another"))
    assert first == second


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("data", [{"path": "\ud800"}, {"path": float("inf")}])
def test_what_json_in_utf_8_cannot_hold_is_refused(name: str, data: Any) -> None:
    with pytest.raises(InvalidRequest, match="the data hold what JSON in UTF-8 cannot"):
        KNOWN[name].start_body(Given({"data": data}, SPARE))


@pytest.mark.parametrize("data", [None, "text", [1]])
def test_inputs_that_stand_by_themselves_have_to_be_an_object(data: Any) -> None:
    with pytest.raises(InvalidRequest, match="the data must be an object of the workflow's inputs, each by its name") as raised:
        KNOWN["mender"].start_body(Given({"data": data}, SPARE))
    assert (raised.value.code, raised.value.field) == ("data_invalid", "data")
