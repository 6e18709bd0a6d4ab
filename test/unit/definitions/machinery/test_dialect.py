"""The dialect of machinery: what may be registered, what an event has to bring, and how data go from one service to the next."""

import json
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cameron.core.event import (
    Awaited,
    Change,
    CommandLine,
    Failure,
    HttpRequest,
    Invocation,
    JobStarted,
    Success,
    TaskCalled,
    TaskFailed,
    TaskReplied,
)
from cameron.core.job import Job, apply, new_job
from cameron.core.process import CommandCall, DelayCall, HttpCall, Process, PythonCall, WaitCall
from cameron.core.status import Status
from cameron.core.strict_json import parse
from cameron.definitions.machinery import data_so_far
from cameron.definitions.machinery.dialect import MachineryDialect
from cameron.definitions.manner import Answer, Started
from cameron.definitions.registrar import Clash, identity
from cameron.definitions.settings import Settings
from cameron.errors import (
    CameronError,
    FieldErrors,
    IdempotencyKeyReused,
    InvalidRequest,
    JobNotFound,
    ProcessNotFound,
    StoreUnavailable,
)

from ..written import Reply

EXAMPLES = Path(__file__).resolve().parents[4] / "examples" / "definitions"
DIALECT = MachineryDialect(Settings(allowed_binaries=frozenset({"tr"}), callback_timeout_s=60.0, env={"CITY": "Paris"}))
SENTENCE = "The Sun will rise in the morning !"
UUID = "0123456789abcdef0123456789abcdef"
ENV = "${env.HOME}: HOME is not allowed, or not set: add it to env under [templates]"


def example(name: str) -> dict[str, Any]:
    """One of the documents of the example."""
    return dict(json.loads((EXAMPLES / f"{name}.json").read_text()))


def fields(**types: str) -> list[dict[str, str]]:
    return [{"name": name, "type": type_name} for name, type_name in types.items()]


def service(name: str = "any", inputs: Any = (), outputs: Any = (), **more: Any) -> dict[str, Any]:
    return {"name": name, "address": f"http://{name}.local/", "inputs": list(inputs), "outputs": list(outputs), **more}


def workflow(*services: str, inputs: Any = (), outputs: Any = (), **more: Any) -> dict[str, Any]:
    return {"name": "flow", "services": list(services), "inputs": list(inputs), "outputs": list(outputs), **more}


def known(*services: dict[str, Any], workflows: Any = ()) -> dict[tuple[str, str], dict[str, Any]]:
    return {("service", said["name"]): said for said in services} | {("workflow", said["name"]): said for said in workflows}


def compiled(of: dict[str, Any], *services: dict[str, Any]) -> Process:
    """The process of a workflow, which has to be one that may be registered."""
    for said in services:
        assert DIALECT.check("service", said, {}) == {}
    assert DIALECT.check("workflow", of, known(*services)) == {}
    [process], problems = DIALECT.compile(known(*services, workflows=[of]))
    assert problems == []
    return process


TEXT_SERVICES = [example("service-upper"), example("service-reverse"), example("service-space-counter")]
PROCESS_TEXT = compiled(example("workflow-process-text"), *TEXT_SERVICES)


class Event:
    """An event under way, and what Redis would hold of it."""

    def __init__(self, process: Process, data: dict[str, Any]) -> None:
        request = DIALECT.read_request(process, json.dumps({"data": data}).encode())
        self.fields = dict(pairs(DIALECT.layout.accepted(request._replace(key=UUID), "now")))
        self.record = {"accepted": "1790000000123", **dict(pairs(request.record))}
        self.process, self.payload = process, request.payload
        self.job = new_job(process, UUID, UUID, request.payload, 1)
        self.keep(*apply(self.job, JobStarted()))

    def attempt(self, name: str) -> Any:
        """What the next attempt at a task is to be."""
        return DIALECT.prepare(self.job, self.job.tasks[name])

    def posted(self, name: str) -> Any:
        """What the service is POSTed."""
        attempt = self.attempt(name)
        assert isinstance(attempt, HttpRequest), attempt
        return json.loads(attempt.body)

    def reply(self, name: str, said: Any, **more: Any) -> Any:
        """Call a task; what its reply comes to."""
        self.keep(*apply(self.job, TaskCalled(name)))
        outcome = DIALECT.outcome(self.job, self.job.tasks[name], Reply(json.dumps(said).encode(), **more))
        if isinstance(outcome, Success):
            self.keep(*apply(self.job, TaskReplied(name, outcome)))
        elif isinstance(outcome, Failure):
            self.keep(*apply(self.job, TaskFailed(name, outcome.text)))
        return outcome

    def shown(self, **more: str) -> Any:
        """As its clients see it."""
        return json.loads(DIALECT.show(self.process.name, UUID, UUID, {**self.fields, **more}, self.record))

    def restored(self) -> "Event":
        """The same, read back from Redis."""
        new = new_job(self.process, UUID, UUID, self.payload, 1)
        self.job = DIALECT.layout.restore(new, self.fields, self.record)
        return self

    def keep(self, job: Job, changes: list[Change]) -> None:
        """What an event made of the job, and of its keys."""
        self.job = job
        writes = DIALECT.layout.writes(job, changes, "now")
        self.fields.update(pairs(writes.fields))
        self.record.update(pairs(writes.record))


def pairs(flat: Any) -> Any:
    return zip(flat[::2], flat[1::2], strict=True)


# what may be registered


def test_the_documents_own_examples_may_be_registered() -> None:
    for said in TEXT_SERVICES:
        assert DIALECT.check("service", said, {}) == {}
    assert DIALECT.check("workflow", example("workflow-process-text"), known(*TEXT_SERVICES)) == {}


@pytest.mark.parametrize("missing", ["name", "address", "inputs", "outputs"])
def test_a_service_without_one_of_its_members_is_told_which(missing: str) -> None:
    said = {member: value for member, value in example("service-upper").items() if member != missing}
    found = DIALECT.check("service", said, {})
    assert isinstance(found, dict)
    assert list(found) == [missing]
    assert found[missing][0].startswith("is missing")


