"""POST of a start: of the main dialect at /api/process/{name}/start, of any other where its manner says."""

import json
from typing import Any

import pytest
from falcon.testing import TestClient

from cameron.errors import InvalidRequest, StoreUnavailable

UUID = "0123456789abcdef0123456789abcdef"
START = "/api/process/foo/start"


def test_an_accepted_job_is_a_201_with_payload_and_location(client: TestClient) -> None:
    result = client.simulate_post(START, body='{"key":"(id,007)"}', headers={"Host": "example.org:8080"})
    assert result.status_code == 201
    assert result.headers["content-type"] == "application/json"
    assert result.headers["location"] == f"http://example.org:8080/api/process/foo/key/(id,007)/job/{UUID}"
    assert result.json == {"payload": '{"key":"(id,007)"}'}


def test_an_unknown_process_is_a_404_with_the_payload(client: TestClient) -> None:
    result = client.simulate_post("/api/process/bar/start", body='{"key":"k"}')
    assert (result.status_code, result.content) == (404, b'{"payload": "{\\"key\\":\\"k\\"}"}')


def test_a_payload_that_is_not_utf8_is_shown_with_replacements(client: TestClient) -> None:
    result = client.simulate_post("/api/process/bar/start", body=b"\xff\xc3\xa9")
    assert result.json == {"payload": "\ufffdé"}


