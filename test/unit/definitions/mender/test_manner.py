"""How a job of Mender's dialect is shown, as it is written, and how starts are answered."""

import json
from typing import Any

import pytest

from cameron.core.event import (
    Change,
    Failure,
    JobEnded,
    JobStarted,
    Skip,
    Success,
    TaskCalled,
    TaskDelayed,
    TaskFailed,
    TaskReplied,
    TaskSkipped,
)
from cameron.core.job import Job, apply, new_job
from cameron.core.status import Status
from cameron.definitions.manner import Answer, Started
from cameron.definitions.mender.dialect import MenderDialect
from cameron.definitions.settings import Settings
from cameron.errors import Backlogged, CameronError, IdempotencyKeyReused, InvalidRequest, JobNotFound, MissingInputs, ProcessNotFound

DIALECT = MenderDialect(Settings())
STAMP = "11-20-2026 22:38:00"
FLOW = DIALECT.from_file(
    {
        "name": "flow",
        "version": 4,
        "inputParameters": ["id", "token"],
        "tasks": [
            {"name": "first", "type": "http", "retries": 3, "http": {"uri": "http://service/${workflow.input.id}", "method": "PUT"}},
            {"name": "second", "type": "cli", "requires": ["${first.json.go}"], "cli": {"command": ["/bin/true"]}},
            {"name": "third", "type": "delay", "delay": {"delaySeconds": 1}},
        ],
    },
    "here",
)


class Written:
    """A job, and what Redis would hold of it."""

    def __init__(self) -> None:
        request = DIALECT.read_request(FLOW, b'{"id": 7, "token": "t", "more": [1]}')._replace(key="uuid")
        self.fields = _pairs(DIALECT.layout.accepted(request, STAMP))
        self.record = _pairs(list(request.record))
        self.job = new_job(FLOW, "uuid", "uuid", request.payload, 1)

    def after(self, *events: Any) -> "Written":
        """What these events have led to."""
        for event in events:
            self.job, changes = apply(self.job, event)
            self._write(changes)
        return self

    def _write(self, changes: list[Change]) -> None:
        made = DIALECT.layout.writes(self.job, changes, STAMP)
        self.fields |= _pairs(made.fields)
        self.record |= _pairs(made.record)

    def shown(self) -> dict[str, Any]:
        """The job as its clients see it."""
        return dict(json.loads(DIALECT.show("flow", "uuid", "uuid", self.fields, self.record)))

    def restored(self) -> Job:
        """The job rebuilt from what is written."""
        request = DIALECT.read_request(FLOW, b'{"id": 7, "token": "t", "more": [1]}')
        return DIALECT.layout.restore(new_job(FLOW, "uuid", "uuid", request.payload, 1), self.fields, self.record)