@pytest.mark.parametrize("missing", ["name", "services", "inputs", "outputs"])
def test_a_workflow_without_one_of_its_members_is_told_which(missing: str) -> None:
    said = {member: value for member, value in example("workflow-process-text").items() if member != missing}
    found = DIALECT.check("workflow", said, known(*TEXT_SERVICES))
    assert isinstance(found, dict)
    assert list(found) == [missing]


@pytest.mark.parametrize(
    ("wrong", "field", "text"),
    [
        ({"name": "a b"}, "name", "'a b' will not do: a name has 1 to 64 letters"),
        ({"name": "a\n"}, "name", "will not do"),
        ({"address": "ftp://upper.local"}, "address", "a URL is wanted that begins with http:// or https://"),
        ({"address": 5}, "address", "must be a string, not 5"),
        ({"inputs": {}}, "inputs", "must be a list"),
        ({"inputs": fields(message="text")}, "inputs", "inputs[0].type: must be 'string', 'int'"),
        ({"inputs": [{"type": "int"}]}, "inputs", "inputs[0].name: is missing"),
        ({"outputs": [*fields(a="int"), *fields(a="int")]}, "outputs", "'a' is declared 2 times"),
        ({"adress": ""}, "adress", "did you mean 'address'?"),
        ({"kind": "magic"}, "kind", "must be 'http', 'command', 'python', 'wait' or 'delay'"),
        ({"kind": "command", "command": ["tr"]}, "address", "goes with the kind http or wait, not with command"),
        ({"kind": "python"}, "activity", "is missing: the class or function of the node's package"),
        ({"kind": "python", "activity": "a"}, "address", "goes with the kind http or wait, not with python"),
        ({"activity": "charge"}, "activity", "goes with the kind python, not with http"),
        ({"isolation": "process"}, "isolation", "goes with the kind python, not with http"),
        ({"command": ["tr"]}, "command", "goes with the kind command, not with http"),
        ({"timeout_s": 0}, "timeout_s", "must be more than 0"),
        ({"retry": {"attempts": 0}}, "retry", "retry.attempts: must be at least 1"),
        ({"retry": {"on": ["bad luck"]}}, "retry", "on must be a list of"),
    ],
)  # fmt: skip
def test_a_wrong_member_of_a_service_is_told_with_what_it_must_be(wrong: dict[str, Any], field: str, text: str) -> None:
    found = DIALECT.check("service", service() | wrong, {})
    assert isinstance(found, dict)
    assert list(found) == [field]
    assert text in found[field][0]


@pytest.mark.parametrize("document", [[], "text", None, 5])
def test_what_is_no_object_is_no_service(document: Any) -> None:
    found = DIALECT.check("service", document, {})
    assert isinstance(found, dict)
    assert "must be an object" in found["body"][0]


def test_what_json_in_utf_8_cannot_hold_is_refused() -> None:
    found = DIALECT.check("service", service(description="\ud800"), {})
    assert found == {"body": ["it holds what JSON in UTF-8 cannot: a lone surrogate, which is no character"]}


@pytest.mark.parametrize(("kind", "document"), [("service", service), ("workflow", workflow)])
def test_what_could_be_taken_for_an_id_is_no_name(kind: str, document: Callable[[str], dict[str, Any]]) -> None:
    told = DIALECT.check(kind, document("any") | {"name": UUID}, known(service()))
    assert isinstance(told, dict)
    [message] = told["name"]
    assert message.endswith("and is no id (32 hex digits)")


def test_a_workflow_calls_at_most_200_services() -> None:
    assert DIALECT.check("workflow", workflow(*["any"] * 200), known(service())) == {}
    assert DIALECT.check("workflow", workflow(*["any"] * 201), known(service())) == {"services": ["must have at most 200 entries, not 201"]}


def test_the_address_of_a_service_is_no_template() -> None:
    address = "http://any.local/${env.CITY}/{key}/${message}"
    of = compiled(workflow("any", inputs=fields(message="string")), service() | {"address": address})
    assert Event(of, {"message": "x"}).attempt("any") == HttpRequest(address, b'{"message":"x"}')


def test_a_workflow_of_services_that_nobody_has_registered_clashes_in_machinerys_words() -> None:
    assert DIALECT.check("workflow", example("workflow-process-text"), known(*TEXT_SERVICES[1:])) == Clash("not all services exist")


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        ({"service": "uper"}, "operations[0].service: 'uper' is none of the workflow's services (did you mean upper?)"),
        ({"service": "upper", "inputs": {"mesage": "x"}}, "service 'upper' has no input 'mesage' (did you mean message?)"),
        ({"service": "upper", "inputs": {"message": "${x"}}, "operations[0].inputs.message: '${x' has no closing }"),
        ({"service": "upper", "outputs": {"x": "text"}}, "operations[0].outputs.x: service 'upper' has no output 'text'"),
        ({"service": "upper", "input": {}}, "operations[0].input: 'input' is unknown"),
    ],
)
def test_an_operation_that_does_not_fit_its_service_is_told_where(operation: dict[str, Any], text: str) -> None:
    found = DIALECT.check("workflow", workflow("upper", operations=[operation]), known(*TEXT_SERVICES))
    assert isinstance(found, dict)
    assert list(found) == ["operations"]
    assert text in found["operations"][0]


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("${titel}", "operations[0].inputs.message: there is no value 'titel' by then (did you mean title?)"),
        ("titel", "operations[0].inputs.message: there is no value 'titel' by then (did you mean title?)"),
        (["Dear ${titel.first}"], "operations[0].inputs.message: there is no value 'titel' by then (did you mean title?)"),
        ("${loud_title}", "operations[0].inputs.message: there is no value 'loud_title' by then (did you mean title?)"),
    ],
)
def test_an_operation_that_takes_what_nobody_declares_is_told_what_may_be_meant(said: Any, text: str) -> None:
    operations = [{"service": "upper", "inputs": {"message": said}, "outputs": {"loud_title": "message"}}]
    flow = workflow("upper", operations=operations, inputs=fields(title="string"), outputs=fields(loud_title="string"))
    assert DIALECT.check("workflow", flow, known(*TEXT_SERVICES)) == {"operations": [text]}


