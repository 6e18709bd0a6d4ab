"""POST {location}/cancel."""

from typing import Any

import pytest
from falcon.testing import TestClient

from cameron.errors import JobFinished, JobNotFound

PATH = "/api/process/foo/key/a%2Fb/job/u/cancel"


@pytest.mark.parametrize(("status", "code"), [("cancelled", 200), ("cancelling", 202)])
def test_a_cancelled_job_is_a_200_and_one_whose_node_was_told_a_202(client: TestClient, engine: Any, status: str, code: int) -> None:
    engine.cancelled = status
    result = client.simulate_post(PATH)
    assert (result.status_code, result.json) == (code, {"process": "foo", "uuid": "u", "status": status})
    assert engine.asked == [("foo", "a/b", "u")]


def test_a_job_that_has_ended_is_a_409_that_says_as_what(client: TestClient, engine: Any) -> None:
    engine.failure = JobFinished("foo", "u", "done")
    result = client.simulate_post(PATH)
    assert (result.status_code, result.json["error"]["code"]) == (409, "job_finished")
    assert "(done)" in result.json["error"]["message"]


def test_a_job_of_another_dialect_is_cancelled_below_its_own_path(client: TestClient, engine: Any) -> None:
    result = client.simulate_post("/brief/foo/u/cancel")
    assert (result.status_code, result.json) == (200, {"process": "foo", "uuid": "u", "status": "cancelled"})
    assert engine.asked == [("foo", "", "u")]


def test_a_job_of_an_alias_is_told_with_the_name_of_its_process(client: TestClient, engine: Any) -> None:
    assert client.simulate_post("/brief/a%2Ff/u/cancel").json["process"] == "foo"


def test_one_that_is_not_there_is_told_in_the_words_of_its_dialect(client: TestClient, engine: Any) -> None:
    engine.failure = JobNotFound("foo", "u")
    assert client.simulate_post("/brief/foo/u/cancel").json == ["JobNotFound", None]


def test_only_a_post_cancels(client: TestClient, engine: Any) -> None:
    assert client.simulate_get(PATH).status_code == 405
    assert engine.asked == []
