"""POST of many starts at once: an array at /api/process/{name}/start."""

from dataclasses import replace
from typing import Any

import pytest
from falcon.testing import TestClient

from cameron.errors import Backlogged, CameronError, FieldErrors, IdempotencyKeyReused, InvalidRequest, StoreUnavailable

from .conftest import FakeAccepted

START = "/api/process/foo/start"
BATCH = b' [{"key": "a/b"}, {}]'
JOB = FakeAccepted("foo", "a/f", "a/b", "0123456789abcdef0123456789abcdef", '{"key": "a/b"}', False)
AT = {"location": f"http://h:1/api/process/foo/key/a%2Fb/job/{JOB.uuid}", "uuid": JOB.uuid, "key": "a/b"}


def post(client: TestClient, body: bytes = BATCH, path: str = START, **options: Any) -> Any:
    return client.simulate_post(path, body=body, headers={"Host": "h:1", **options.pop("headers", {})}, **options)


def test_each_job_is_told_with_its_own_status_and_location_in_order(client: TestClient, engine: Any) -> None:
    engine.outcomes = [JOB, InvalidRequest("key_missing", "name the key “é”", "key"), replace(JOB, existing=True)]
    result = post(client, headers={"Idempotency-Key": "t"})
    assert (result.status_code, result.headers["content-type"]) == (200, "application/json")
    assert result.json == {
        "jobs": [
            {"status": 201, **AT},
            {"status": 400, "error": {"code": "key_missing", "message": "name the key “é”", "field": "key"}},
            {"status": 200, **AT},
        ]
    }
    assert "location" not in result.headers
    assert engine.asked == [("foo", BATCH, "t", "")]


@pytest.mark.parametrize(
    "error",
    [
        InvalidRequest("key_invalid", "the key must be a string", "key"),
        FieldErrors({"message": ["is missing"], "count": ["is no int"]}),
        IdempotencyKeyReused("t/0"),
        Backlogged("foo", 7),
        StoreUnavailable("refused"),
        InvalidRequest("member_unknown", "unknown member '\ud800'", "\ud800"),
    ],
)
def test_what_stands_in_the_way_of_one_is_told_as_where_it_came_alone(client: TestClient, engine: Any, error: CameronError) -> None:
    engine.outcomes, engine.failure = [error], None
    [told] = post(client, b"[{}]").json["jobs"]
    engine.failure = error
    alone = post(client, b"{}")
    assert told == {"status": alone.status_code, **alone.json}


def test_an_unknown_process_is_a_404_with_the_whole_payload(client: TestClient) -> None:
    result = post(client, path="/api/process/bar/start")
    assert (result.status_code, result.json) == (404, {"payload": BATCH.decode()})


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [(InvalidRequest("batch_empty", "it is empty"), 400, "batch_empty"), (StoreUnavailable("gone", 7), 503, "store_unavailable")],
)
def test_what_is_wrong_with_all_is_told_as_ever(client: TestClient, engine: Any, error: CameronError, status: int, code: str) -> None:
    engine.failure = error
    result = post(client)
    assert (result.status_code, result.json["error"]["code"]) == (status, code)
    assert result.headers.get("retry-after") == ("7" if status == 503 else None)


@pytest.mark.parametrize(("wait", "status"), [("", 200), ("wait=0", 200), ("wait=0.0", 200), ("wait=2", 400), ("wait=x", 400)])
def test_a_batch_is_not_waited_for(client: TestClient, engine: Any, wait: str, status: int) -> None:
    result = post(client, query_string=wait)
    assert (result.status_code, len(engine.asked)) == (status, int(status == 200))
    if status == 400:
        assert (result.json["error"]["code"], result.json["error"]["field"]) == ("wait_invalid", "wait")


def test_a_body_over_the_limit_is_a_413_as_ever(client: TestClient, engine: Any) -> None:
    result = post(client, b"[" + b"1," * 500 + b"1]")
    assert (result.status_code, result.json["error"]["code"], engine.asked) == (413, "body_too_large", [])


@pytest.mark.parametrize("body", [b"{}", b' {"a": []}', b'"["', b"", b"\xef\xbb\xbf[{}]"])
def test_what_does_not_begin_as_an_array_is_one_start(client: TestClient, engine: Any, body: bytes) -> None:
    assert post(client, body).status_code == 201
    assert engine.started == [("foo", body)]


@pytest.mark.parametrize("path", ["/api/workflow/foo/start", "/api/workflow/foo", "/e/foo", "/brief/foo"])
def test_the_routes_of_other_dialects_take_an_array_as_they_did(client: TestClient, engine: Any, path: str) -> None:
    post(client, path=path)
    assert ([body for _, body in engine.started], engine.asked) == ([BATCH], [])