@pytest.mark.parametrize("said", ["${title}", "title", "${title.first}", "${env.TITLE}", "${titel|none}", "${elsewhere}", 7, "$${titel}"])
def test_an_operation_may_take_what_is_declared_and_what_an_event_may_bring_besides(said: Any) -> None:
    operations = [{"service": "upper", "inputs": {"message": said}}]
    flow = workflow("upper", operations=operations, inputs=fields(title="string"), outputs=fields(message="string"))
    assert DIALECT.check("workflow", flow, known(*TEXT_SERVICES)) == {}


def test_an_operation_may_take_what_a_service_before_has_given() -> None:
    operations = [{"service": "upper", "outputs": {"loud": "message"}}, {"service": "reverse", "inputs": {"message": "${loud}"}}]
    flow = workflow("upper", "reverse", operations=operations, inputs=fields(message="string"), outputs=fields(loud="string"))
    assert DIALECT.check("workflow", flow, known(*TEXT_SERVICES)) == {}


def test_an_output_that_nobody_gives_is_told_what_may_be_meant() -> None:
    flow = workflow("upper", "space-counter", inputs=fields(message="string"), outputs=fields(space_cont="int"))
    assert DIALECT.check("workflow", flow, known(*TEXT_SERVICES)) == {
        "outputs": ["neither the event nor a service gives 'space_cont' (did you mean space_count?)"]
    }


def test_a_value_that_a_service_gives_by_another_name_is_not_given_by_its_own() -> None:
    operations = [{"service": "space-counter", "outputs": {"space_counts": "space_count"}}]
    flow = workflow("space-counter", operations=operations, inputs=fields(message="string"), outputs=fields(space_count="int"))
    assert DIALECT.check("workflow", flow, known(*TEXT_SERVICES)) == {
        "outputs": ["neither the event nor a service gives 'space_count' (did you mean space_counts?)"]
    }


def test_how_a_program_ran_is_given_as_well() -> None:
    ran = {"name": "count", "kind": "command", "command": ["wc"], "inputs": [], "outputs": fields(std_out="string")}
    flow = workflow("count", inputs=[], outputs=fields(stdout="string"))
    assert DIALECT.check("workflow", flow, known(ran)) == {}


def test_an_operation_that_goes_with_many_calls_is_told_of_once() -> None:
    operations = [{"service": "upper", "inputs": {"message": "titel"}}]
    flow = workflow(*["upper"] * 3, operations=operations, inputs=fields(title="string"))
    assert DIALECT.check("workflow", flow, known(*TEXT_SERVICES)) == {
        "operations": ["operations[0].inputs.message: there is no value 'titel' by then (did you mean title?)"]
    }


def test_only_the_first_names_that_nobody_declares_are_compared_with_those_that_are() -> None:
    names = fields(**{f"value_{number}": "string" for number in range(100)})
    wide = {"name": "wide", "inputs": names, "outputs": [], "address": "http://wide.local/"}
    inputs = {field["name"]: f"titel{number}" for number, field in enumerate(names)}
    flow = workflow("wide", operations=[{"service": "wide", "inputs": inputs}], inputs=fields(title="string"))
    told = DIALECT.check("workflow", flow, known(wide))
    assert isinstance(told, dict)
    assert len(told["operations"]) == 10


def test_more_operations_than_calls_of_a_service_are_too_many() -> None:
    found = DIALECT.check("workflow", workflow("upper", operations=[{"service": "upper"}] * 2), known(*TEXT_SERVICES))
    assert found == {"operations": ["operations[1]: one more for 'upper' than it is called: remove it, or name the service once more"]}


def test_a_service_that_workflows_call_cannot_be_deleted() -> None:
    having = known(*TEXT_SERVICES, workflows=[example("workflow-process-text"), workflow("upper")])
    clash = DIALECT.removable("service", "upper", having)
    assert clash is not None
    assert clash.message.startswith("service 'upper' is called by flow, process-text: ")
    assert DIALECT.removable("service", "other", having) is None
    assert DIALECT.removable("workflow", "process-text", having) is None


def test_a_registered_document_is_shown_with_its_id() -> None:
    upper = example("service-upper")
    assert DIALECT.summary("service", "upper", upper) == {"service_id": identity("service", "upper"), **upper}
    assert list(DIALECT.summary("workflow", "flow", workflow("upper")))[:2] == ["workflow_id", "name"]


# processes


def test_a_workflow_is_a_chain_of_its_services_that_is_found_by_its_id() -> None:
    assert [(activity.name, activity.call, activity.after) for activity in PROCESS_TEXT.activities] == [
        ("upper", HttpCall("http://localhost:9393/upper"), ()),
        ("reverse", HttpCall("http://localhost:9393/reverse"), ("upper",)),
        ("space-counter", HttpCall("http://localhost:9393/space-counter"), ("reverse",)),
    ]
    assert all(activity.required and activity.callback_s == 60 for activity in PROCESS_TEXT.activities)
    assert (PROCESS_TEXT.name, PROCESS_TEXT.dialect, PROCESS_TEXT.alias) == (
        "process-text",
        "machinery",
        identity("workflow", "process-text"),
    )


def test_a_stored_definition_reads_as_the_very_same_process() -> None:
    assert DIALECT.read_process(PROCESS_TEXT.document) == PROCESS_TEXT


