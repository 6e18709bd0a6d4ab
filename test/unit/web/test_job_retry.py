"""POST {location}/retry."""

from typing import Any

from falcon.testing import TestClient

from cameron.errors import KeyTaken

UUID = "0123456789abcdef0123456789abcdef"
PATH = f"/api/process/foo/key/a%2Fb/job/{UUID}"


def test_a_job_that_runs_again_is_a_202_with_its_location_and_tasks(client: TestClient, engine: Any) -> None:
    result = client.simulate_post(PATH + "/retry", headers={"Host": "h:1"})
    assert (result.status_code, result.headers["location"]) == (202, f"http://h:1{PATH}")
    assert result.json == {"process": "foo", "uuid": UUID, "status": "scheduled", "tasks": ["é", "b"]}
    assert engine.asked == [("foo", "a/b", UUID)]


def test_a_job_of_another_dialect_is_located_as_its_manner_is(client: TestClient, engine: Any) -> None:
    result = client.simulate_post(f"/brief/a%2Ff/{UUID}/retry", headers={"Host": "h:1"})
    assert (result.status_code, result.headers["location"], result.json["process"]) == (202, f"/brief/a%2Ff/{UUID}", "foo")
    assert engine.asked == [("a/f", "", UUID)]


def test_another_unfinished_job_of_a_unique_key_is_a_409_that_names_it(client: TestClient, engine: Any) -> None:
    engine.failure = KeyTaken("foo", "a/b", "the other's uuid")
    result = client.simulate_post(PATH + "/retry")
    assert (result.status_code, result.json["error"]["code"]) == (409, "key_taken")
    assert "the other's uuid" in result.json["error"]["message"]
