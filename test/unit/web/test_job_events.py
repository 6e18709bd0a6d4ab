"""GET {location}/events: which page of a job's history is asked for, and what is refused."""

from typing import Any

import pytest
from falcon.testing import TestClient

from cameron.errors import InvalidRequest, JobNotFound

JOB = ("foo", "a/b", "u")
PATH = "/api/process/foo/key/a%2Fb/job/u/events"


def test_a_page_is_answered_as_the_engine_gives_it(client: TestClient, engine: Any) -> None:
    result = client.simulate_get(PATH)
    assert (result.status_code, result.headers["cache-control"]) == (200, "no-store")
    accepted = {"id": "0-0", "time": "2026-11-21T00:47:00.000Z", "event": "job.accepted"}
    assert result.json == {"process": "foo", "uuid": "u", "key": "a/b", "events": [accepted], "next": None, "dropped": False}


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("", ("", 1000)),
        ("after=1763740000000-0", ("1763740000000-0", 1000)),
        ("limit=1", ("", 1)),
        ("limit=10000&after=0-0", ("0-0", 10_000)),
    ],
)
def test_who_says_after_what_and_how_many_is_given_that(client: TestClient, engine: Any, query: str, asked: tuple[str, int]) -> None:
    assert client.simulate_get(PATH, query_string=query).status_code == 200
    assert engine.asked == [(*JOB, *asked)]


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("limit=0", "limit_invalid", "limit"),
        ("limit=10001", "limit_invalid", "limit"),
        ("limit=ten", "limit_invalid", "limit"),
        ("limit=", "limit_invalid", "limit"),
        ("limit=1&limit=2", "limit_invalid", "limit"),
        ("after=", "after_invalid", "after"),
        ("after=1-0&after=2-0", "after_invalid", "after"),
        ("cursor=1-0", "parameter_unknown", "cursor"),
    ],
)
def test_a_query_that_cannot_be_meant_is_a_400_that_names_what_is_wrong(
    client: TestClient, engine: Any, query: str, code: str, field: str
) -> None:
    result = client.simulate_get(PATH, query_string=query)
    assert (result.status_code, result.json["error"]["code"], result.json["error"]["field"]) == (400, code, field)
    assert engine.asked == []


def test_an_id_that_the_engine_refuses_is_a_400(client: TestClient, engine: Any) -> None:
    engine.failure = InvalidRequest("after_invalid", "after must be the `id` of an event", "after")
    result = client.simulate_get(PATH, query_string="after=soon")
    error = {"code": "after_invalid", "message": "after must be the `id` of an event", "field": "after"}
    assert (result.status_code, result.json) == (400, {"error": error})


def test_an_unknown_job_is_a_404(client: TestClient, engine: Any) -> None:
    engine.failure = JobNotFound("foo", "u")
    assert client.simulate_get(PATH).status_code == 404


def test_the_history_of_a_job_of_another_dialect_stands_below_its_own_path_and_errors_are_in_its_words(
    client: TestClient, engine: Any
) -> None:
    path = "/brief/a%2Ff/u/events"
    assert client.simulate_get(path).status_code == 200
    assert engine.asked == [("a/f", "", "u", "", 1000)]
    assert client.simulate_get(path, query_string="limit=0").json == ["limit_invalid", None]
    engine.failure = JobNotFound("foo", "u")
    assert client.simulate_get(path).json == ["JobNotFound", None]


def test_a_head_is_answered_without_a_body(client: TestClient) -> None:
    result = client.simulate_head(PATH)
    assert (result.status_code, result.text) == (200, "")