def test_a_service_that_changes_changes_the_digest_of_the_workflows_that_call_it() -> None:
    moved = [{**TEXT_SERVICES[0], "address": "http://elsewhere.local/"}, *TEXT_SERVICES[1:]]
    assert compiled(example("workflow-process-text"), *moved).digest != PROCESS_TEXT.digest


def test_a_service_that_is_called_again_has_a_task_of_its_own_each_time() -> None:
    process = compiled(workflow("upper", "reverse", "upper", "upper"), *TEXT_SERVICES)
    assert [activity.name for activity in process.activities] == ["upper", "reverse", "upper#2", "upper#3"]


def test_a_service_may_be_of_another_kind_and_have_settings_of_its_own() -> None:
    plain: dict[str, Any] = {"inputs": [], "outputs": []}
    process = compiled(
        workflow("shout", "ask", "tell", "rest", "slow"),
        {"name": "shout", "kind": "command", "command": ["tr", "a-z", "A-Z"], "timeout_s": 5, **plain},
        {"name": "ask", "kind": "wait", "callback_timeout_s": 7, **plain},
        {"name": "tell", "kind": "wait", "address": "http://tell.local/", **plain},
        {"name": "rest", "kind": "delay", "delay_s": 2.5, **plain},
        service("slow", timeout_s=900, callback_timeout_s=30, retry={"attempts": 9, "on": ["timeout", "http_5xx"]}),
    )
    shout, ask, tell, rest, slow = process.activities
    assert (shout.call, ask.call) == (CommandCall(("tr", "a-z", "A-Z")), WaitCall(7.0))
    assert (tell.call, rest.call) == (WaitCall(60.0, "http://tell.local/"), DelayCall(2.5))
    assert (slow.timeouts.call_s, slow.callback_s, slow.retry.attempts) == (900.0, 30.0, 9)
    assert {"timeout", "http_500", "http_599"} <= slow.retry.on
    assert DIALECT.read_process(process.document) == process


def charge(*, outputs: Any = (), **more: Any) -> Process:
    """A workflow of one service, which is a Python activity."""
    return compiled(
        workflow("charge"), {"name": "charge", "kind": "python", "activity": "charge", "inputs": [], "outputs": list(outputs), **more}
    )


def test_a_service_may_be_a_python_activity_without_an_address() -> None:
    process = charge(timeout_s=5, isolation="process", retry={"on": ["temporary_failure", "crashed"]})
    [activity] = process.activities
    assert activity.call == PythonCall("charge", 5.0, "process")
    assert activity.retry.on == {"temporary_failure", "crashed"}
    assert DIALECT.read_process(process.document) == process


def test_a_python_activity_works_on_the_data_so_far() -> None:
    assert Event(charge(), {"amount": 5}).attempt("charge") == Invocation("charge", b'{"amount":5}')


def test_the_object_that_a_python_activity_returned_is_merged_into_the_data() -> None:
    outcome = Event(charge(outputs=fields(paid="bool")), {}).reply("charge", {"paid": True, "by": "card"})
    assert outcome == Success('{"paid":true,"by":"card"}')


@pytest.mark.parametrize("returned", [None, "Succeeded", {}])
def test_a_python_activity_may_have_nothing_to_add(returned: Any) -> None:
    assert Event(charge(), {}).reply("charge", returned) == Success("{}")


@pytest.mark.parametrize(
    ("returned", "text"),
    [
        ([1], "what charge returned cannot be used: it is no JSON object"),
        ({}, "what charge returned cannot be used: its output 'paid' is missing; it must be a bool"),
        (None, "what charge returned cannot be used: its output 'paid' is missing; it must be a bool"),
    ],
)
def test_what_a_python_activity_must_not_return_is_its_error(returned: Any, text: str) -> None:
    assert Event(charge(outputs=fields(paid="bool")), {}).reply("charge", returned) == Failure("invalid_reply", text)


def test_a_python_activity_that_fails_says_so_in_its_own_words() -> None:
    failed = Event(charge(), {}).reply("charge", None, status=0, failure="temporary_failure", error="the bank is closed, not Paris")
    assert failed == Failure("temporary_failure", "the bank is closed, not Paris")


def test_a_workflow_that_cannot_be_used_is_a_problem_and_takes_no_other_with_it() -> None:
    broken = {**workflow("gone"), "name": "broken"}
    having = {**known(*TEXT_SERVICES, workflows=[broken, workflow("upper")]), ("workflow", "odd"): {"name": "odd"}}
    processes, problems = DIALECT.compile(having)
    assert [process.name for process in processes] == ["flow"]
    assert len(problems) == 2
    assert "'broken' cannot be used: it calls gone" in problems[0]
    assert "'odd' cannot be used" in problems[1]


# events


def test_an_event_carries_its_data_and_no_key() -> None:
    request = DIALECT.read_request(PROCESS_TEXT, (EXAMPLES / "event-text.json").read_bytes())
    assert (request.key, request.data) == ("", f'{{"message":"{SENTENCE}"}}')
    assert json.loads(request.payload) == {"message": SENTENCE}


TYPES = {"string": '"x"', "int": "1", "float": "1.5", "bool": "true", "object": "{}", "list": "[]", "null": "null"}