@pytest.mark.parametrize("content_type", [None, "application/x-www-form-urlencoded", "text/plain", "application/json", "nonsense"])
def test_any_content_type_is_taken(client: TestClient, engine: Any, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    assert client.simulate_post(START, body="key=1&x=%7B", headers=headers).status_code == 201
    assert engine.started == [("foo", b"key=1&x=%7B")]


@pytest.mark.parametrize(
    ("key", "segment"),
    [
        ("(id,007)", "(id,007)"),
        ("a:@!$&'*;=~-._+b", "a:@!$&'*;=~-._+b"),
        ("a/b c%", "a%2Fb%20c%25"),
        ("é?#{}", "%C3%A9%3F%23%7B%7D"),
        ('<">\\^`|', "%3C%22%3E%5C%5E%60%7C"),
    ],
)
def test_the_location_encodes_only_what_a_segment_may_not_hold(client: TestClient, engine: Any, key: str, segment: str) -> None:
    engine.key = key
    location = client.simulate_post(START, body="{}", headers={"Host": "h"}).headers["location"]
    assert location == f"http://h/api/process/foo/key/{segment}/job/{UUID}"
    engine.shown["foo", key, UUID] = b"{}"
    assert client.simulate_get(location.removeprefix("http://h")).status_code == 200


@pytest.mark.parametrize("host", ["h", "h:1", "my_host.example-1.org:65535", "[::1]:8080", "127.0.0.1"])
def test_the_location_names_the_host_as_the_client_did(client: TestClient, host: str) -> None:
    assert client.simulate_post(START, body="{}", headers={"Host": host}).headers["location"].startswith(f"http://{host}/api/")


@pytest.mark.parametrize("host", ["", "a b", "a\r\nX: y", "a/b", "a@b", "a, b", "é", "a:b", "a:123456", "<x>", "x\n", "[evil]", "a" * 300])
def test_a_host_that_cannot_stand_in_a_url_is_replaced_by_the_configured_one(client: TestClient, host: str) -> None:
    location = client.simulate_post(START, body="{}", extras={"HTTP_HOST": host}).headers["location"]
    assert location.startswith("http://127.0.0.1:8008/api/process/foo/")


@pytest.mark.parametrize("declared", [None, "1001"])
def test_a_body_over_the_limit_is_a_413_that_names_the_limit(client: TestClient, engine: Any, declared: str | None) -> None:
    extras = {"wsgi.input_terminated": True} | ({} if declared is None else {"CONTENT_LENGTH": declared})
    result = client.simulate_post(START, body=b"x" * 1001, headers={"Content-Length": declared or ""}, extras=extras)
    assert result.status_code == 413
    assert result.json["error"]["code"] == "body_too_large"
    assert "1000 bytes" in result.json["error"]["message"]
    assert engine.started == []


def test_a_body_at_the_limit_is_taken(client: TestClient, engine: Any) -> None:
    assert client.simulate_post(START, body=b"x" * 1000).status_code == 201
    assert engine.started == [("foo", b"x" * 1000)]


def test_an_unreadable_request_is_a_400_with_code_message_and_field(client: TestClient, engine: Any) -> None:
    engine.failure = InvalidRequest("missing_key", "the key “é” is missing: send one", "key")
    result = client.simulate_post(START, body="{}")
    assert result.status_code == 400
    assert json.loads(result.content.decode()) == {
        "error": {"code": "missing_key", "message": "the key “é” is missing: send one", "field": "key"}
    }
    assert result.headers["content-type"] == "application/json"


def test_a_store_that_is_away_is_a_503_with_retry_after(client: TestClient, engine: Any) -> None:
    engine.failure = StoreUnavailable("refused", retry_after_s=7)
    result = client.simulate_post(START, body="{}")
    assert (result.status_code, result.headers["retry-after"]) == (503, "7")
    assert result.json["error"]["code"] == "store_unavailable"


def test_a_job_that_is_there_already_is_a_200_with_its_location(client: TestClient, engine: Any) -> None:
    headers = {"Idempotency-Key": "9f3a", "Host": "h"}
    first = client.simulate_post(START, body="{}", headers=headers)
    second = client.simulate_post(START, body="{}", headers=headers)
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.headers["location"] == first.headers["location"]
    assert (second.json, engine.tokens) == ({"payload": "{}"}, ["9f3a", "9f3a"])


def test_without_an_idempotency_key_each_start_is_a_job(client: TestClient, engine: Any) -> None:
    assert [client.simulate_post(START, body="{}").status_code for _ in range(2)] == [201, 201]
    assert engine.tokens == ["", ""]


@pytest.mark.parametrize("token", ["x", '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "a b~!", "k" * 255])
def test_an_idempotency_key_is_any_printable_ascii(client: TestClient, engine: Any, token: str) -> None:
    assert client.simulate_post(START, body="{}", extras={"HTTP_IDEMPOTENCY_KEY": token}).status_code == 201
    assert engine.tokens == [token]


@pytest.mark.parametrize("token", ["", "k" * 256, "a\tb", "\u00e9", "a\x7f", "a\n"])
def test_an_idempotency_key_that_is_none_is_a_400_and_starts_nothing(client: TestClient, engine: Any, token: str) -> None:
    result = client.simulate_post(START, body="{}", extras={"HTTP_IDEMPOTENCY_KEY": token})
    assert (result.status_code, result.json["error"]["code"]) == (400, "idempotency_key_invalid")
    assert result.json["error"]["field"] == "Idempotency-Key"
    assert engine.started == []


@pytest.mark.parametrize("path", ["/api/process/%/start", "/api/process/%ff/start", "/api/process/%zz/start"])
def test_a_malformed_name_is_a_400(client: TestClient, engine: Any, path: str) -> None:
    result = client.simulate_post("/", body="{}", extras={"RAW_URI": path})
    assert (result.status_code, result.json["error"]["code"]) == (400, "malformed_path")
    assert engine.started == []


# other dialects


def test_another_dialect_has_its_own_route_words_and_status_and_its_location_is_a_path(client: TestClient, engine: Any) -> None:
    result = client.simulate_post("/brief/a%2Ff", body="body", headers={"Host": "h"})
    assert (result.status_code, result.headers["location"]) == (202, f"/brief/a%2Ff/{UUID}")
    told = result.json
    assert told.pop("accepted_ms") == 1_795_225_034_532
    assert told == {
        "process": "foo",
        "key": "(id,007)",
        "uuid": UUID,
        "payload": "body",
        "existing": False,
        "location": f"http://h/brief/a%2Ff/{UUID}",
        "path": f"/brief/a%2Ff/{UUID}",
        "ended": "",
        "status": "running",
    }
    assert engine.started == [("a/f", b"body")]


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        (START, ""),
        ("/api/workflow/foo/start", "tickets"),
        ("/api/workflow/foo", "mender"),
        ("/e/foo", "machinery"),
        ("/brief/foo", "brief"),
    ],
)
def test_a_route_starts_processes_of_its_dialect_and_the_main_one_all(client: TestClient, engine: Any, path: str, dialect: str) -> None:
    client.simulate_post(path, body="{}")
    assert engine.dialects == [dialect]


def test_a_path_has_the_mount_point_in_it(client: TestClient) -> None:
    result = client.simulate_post("/", body="{}", extras={"RAW_URI": "/mount/brief/foo", "SCRIPT_NAME": "/mount"})
    assert (result.json["path"], result.json["location"]) == (
        f"/mount/brief/a%2Ff/{UUID}",
        f"http://falconframework.org/mount/brief/a%2Ff/{UUID}",
    )


def test_a_job_of_another_dialect_is_found_at_its_location(client: TestClient, engine: Any) -> None:
    engine.shown["a/f", "", UUID] = b"{}"
    location = client.simulate_post("/brief/foo", body="{}").headers["location"]
    assert client.simulate_get(location).status_code == 200


def test_what_another_dialect_has_words_for_is_told_in_them_with_the_body(client: TestClient) -> None:
    result = client.simulate_post("/brief/bar", body="body")
    assert (result.status_code, result.json) == (410, ["ProcessNotFound", "body"])
    assert "location" not in result.headers


@pytest.mark.parametrize(
    ("request_of", "code"),
    [
        ({"body": b"x" * 1001}, "body_too_large"),
        ({"extras": {"RAW_URI": "/brief/%ff"}}, "malformed_path"),
        ({"headers": {"Idempotency-Key": "k" * 256}}, "idempotency_key_invalid"),
        ({"query_string": "wait=x"}, "wait_invalid"),
    ],
)
def test_so_is_what_no_engine_was_asked_for(client: TestClient, engine: Any, request_of: dict[str, Any], code: str) -> None:
    result = client.simulate_post("/brief/foo", **request_of)
    assert (result.status_code, result.json) == (418, [code, ""])
    assert engine.started == []


def test_what_it_has_no_words_for_is_told_in_the_common_form(client: TestClient, engine: Any) -> None:
    engine.failure = StoreUnavailable("refused", retry_after_s=7)
    result = client.simulate_post("/brief/foo", body="{}")
    assert (result.status_code, result.headers["retry-after"]) == (503, "7")
    assert result.json["error"]["code"] == "store_unavailable"