def _pairs(flat: list[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def called(written: Written, task: str) -> TaskCalled:
    """The task's next attempt."""
    attempt = DIALECT.prepare(written.job, written.job.tasks[task])
    return TaskCalled(task, getattr(attempt, "note", ""))


def first_done(body: str = "{}") -> Written:
    """A job whose first task is done."""
    written = Written().after(JobStarted())
    written.after(called(written, "first"))
    return written.after(TaskReplied("first", Success(json.dumps({"statusCode": 200, "body": body}))))


def test_a_job_that_was_accepted_is_pending_with_all_its_inputs() -> None:
    assert Written().shown() == {
        "id": "uuid",
        "workflowName": "flow",
        "version": 4,
        "inputParameters": [{"name": "id", "value": 7}, {"name": "token", "value": "t"}, {"name": "more", "value": [1]}],
        "status": "pending",
        "results": [],
    }


def test_a_task_that_is_under_way_has_no_result_yet() -> None:
    written = Written().after(JobStarted())
    shown = written.after(called(written, "first")).shown()
    assert (shown["status"], shown["results"]) == ("processing", [])


def test_a_task_that_was_done_shows_its_request_and_its_response() -> None:
    [result] = first_done("hello").shown()["results"]
    assert list(result) == ["name", "type", "success", "skipped", "attempts", "request", "response"]
    assert result == {
        "name": "first",
        "type": "http",
        "success": True,
        "skipped": False,
        "attempts": 1,
        "request": {"uri": "http://service/7", "method": "PUT", "headers": {"Content-Type": "application/json"}, "payload": ""},
        "response": {"statusCode": 200, "body": "hello"},
    }


def test_a_task_that_was_tried_again_shows_its_attempts_and_its_error_in_place_of_a_response() -> None:
    written = Written().after(JobStarted())
    for attempt in range(3):
        written.after(called(written, "first"), TaskReplied("first", Failure("http_500", "it replied 500")))
        written.after(TaskDelayed("first", 5) if attempt < 2 else TaskFailed("first", "it replied 500 (3 attempts)"))
    shown = written.after(JobEnded(Status.ERROR)).shown()
    [result] = shown["results"]
    assert shown["status"] == "failed"
    assert (result["success"], result["skipped"], result["attempts"], result["error"]) == (False, False, 3, "it replied 500 (3 attempts)")
    assert "response" not in result
    assert result["request"]["uri"] == "http://service/7"


def test_a_skipped_task_counts_as_a_success_that_was_not_attempted() -> None:
    written = first_done()
    attempt = DIALECT.prepare(written.job, written.job.tasks["second"])
    assert isinstance(attempt, Skip)
    result = written.after(TaskSkipped("second", attempt.why)).shown()["results"][1]
    assert result == {
        "name": "second",
        "type": "cli",
        "success": True,
        "skipped": True,
        "attempts": 0,
        "request": None,
        "response": None,
    }


@pytest.mark.parametrize(
    ("status", "word"), [(Status.DONE, "done"), (Status.ERROR, "failed"), (Status.CANCELLED, "failed")], ids=["done", "error", "cancelled"]
)
def test_an_ended_job_is_done_or_failed(status: Status, word: str) -> None:
    assert Written().after(JobStarted(), JobEnded(status)).shown()["status"] == word


def test_a_job_is_rebuilt_with_what_its_templates_need() -> None:
    written = first_done('{"go": "yes"}')
    rebuilt = written.restored()
    assert rebuilt.tasks["first"].output == Success('{"statusCode": 200, "body": "{\\"go\\": \\"yes\\"}"}', None, "undefined", names=())
    assert list(rebuilt.pending) == ["second"]
    assert DIALECT.prepare(rebuilt, rebuilt.tasks["second"]) == DIALECT.prepare(written.job, written.job.tasks["second"])


# answers


def started(ended: bytes | None = None) -> Started:
    """A job that was accepted."""
    return Started("flow", "uuid", "uuid", "{}", False, "http://host/api/workflow/flow/uuid", "/api/workflow/flow/uuid", "", ended)


def test_a_start_is_answered_with_id_and_name() -> None:
    assert DIALECT.manner.started(started()) == Answer(201, b'{"id":"uuid","name":"flow"}')


def test_a_start_that_is_repeated_is_no_new_one() -> None:
    assert DIALECT.manner.started(started()._replace(existing=True)) == Answer(200, b'{"id":"uuid","name":"flow"}')


def test_a_client_that_has_waited_is_told_what_came_of_it() -> None:
    ended = json.dumps(Written().after(JobStarted(), JobEnded(Status.DONE)).shown()).encode()
    assert DIALECT.manner.started(started(ended)) == Answer(201, b'{"id":"uuid","name":"flow","status":"done","results":[]}')


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (ProcessNotFound("nope"), 404, "Workflow not found: nope"),
        (JobNotFound("flow", "uuid"), 404, "Job not found: uuid"),
        (MissingInputs(["a", "b"]), 400, "Missing input parameters: a, b"),
        (InvalidRequest("body_not_json", "the body cannot be read"), 400, "the body cannot be read"),
        (InvalidRequest("body_too_large", "the body is larger than that"), 413, "the body is larger than that"),
        (InvalidRequest("wait_invalid", "wait must be a number", "wait"), 400, "wait must be a number"),
        (IdempotencyKeyReused("k"), 422, str(IdempotencyKeyReused("k"))),
    ],
)
def test_a_refusal_is_a_text(error: CameronError, status: int, text: str) -> None:
    answer = DIALECT.manner.refused(error, b"")
    assert answer is not None
    assert (answer.status, json.loads(answer.body)) == (status, {"error": text})


def test_what_the_client_cannot_mend_is_told_in_the_common_form() -> None:
    assert DIALECT.manner.refused(Backlogged("flow", 1), b"{}") is None


def test_a_jobs_path_names_its_workflow_and_its_id() -> None:
    manner = DIALECT.manner
    assert manner.job.format(**manner.fields_of("flow", "", "key", "uuid")) == "/api/workflow/flow/uuid"
    assert manner.process_of({"name": "flow"}) == "flow"
