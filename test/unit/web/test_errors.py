"""Every error of ours is an answer: its status, its code, and what to do."""

from collections.abc import Iterator
from typing import Any

import pytest
from falcon.testing import TestClient

from cameron.errors import (
    Backlogged,
    CallbackLate,
    CallbackNotFound,
    CallbackUsed,
    CameronError,
    ConfigError,
    DefinitionClash,
    DefinitionNotFound,
    Draining,
    FieldErrors,
    IdempotencyKeyReused,
    JobFinished,
    JobNotFinished,
    JobNotFound,
    KeyTaken,
    NodeNotFound,
    NothingToRetry,
    ProcessNotFound,
    StoreUnavailable,
    WrongUse,
)
from cameron.web.errors import STATUS

JOB = "/api/process/foo/key/k/job/u"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ProcessNotFound("foo"), 404, "process_not_found"),
        (JobNotFound("foo", "u"), 404, "job_not_found"),
        (NodeNotFound("n"), 404, "node_not_found"),
        (JobFinished("foo", "u", "done"), 409, "job_finished"),
        (JobNotFinished("foo", "u", "running"), 409, "job_not_finished"),
        (NothingToRetry("foo", "u"), 409, "nothing_to_retry"),
        (KeyTaken("foo", "k", "v"), 409, "key_taken"),
        (CallbackNotFound(), 404, "callback_not_found"),
        (CallbackUsed("u", "t"), 409, "callback_used"),
        (CallbackLate("u", "t", "done"), 409, "callback_late"),
        (DefinitionNotFound("service", "i"), 404, "definition_not_found"),
        (DefinitionClash("not all services exist"), 409, "definition_clash"),
        (IdempotencyKeyReused("i"), 422, "idempotency_key_reused"),
        (Backlogged("foo", 1000), 503, "backlog_full"),
        (Draining("n"), 503, "draining"),
        (StoreUnavailable("refused"), 503, "store_unavailable"),
        (StoreUnavailable("no answer within 5 s", silent=True, mend="look at the list of jobs first"), 503, "store_unavailable"),
    ],
)
def test_an_error_is_answered_with_its_status_and_code(
    client: TestClient, engine: Any, error: CameronError, status: int, code: str
) -> None:
    engine.failure = error
    result = client.simulate_post(JOB + "/cancel")
    assert (result.status_code, result.json["error"]) == (status, {"code": code, "message": str(error)})
    assert ("retry-after" in result.headers) == (status == 503)


def test_fields_at_fault_are_told_with_the_first_of_them(client: TestClient, engine: Any) -> None:
    engine.failure = FieldErrors({"message": ["is missing"], "count": ["is no int", "is negative"]})
    result = client.simulate_post("/api/process/foo/start", body="{}")
    assert result.status_code == 400
    assert result.json["error"] == {
        "code": "fields_invalid",
        "message": "message: is missing; count: is no int; count: is negative",
        "field": "message",
    }


def leaves(kind: type[CameronError]) -> Iterator[type[CameronError]]:
    for below in kind.__subclasses__():
        if below.__module__ == "cameron.errors":
            yield below
            yield from leaves(below)


def test_every_error_that_a_request_can_meet_has_a_status() -> None:
    assert set(leaves(CameronError)) - {ConfigError, WrongUse} - STATUS.keys() == set()


def test_a_full_backlog_says_how_many_and_when_to_come_back(client: TestClient, engine: Any) -> None:
    engine.failure = Backlogged("foo", 1_000_000)
    result = client.simulate_post("/api/process/foo/start", body="{}")
    assert (result.status_code, result.headers["retry-after"]) == (503, "10")
    assert "1,000,000" in result.json["error"]["message"]


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("scheduled", "has not begun"),
        ("done", "has ended well"),
        ("error", "has ended in error"),
        ("skipped", "was skipped"),
        ("overdue", "is overdue"),
    ],
)
def test_who_calls_back_too_late_is_told_what_has_become_of_the_task(status: str, told: str) -> None:
    assert str(CallbackLate("u", "approval", status)) == f"task 'approval' of job 'u' {told}: it waits for no callback"


@pytest.mark.parametrize(("kind", "path"), [("service", "/s"), ("workflow", "/w")])
def test_who_asks_for_a_definition_that_is_not_there_is_told_where_they_are_listed(kind: str, path: str) -> None:
    assert str(DefinitionNotFound(kind, "x")) == f"there is no {kind} registered with the id 'x', nor by that name: GET {path} lists them"
