"""POST {location}/cancel."""

from typing import Any

import pytest
from falcon.testing import TestClient

from cameron.errors import JobFinished

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


def test_only_a_post_cancels(client: TestClient, engine: Any) -> None:
    assert client.simulate_get(PATH).status_code == 405
    assert engine.asked == []