@pytest.mark.parametrize("wanted", [name for name in TYPES if name != "null"])
@pytest.mark.parametrize("found", TYPES)
def test_data_are_taken_where_their_type_is_the_declared_one(wanted: str, found: str) -> None:
    process = compiled(workflow("upper", inputs=fields(x=wanted)), *TEXT_SERVICES)
    body = f'{{"data":{{"x":{TYPES[found]}}}}}'.encode()
    if found == wanted or (wanted, found) == ("float", "int"):
        assert DIALECT.read_request(process, body).data == f'{{"x":{TYPES[found]}}}'
        return
    with pytest.raises(FieldErrors) as refused:
        DIALECT.read_request(process, body)
    [message] = refused.value.fields["x"]
    assert message.startswith("must be a")
    assert wanted in message
    assert found in message.partition(", not ")[2]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, {"data": "is missing; it must be an object of the workflow's inputs"}),
        ({"data": [1]}, {"data": "must be an object of the workflow's inputs"}),
        ({"data": {"mesage": "x"}}, {"message": "is missing; it must be a string (did you mean mesage?)"}),
        ({"data": {"message": 17}}, {"message": "must be a string, not an int (17)"}),
        ({"data": {"message": True}}, {"message": "must be a string, not a bool (true)"}),
    ],
)
def test_data_that_do_not_match_the_inputs_are_told_by_field(body: Any, told: dict[str, str]) -> None:
    with pytest.raises(FieldErrors) as refused:
        DIALECT.read_request(PROCESS_TEXT, json.dumps(body).encode())
    assert {name: message[: len(told[name])] for name, [message] in refused.value.fields.items()} == told


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"", "body_empty"), (b"{", "body_not_json"), (b"[]", "body_not_object"), (b'{"data":{"message":"\\ud800"}}', "body_invalid")],
)
def test_an_event_that_cannot_be_read_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        DIALECT.read_request(PROCESS_TEXT, body)
    assert refused.value.code == code


# data, from one service to the next


def test_each_service_is_posted_the_data_so_far() -> None:
    event = Event(PROCESS_TEXT, {"message": "ab c", "extra": [1]})
    assert event.attempt("upper") == HttpRequest("http://localhost:9393/upper", b'{"message":"ab c","extra":[1]}')
    event.reply("upper", {"message": "AB C"})
    assert event.posted("reverse") == {"message": "AB C", "extra": [1]}
    event.reply("reverse", {"message": "C BA", "more": 5})
    assert event.posted("space-counter") == {"message": "C BA", "extra": [1], "more": 5}
    assert event.reply("space-counter", {"space_count": 1}) == Success('{"space_count":1}')


def test_of_many_inputs_that_are_missing_the_first_are_told_with_what_may_be_meant() -> None:
    of = compiled(workflow("any", inputs=fields(**{f"input_{number}": "string" for number in range(10)})), service())
    data = {f"inputs{number}": "x" for number in range(33_000)}
    with pytest.raises(FieldErrors) as refusal:
        Event(of, data)
    messages = [message for messages in refusal.value.fields.values() for message in messages]
    assert ["did you mean" in message for message in messages] == [True] * 3 + [False] * 7


def test_a_reply_that_lacks_many_outputs_is_told_the_same() -> None:
    many = fields(**{f"output_{number}": "string" for number in range(10)})
    event = Event(compiled(workflow("any"), service(outputs=many)), {})
    failure = event.reply("any", {f"outputs{number}": "x" for number in range(33_000)})
    assert failure.text.count("did you mean") == 3


@pytest.mark.parametrize(("said", "type_name"), [("message", "string"), ("${message}${message}", "string"), (["${message}"], "list")])
def test_a_large_value_that_is_named_often_takes_no_more_than_a_call_may_have(said: Any, type_name: str) -> None:
    names = [f"value_{number}" for number in range(100)]
    operations = [{"service": "any", "inputs": dict.fromkeys(names, said)}]
    flow = workflow("any", inputs=fields(message="string"), operations=operations)
    event = Event(compiled(flow, service(inputs=fields(**dict.fromkeys(names, type_name)))), {"message": "m" * 900_000})
    tracemalloc.start()
    try:
        failure, peak = event.attempt("any"), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(failure, Failure)
    assert failure.text.startswith("service 'any' cannot be called: its input 'value_")
    assert failure.text.endswith("it has more than 16777216 characters")
    assert peak < 100 * 1024 * 1024


def test_so_does_a_reply_that_an_operation_gives_many_names() -> None:
    operations = [{"service": "any", "outputs": {f"value_{number}": "message" for number in range(100)}}]
    event = Event(compiled(workflow("any", operations=operations), service(outputs=fields(message="string"))), {})
    assert event.attempt("any")
    tracemalloc.start()
    try:
        failure, peak = event.reply("any", {"message": "m" * 900_000}), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(failure, Failure)
    assert failure.text.endswith("it has more than 16777216 characters")
    assert peak < 50 * 1024 * 1024


