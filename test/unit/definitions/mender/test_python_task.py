"""Tasks of type python in Mender's workflows: what definitions say, what the activity is given, and what later tasks take from it."""

from typing import Any

import pytest

from cameron.core.event import Failure, HttpRequest, Invocation, Success, TaskCalled
from cameron.core.job import apply
from cameron.core.process import PythonCall
from cameron.core.strict_json import parse
from cameron.definitions import schema
from cameron.definitions.mender.dialect import MenderDialect

from ..written import Reply
from .test_dialect import SECRET, SECRETIVE, after, chain, fault, prepared, process, second, started, to


def python(activity: str = "charge", **block: Any) -> dict[str, Any]:
    """A task of that type."""
    return {"type": "python", "python": {"activity": activity, **block}}


@pytest.mark.parametrize("block", ["python", "taskdef"])
def test_a_task_may_be_a_python_activity(block: str) -> None:
    said = {"activity": "charge", "executionTimeOut": 2500, "isolation": "process"}
    [task] = process(chain({"type": "python", block: said}, inputs=())).activities
    assert (task.call, task.own.type, task.required) == (PythonCall("charge", 2.5, "process"), "python", True)


def test_without_a_time_of_its_own_it_has_the_nodes() -> None:
    assert process(chain(python(executionTimeOut=0), inputs=())).activities[0].call == PythonCall("charge")


def test_its_data_are_any_json_with_templates() -> None:
    data = {"amount": "${workflow.input.x}", "text": "no. ${workflow.input.x}", "list": [1, None, {"a": "$${"}]}
    attempt = prepared(started(chain(python(data=data)), x=7), "a")
    assert isinstance(attempt, Invocation)
    assert (attempt.activity, attempt.config) == ("charge", b"{}")
    assert parse(attempt.data) == {"amount": 7, "text": "no. 7", "list": [1, None, {"a": "${"}]}
    assert parse(attempt.note.encode()) == {"activity": "charge", "data": attempt.data.decode()}


def test_without_data_it_is_given_none() -> None:
    attempt = prepared(started(chain(python(), inputs=())), "a")
    assert isinstance(attempt, Invocation)
    assert attempt.data == b"null"


def test_a_template_that_cannot_be_filled_in_fails_the_task() -> None:
    failure = second(to(), python(data="${a.json.id}"), Reply(b"no json"))
    assert isinstance(failure, Failure)
    assert failure.kind == "template"


@pytest.mark.parametrize(
    ("returned", "template", "value"),
    [
        (b'{"id": 7, "who": {"name": "ann"}}', "${a.json.id}", 7),
        (b'{"id": 7, "who": {"name": "ann"}}', "${a.json.who.name}", "ann"),
        (b'{"id": 7}', "${a.json}", {"id": 7}),
        (b"[1]", "${a.json[0]}", 1),
        (b'"text"', "${a.json}", "text"),
        (b'"text"', "${a.output}", "text"),
        (b'{"id":7}', "${a.output}", '{"id":7}'),
        (b"null", "${a.output}", "null"),
        (b"false", "${a.json}", False),
    ],
)
def test_later_tasks_take_what_it_returned(returned: bytes, template: str, value: Any) -> None:
    job = after(started(chain(python(), to(body={"value": template}), inputs=())), "a", Reply(returned, 0))
    attempt = prepared(job, "b")
    assert isinstance(attempt, HttpRequest), attempt
    assert parse(attempt.body) == {"value": value}


def outcome(reply: Reply, dialect: MenderDialect = SECRETIVE) -> Any:
    job = started(chain(python(), inputs=()))
    job, _ = apply(job, TaskCalled("a"))
    return dialect.outcome(job, job.tasks["a"], reply)


def test_what_it_returned_is_its_result() -> None:
    assert outcome(Reply(b'{"a": [1]}', 0)) == Success('{"result":{"a":[1]}}')


def test_an_error_is_told_without_secrets() -> None:
    failure = outcome(Reply(b"", 0, failure="exception", error=f"charge raised ValueError: {SECRET}"))
    assert failure == Failure("exception", "charge raised ValueError: ***")


def test_a_secret_that_it_is_given_is_not_kept() -> None:
    job = started(chain(python(data={"pass": "${env.SECRET}"}), inputs=()))
    attempt = SECRETIVE.prepare(job, job.tasks["a"])
    assert isinstance(attempt, Invocation)
    assert parse(attempt.data) == {"pass": SECRET}
    assert parse(attempt.note.encode()) == {"activity": "charge", "data": '{"pass":"***"}'}


@pytest.mark.parametrize(
    ("task", "path"),
    [
        ({"type": "python", "python": {}}, "$.tasks[0].python.activity"),
        (python(""), "$.tasks[0].python.activity"),
        (python("${workflow.input.x}"), "$.tasks[0].python.activity"),
        (python(isolation="fork"), "$.tasks[0].python.isolation"),
        (python(uri="http://a/"), "$.tasks[0].python.uri"),
        (python() | {"http": {"uri": "http://a/"}}, "$.tasks[0].http"),
        ({"type": "http", "http": {"uri": "http://a/"}, "python": {"activity": "a"}}, "$.tasks[0].python"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(task: dict[str, Any], path: str) -> None:
    assert [found.path for found in schema.faults("mender", chain(task))] == [path]


def test_a_name_that_its_data_cannot_have_is_told() -> None:
    assert "${nobody.json} names no earlier task" in fault(chain(python(data=["${nobody.json}"])))


def test_it_says_what_is_missing() -> None:
    assert fault(chain({"type": "python"})) == "here: $.tasks[0].taskdef: is missing: say there what is done, or in python"
