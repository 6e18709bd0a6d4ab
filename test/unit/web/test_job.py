"""GET of a job: each path segment is decoded exactly once, from the raw path."""

from typing import Any

import pytest
from falcon.testing import TestClient

from cameron.errors import StoreUnavailable


def get(client: TestClient, target: str, **extras: str) -> Any:
    return client.simulate_get("/", extras={"RAW_URI": target, **extras})


def test_a_job_is_answered_as_the_engine_words_it(client: TestClient, engine: Any) -> None:
    engine.shown["foo", "k", "u"] = b'{"process": "foo"}'
    result = client.simulate_get("/api/process/foo/key/k/job/u")
    assert (result.status_code, result.content, result.headers["content-type"]) == (200, b'{"process": "foo"}', "application/json")


def test_head_answers_as_get_without_the_body(client: TestClient, engine: Any) -> None:
    engine.shown["foo", "k", "u"] = b'{"process": "foo"}'
    result = client.simulate_head("/api/process/foo/key/k/job/u")
    assert (result.status_code, result.content, result.headers["content-length"]) == (200, b"", "18")


def test_an_unknown_job_is_a_404_with_a_json_error(client: TestClient) -> None:
    result = client.simulate_get("/api/process/foo/key/k/job/u")
    assert (result.status_code, result.json["error"]["code"]) == (404, "job_not_found")


def test_a_store_that_is_away_is_a_503(client: TestClient, engine: Any) -> None:
    engine.failure = StoreUnavailable("timeout")
    assert get(client, "/api/process/foo/key/k/job/u").status_code == 503


@pytest.mark.parametrize(
    ("segment", "key"),
    [
        ("(id,007)", "(id,007)"),
        ("%28id%2C007%29", "(id,007)"),
        ("a%2Fb", "a/b"),
        ("a%252Fb", "a%2Fb"),
        ("a+b", "a+b"),
        ("%C3%A9", "é"),
        ("\u00c3\u00a9", "é"),  # UTF-8 sent bare, as latin-1 in the WSGI environment
        ("%2e%2e", ".."),
    ],
)
@pytest.mark.parametrize("variable", ["RAW_URI", "REQUEST_URI"])
def test_a_segment_is_decoded_once(client: TestClient, engine: Any, segment: str, key: str, variable: str) -> None:
    client.simulate_get("/", extras={variable: f"/api/process/foo/key/{segment}/job/u?x=/y#z"})
    assert engine.asked == [("foo", key, "u")]


def test_without_a_raw_target_the_decoded_path_is_encoded_again(client: TestClient, engine: Any) -> None:
    client.simulate_get("/", extras={"RAW_URI": "", "PATH_INFO": "/api/process/foo/key/a%2F b\u00c3\u00a9?/job/u"})
    assert engine.asked == [("foo", "a%2F bé?", "u")]


def test_a_target_in_absolute_form_is_the_path_behind_its_host(client: TestClient, engine: Any) -> None:
    get(client, "http://example.org:80/api/process/foo/key/k/job/u")
    assert engine.asked == [("foo", "k", "u")]


def test_the_mount_point_is_not_part_of_the_path(client: TestClient, engine: Any) -> None:
    get(client, "/cameron/api/process/foo/key/a%2Fb/job/u", SCRIPT_NAME="/cameron")
    assert engine.asked == [("foo", "a/b", "u")]


@pytest.mark.parametrize("segment", ["%", "%2", "%zz", "%ff", "%C3", "a%ED%A0%80"])
def test_a_malformed_segment_is_a_400(client: TestClient, engine: Any, segment: str) -> None:
    result = get(client, f"/api/process/foo/key/{segment}/job/u")
    assert (result.status_code, result.json["error"]["code"]) == (400, "malformed_path")
    assert engine.asked == []


def test_a_job_of_another_dialect_is_asked_for_as_its_path_says(client: TestClient, engine: Any) -> None:
    engine.shown["a/f", "", "u"] = b"{}"
    assert client.simulate_get("/brief/a%2Ff/u").status_code == 200
    assert engine.asked == [("a/f", "", "u")]


def test_a_job_that_another_dialect_does_not_find_is_told_in_its_words(client: TestClient) -> None:
    result = client.simulate_get("/brief/foo/u")
    assert (result.status_code, result.json) == (410, ["JobNotFound", None])


def test_a_malformed_segment_is_told_in_its_words_too(client: TestClient) -> None:
    result = get(client, "/brief/foo/%ff")
    assert (result.status_code, result.json) == (418, ["malformed_path", None])


@pytest.mark.parametrize("path", ["/api/process/foo/key/k/job/u/", "/api/process/foo/key/a/b/job/u", "/api/process/foo/key/k/job/"])
def test_a_slash_too_many_is_another_path_and_unknown(client: TestClient, path: str) -> None:
    result = get(client, path)
    assert result.status_code == 404
    assert result.json["error"]["code"] in {"not_found", "job_not_found"}