def test_the_data_of_a_long_chain_are_not_read_again_for_each_of_its_services(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[bytes] = []
    monkeypatch.setattr(data_so_far, "parse", lambda text: read.append(text) or parse(text))
    event = long_chain(100)
    names = list(event.job.tasks)
    for number, name in enumerate(names):
        assert event.posted(name) == {"first": 1, **({"n": number - 1, "given": ["x"]} if number else {})}
        event.reply(name, {"n": number, "given": ["x"]})
    assert len(read) < 500


def test_the_data_of_a_long_chain_are_those_of_its_job_whatever_was_kept() -> None:
    event = long_chain(30)
    names = list(event.job.tasks)
    for number, name in enumerate(names[:25]):
        event.posted(name)
        event.reply(name, {"n": number})
    assert event.posted(names[25]) == {"first": 1, "n": 24}
    assert event.posted(names[20]) == {"first": 1, "n": 19}
    assert event.restored().posted(names[25]) == {"first": 1, "n": 24}
    other = event.job.tasks[names[19]]
    assert other.output
    changed = other._replace(output=other.output._replace(data='{"n":"other","more":true}'))
    event.job = event.job._replace(tasks={**event.job.tasks, names[19]: changed})
    assert event.posted(names[20]) == {"first": 1, "n": "other", "more": True}
    assert event.posted(names[25]) == {"first": 1, "n": 24, "more": True}


def test_who_is_given_the_data_of_a_long_chain_may_do_with_them_what_he_likes() -> None:
    event = long_chain(20)
    names = list(event.job.tasks)
    for name in names[:18]:
        event.reply(name, {"n": 0})
    kept = data_so_far.DataSoFar()
    for _ in range(2):
        data = kept.before(event.job, event.job.tasks[names[18]])
        assert data == {"first": 1, "n": 0}
        data["n"] = "another"


@pytest.mark.parametrize(("most", "is_kept"), [(0, False), (10, False), (10_000, True)])
def test_no_more_data_are_kept_than_there_is_room_for(most: int, is_kept: bool) -> None:
    kept = data_so_far.DataSoFar(kept_max_bytes=most)
    event = long_chain(20)
    names = list(event.job.tasks)
    for name in names[:18]:
        event.reply(name, {"n": 0})
    for number in range(2 * data_so_far.KEPT_MAX):
        assert kept.before(event.job._replace(uuid=str(number)), event.job.tasks[names[18]]) == {"first": 1, "n": 0}
        assert sum(one.size for one in kept._kept.values()) <= most
    assert len(kept._kept) <= data_so_far.KEPT_MAX
    assert bool(kept._kept) is is_kept


def test_what_later_services_have_given_again_takes_no_room() -> None:
    kept = data_so_far.DataSoFar()
    event = long_chain(40)
    names = list(event.job.tasks)
    for number, name in enumerate(names[:39]):
        event.reply(name, {"n": "x" * 1000, f"of{number // 20}": "y" * 1000})
    assert list(kept.before(event.job, event.job.tasks[names[39]])) == ["first", "n", "of0", "of1"]
    [merged] = kept._kept.values()
    assert 4000 < merged.size < 4200  # the event's own, and those of the services 20 and 39


def test_the_data_of_a_short_chain_are_kept_where_they_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    event = long_chain(10)
    for name in list(event.job.tasks)[:9]:
        event.reply(name, {"n": "x" * 10_000})
    read: list[bytes] = []
    monkeypatch.setattr(data_so_far, "parse", lambda text: read.append(text) or parse(text))
    kept = data_so_far.DataSoFar()
    for _ in range(3):
        assert kept.before(event.job, event.job.tasks["any#10"]) == {"first": 1, "n": "x" * 10_000}
    assert len(read) == 10


def test_the_data_are_the_same_for_many_threads_at_once() -> None:
    kept = data_so_far.DataSoFar(kept_max_bytes=60)
    event = long_chain(60)
    names = list(event.job.tasks)
    for number, name in enumerate(names[:59]):
        event.reply(name, {"n": number})

    def look(at: int) -> bool:
        job = event.job._replace(uuid=str(at % 5))
        return kept.before(job, job.tasks[names[20 + at % 39]]) == {"first": 1, "n": 19 + at % 39}

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(look, range(4000)))


def long_chain(length: int) -> Event:
    """An event of a workflow that calls one service so often."""
    return Event(compiled(workflow(*["any"] * length, inputs=fields(first="int")), service()), {"first": 1})


@pytest.mark.parametrize(
    ("operation", "reply"),
    [
        ({"inputs": {"number": "${env.SECRET}"}}, None),
        ({}, {"text": "at %s", "number": "%s"}),
        ({}, {"status": 500, "body": "x" * 480 + " %s"}),
        ({}, {"status": 0, "failure": "refused", "error": "http://%s/ cannot be reached"}),
    ],
)
def test_no_error_has_anything_of_the_environment(operation: dict[str, Any], reply: dict[str, Any] | None) -> None:
    secret = "0123456789abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH"
    dialect = MachineryDialect(Settings(env={"SECRET": secret}))
    its = service(inputs=fields(**({"number": "int"} if "number" in operation.get("inputs", {}) else {})), outputs=fields(number="int"))
    [process], _ = dialect.compile(known(its, workflows=[workflow("any", operations=[{"service": "any", **operation}])]))
    job, _ = apply(new_job(process, UUID, UUID, b"{}", 1), JobStarted())
    task = job.tasks["any"]
    if reply is None:
        failure = dialect.prepare(job, task)
    else:
        said = json.loads(json.dumps(reply).replace("%s", secret))
        body = said.pop("body", None) or json.dumps(said)
        more = {name: said[name] for name in ("status", "failure", "error") if name in said}
        job, _ = apply(job, TaskCalled("any"))
        failure = dialect.outcome(job, job.tasks["any"], Reply(body.encode(), **more))
    assert isinstance(failure, Failure)
    assert not any(secret[at : at + 8] in failure.text for at in range(len(secret) - 7))


def test_the_data_so_far_are_the_same_after_a_restart() -> None:
    event = Event(PROCESS_TEXT, {"message": "ab c"})
    event.reply("upper", {"message": "AB C"})
    assert event.restored().posted("reverse") == {"message": "AB C"}


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ({}, "its output 'message' is missing; it must be a string"),
        ({"mesage": "x"}, "its output 'message' is missing; it must be a string (did you mean mesage?)"),
        ({"message": 5}, "its output 'message' must be a string, not an int (5)"),
        ({"message": None}, "its output 'message' must be a string, not null"),
        ([], "it is no JSON object"),
    ],
)
def test_a_reply_without_the_declared_outputs_is_the_tasks_error(reply: Any, text: str) -> None:
    outcome = Event(PROCESS_TEXT, {"message": "x"}).reply("upper", reply)
    assert outcome == Failure("invalid_reply", f"the reply of http://localhost:9393/upper cannot be used: {text}")


def test_an_http_error_is_the_tasks_error() -> None:
    outcome = Event(PROCESS_TEXT, {"message": "x"}).reply("upper", {"why": "busy"}, status=503, retry_after="7")
    assert outcome == Failure("http_503", 'http://localhost:9393/upper replied 503: {"why": "busy"}', 7.0)


def test_a_service_that_lacks_an_input_is_not_called() -> None:
    process = compiled(workflow("count", inputs=fields(text="string")), service("count", fields(message="string", times="int")))
    attempt = Event(process, {"text": "x", "times": "3"}).attempt("count")
    assert attempt == Failure(
        "invalid_input",
        "service 'count' cannot be called: its input 'message' is missing; it must be a string; "
        "its input 'times' must be an int, not a string ('3')",
    )


