"""GET {location}/explain."""

from typing import Any

from falcon.testing import TestClient

PATH = "/api/process/foo/key/a%2Fb/job/u/explain"


def test_an_explanation_is_answered_as_the_engine_words_it(client: TestClient, engine: Any) -> None:
    result = client.simulate_get(PATH)
    assert (result.status_code, result.headers["cache-control"]) == (200, "no-store")
    assert result.json == {"process": "foo", "uuid": "u", "key": "a/b", "state": "queued", "sentence": "It waits."}
    assert engine.asked == [("foo", "a/b", "u")]


def test_a_job_of_another_dialect_is_explained_below_its_own_path(client: TestClient, engine: Any) -> None:
    assert client.simulate_get("/brief/a%2Ff/u/explain").status_code == 200
    assert engine.asked == [("a/f", "", "u")]