def test_a_workflows_output_that_no_service_gave_is_the_last_ones_error() -> None:
    process = compiled(workflow("a", "b", outputs=fields(total="int", note="string")), service("a"), service("b"))
    event = Event(process, {})
    assert isinstance(event.reply("a", {"total": "5"}), Success)
    failure = event.reply("b", {"note": "x"})
    assert failure.kind == "invalid_reply"
    assert "the workflow's output 'total' must be an int, not a string ('5')" in failure.text


def test_outputs_that_the_event_itself_brought_will_do() -> None:
    process = compiled(workflow("a", inputs=fields(x="int"), outputs=fields(x="int")), service("a"))
    event = Event(process, {"x": 1})
    assert event.reply("a", {}) == Success("{}")


def test_operations_rename_on_the_way() -> None:
    process = compiled(
        workflow(
            "upper",
            "count",
            inputs=fields(text="string"),
            outputs=fields(text="string", loud="string", spaces="int"),
            operations=[
                {"service": "upper", "inputs": {"message": "${text}"}, "outputs": {"loud": "message"}},
                {"service": "count", "inputs": {"message": "loud"}, "outputs": {"spaces": "n"}},
            ],
        ),
        TEXT_SERVICES[0],
        service("count", fields(message="string"), fields(n="int")),
    )
    event = Event(process, {"text": "a b"})
    assert event.posted("upper") == {"text": "a b", "message": "a b"}
    event.reply("upper", {"message": "A B"})
    assert event.posted("count") == {"text": "a b", "loud": "A B", "message": "A B"}
    assert event.reply("count", {"n": 1, "n2": 2}) == Success('{"n2":2,"spaces":1}')


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ("${n}", 5),
        ("n", 5),
        ("${who.name}", "Ann"),
        ("${who}", {"name": "Ann"}),
        ("<${n}>", "<5>"),
        ("${gone|nobody}", "nobody"),
        ("${env.CITY}", "Paris"),
        (7, 7),
        ({"a": ["${n}"]}, {"a": [5]}),
    ],
)
def test_an_input_may_be_a_name_a_template_or_a_value(said: Any, sent: Any) -> None:
    process = compiled(workflow("a", operations=[{"service": "a", "inputs": {"x": said}}]), {**service("a"), "inputs": fields(x="string")})
    event = Event(process, {"n": 5, "who": {"name": "Ann"}})
    attempt = event.attempt("a")
    if isinstance(sent, str):
        assert event.posted("a")["x"] == sent
    else:
        assert isinstance(attempt, Failure)
        assert "its input 'x' must be a string, not" in attempt.text


@pytest.mark.parametrize(
    ("said", "text"), [("${gone}", "have no 'gone'; they have: n"), ("gone", "have no 'gone'; they have: n"), ("${env.HOME}", ENV)]
)
def test_an_input_from_what_is_not_there_is_an_error_before_the_call(said: str, text: str) -> None:
    process = compiled(workflow("a", operations=[{"service": "a", "inputs": {"x": said}}]), service("a", fields(x="int")))
    attempt = Event(process, {"n": 5}).attempt("a")
    assert isinstance(attempt, Failure)
    assert attempt.kind == "invalid_input"
    assert "its input 'x'" in attempt.text
    assert text in attempt.text


def test_one_operation_goes_with_all_calls_of_its_service_and_several_go_in_order() -> None:
    plain, twice = service("a", fields(x="int")), ("a", "a")
    one = compiled(workflow(*twice, operations=[{"service": "a", "inputs": {"x": "n"}}]), plain)
    two = compiled(workflow(*twice, operations=[{"service": "a", "inputs": {"x": name}} for name in ("n", "m")]), plain)
    assert [activity.own.taken for activity in one.activities] == [{"x": "n"}, {"x": "n"}]
    assert [activity.own.taken for activity in two.activities] == [{"x": "n"}, {"x": "m"}]


def test_a_202_promises_a_callback_whose_body_is_the_reply() -> None:
    event = Event(PROCESS_TEXT, {"message": "x"})
    assert event.reply("upper", {}, status=202) == Awaited(60.0, callback=True)
    task = event.job.tasks["upper"]
    assert DIALECT.outcome(event.job, task, Reply(b'{"message":"X"}', is_callback=True)) == Success('{"message":"X"}')
    wrong = DIALECT.outcome(event.job, task, Reply(b'{"message":1}', is_callback=True))
    assert isinstance(wrong, Failure)
    assert wrong.text == "the reply of the callback cannot be used: its output 'message' must be a string, not an int (1)"


SHOUT = {
    "name": "shout",
    "kind": "command",
    "command": ["tr", "a-z", "A-Z"],
    "inputs": fields(message="string"),
    "outputs": [],
    "timeout_s": 5,
}


def test_a_program_is_given_the_data_and_its_output_is_the_reply() -> None:
    event = Event(compiled(workflow("shout"), SHOUT), {"message": "x"})
    assert event.attempt("shout") == CommandLine(("tr", "a-z", "A-Z"), b'{"message":"x"}', 5)
    assert event.reply("shout", {"message": "X"}, status=0) == Success('{"message":"X"}')


def test_what_a_program_prints_that_is_no_object_is_text_among_the_data() -> None:
    event = Event(compiled(workflow("shout", outputs=fields(stdout="string", exit_code="int")), SHOUT), {"message": "x"})
    outcome = event.reply("shout", ["X"], status=0, stderr=b"hm")
    assert json.loads(outcome.data) == {"exit_code": 0, "stdout": '["X"]', "stderr": "hm", "truncated": False}


def test_a_program_that_fails_or_may_not_be_run_is_the_tasks_error() -> None:
    event = Event(compiled(workflow("shout"), SHOUT), {"message": "x"})
    assert event.reply("shout", {}, status=3, stderr=b"no").kind == "exit_3"
    refused = MachineryDialect(Settings()).prepare(event.job, event.job.tasks["shout"])
    assert isinstance(refused, Failure)
    assert refused.kind == "not_allowed"


def test_a_delay_leaves_the_data_as_they_are_and_the_check_to_the_last_service_before_it() -> None:
    rest = {"name": "rest", "kind": "delay", "delay_s": 2, "inputs": [], "outputs": []}
    process = compiled(workflow("a", "rest", outputs=fields(x="int")), service("a"), rest)
    event = Event(process, {"y": 1})
    assert "the workflow's output 'x' is missing" in event.reply("a", {}).text
    event = Event(process, {"y": 1})
    event.reply("a", {"x": 2})
    assert event.attempt("rest") == Awaited(2.0, callback=False)
    event.keep(*apply(event.job, TaskCalled("rest")))
    event.keep(*apply(event.job, TaskReplied("rest", Success("null"))))
    assert event.shown(**{"job.status.current": "done"})["outputs"] == {"x": 2}


# what clients see


def test_an_event_is_shown_with_its_outputs_once_it_is_done() -> None:
    event = Event(PROCESS_TEXT, {"message": "a b"})
    event.reply("upper", {"message": "A B"})
    assert event.shown() == {
        "event_id": UUID,
        "workflow_id": identity("workflow", "process-text"),
        "workflow": "process-text",
        "ack_date": "2026-09-21T14:13:20.123Z",
        "status": "running",
        "data": {"message": "a b"},
        "services": [
            {"name": "upper", "status": "done", "outputs": {"message": "A B"}},
            {"name": "reverse", "status": "scheduled"},
            {"name": "space-counter", "status": "scheduled"},
        ],
    }
    event.reply("reverse", {"message": "B A", "more": 1})
    event.reply("space-counter", {"space_count": 1})
    assert event.shown(**{"job.status.current": "done"})["outputs"] == {"message": "B A", "space_count": 1}


def test_an_event_that_failed_is_shown_with_the_error_and_no_outputs() -> None:
    event = Event(PROCESS_TEXT, {"message": "a b"})
    event.reply("upper", {})
    shown = event.shown(**{"job.status.current": "error"})
    assert shown["error"].startswith("upper: the reply of http://localhost:9393/upper cannot be used: its output 'message'")
    assert "outputs" not in shown
    assert [service["status"] for service in shown["services"]] == ["error", "scheduled", "scheduled"]


def test_an_event_whose_record_is_gone_is_shown_all_the_same() -> None:
    event = Event(PROCESS_TEXT, {"message": "a b"})
    event.record.clear()
    assert event.shown(**{"job.data": "?"})["data"] == {}


STARTED = Started("process-text", UUID, UUID, "{}", False, f"http://here/e/x/{UUID}", f"/e/x/{UUID}", 1_795_222_020_123)


def said(answer: Answer | None) -> tuple[int, Any]:
    assert answer is not None
    return answer.status, json.loads(answer.body)


def test_a_start_is_answered_with_id_date_status_and_location() -> None:
    told = {"event_id": UUID, "ack_date": "2026-11-21T00:47:00.123Z", "status": "scheduled", "location": f"http://here/e/x/{UUID}"}
    assert said(DIALECT.manner.started(STARTED)) == (201, told)
    assert said(DIALECT.manner.started(STARTED._replace(existing=True))) == (200, told)


def test_a_repeated_start_is_answered_with_what_has_become_of_the_event() -> None:
    _, told = said(DIALECT.manner.started(STARTED._replace(existing=True, status=Status.DONE)))
    assert told["status"] == "done"


def test_who_waits_for_the_end_is_answered_with_outputs_or_error() -> None:
    done = said(DIALECT.manner.started(STARTED._replace(ended=b'{"status":"done","outputs":{"x":1},"services":[]}')))[1]
    assert (done["status"], done["outputs"]) == ("done", {"x": 1})
    failed = said(DIALECT.manner.started(STARTED._replace(ended=b'{"status":"error","error":"upper: no","services":[]}')))[1]
    assert (failed["status"], failed["error"], "outputs" in failed) == ("error", "upper: no", False)


def test_refusals_are_in_machinerys_words() -> None:
    refused = DIALECT.manner.refused
    assert said(refused(FieldErrors({"message": ["is missing"]}), b"{}")) == (409, {"message": ["is missing"]})
    assert said(refused(InvalidRequest("body_not_json", "no JSON"), b"{")) == (415, {"message": "no JSON"})
    assert said(refused(InvalidRequest("body_empty", "empty"), b"")) == (400, {"message": "empty"})
    status, told = said(refused(ProcessNotFound("gone"), b"{}"))
    assert (status, list(told)) == (404, ["message"])
    status, told = said(refused(JobNotFound("process-text", UUID), None))
    assert (status, list(told)) == (404, ["message"])
    assert refused(StoreUnavailable("no"), b"{}") is None


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidRequest("body_too_large", "it is too large"), 413),
        (InvalidRequest("wait_invalid", "wait must be a number", "wait"), 400),
        (InvalidRequest("malformed_path", "it is not percent-encoded"), 400),
        (InvalidRequest("idempotency_key_invalid", "it must be printable", "Idempotency-Key"), 400),
        (IdempotencyKeyReused("k"), 422),
    ],
)
def test_so_is_all_that_is_wrong_with_a_request(error: CameronError, status: int) -> None:
    assert said(DIALECT.manner.refused(error, b"{}")) == (status, {"message": str(error)})


def test_an_event_is_found_below_its_workflows_id() -> None:
    manner, id = DIALECT.manner, identity("workflow", "process-text")
    assert manner.process_of({"workflow_id": id}) == id
    assert manner.fields_of("process-text", id, UUID, UUID) == {"workflow_id": id, "uuid": UUID}
    assert manner.fields_of("process-text", "", UUID, UUID) == {"workflow_id": id, "uuid": UUID}
