"""Definitions that are registered over HTTP: kept, listed, shown, drawn and deleted."""

from typing import Any

import pytest
from falcon.testing import TestClient

from cameron.errors import DefinitionClash, DefinitionNotFound, FieldErrors, InvalidRequest, StoreUnavailable

UUID = "0123456789abcdef0123456789abcdef"
KINDS = pytest.mark.parametrize(("path", "kind"), [("/s", "service"), ("/w", "workflow")])


@KINDS
def test_a_registered_definition_is_a_201_with_its_id_and_location(client: TestClient, engine: Any, path: str, kind: str) -> None:
    result = client.simulate_post(path, body=b'{"name": "upper"}', headers={"Host": "example.org:8080"})
    assert (result.status_code, result.json) == (201, {f"{kind}_id": UUID})
    assert result.headers["location"] == f"http://example.org:8080{path}/{UUID}"
    assert engine.asked == [("machinery", kind, b'{"name": "upper"}')]


def test_the_location_has_the_mount_point_in_it(client: TestClient) -> None:
    result = client.simulate_post("/", body="{}", extras={"RAW_URI": "/mount/w", "SCRIPT_NAME": "/mount"}, headers={"Host": "h"})
    assert result.headers["location"] == f"http://h/mount/w/{UUID}"


@KINDS
def test_all_of_a_kind_are_listed(client: TestClient, engine: Any, path: str, kind: str) -> None:
    result = client.simulate_get(path)
    assert (result.status_code, result.json) == (200, {f"{kind}s": [{"id": UUID, "name": "é"}]})
    assert engine.asked == [("machinery", kind)]


@KINDS
def test_one_is_shown_by_its_id(client: TestClient, engine: Any, path: str, kind: str) -> None:
    result = client.simulate_get(f"{path}/a%20b")
    assert (result.status_code, result.json) == (200, {"id": "a b", "name": "é"})
    assert engine.asked == [("machinery", kind, "a b")]


@KINDS
def test_one_is_deleted_by_its_id(client: TestClient, engine: Any, path: str, kind: str) -> None:
    result = client.simulate_delete(f"{path}/{UUID}")
    assert (result.status_code, result.content) == (204, b"")
    assert engine.asked == [("machinery", kind, UUID)]


@pytest.mark.parametrize(("end", "form", "media"), [("svg", "svg", "image/svg+xml"), ("mmd", "mermaid", "text/plain; charset=utf-8")])
def test_a_workflow_is_drawn(client: TestClient, engine: Any, end: str, form: str, media: str) -> None:
    result = client.simulate_get(f"/w/{UUID}.{end}")
    assert (result.status_code, result.headers["content-type"], result.content.decode()) == (200, media, f"{form} of é")
    assert result.headers["content-security-policy"].startswith("default-src 'none'")
    assert engine.asked == [("machinery", UUID, form)]


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (InvalidRequest("body_empty", "the body is empty"), 400, {"message": "the body is empty"}),
        (InvalidRequest("body_not_json", "the body cannot be read"), 415, {"message": "the body cannot be read"}),
        (InvalidRequest("body_invalid", "something else"), 400, {"message": "something else"}),
        (FieldErrors({"name": ["is missing"], "é": ["a", "b"]}), 409, {"name": ["is missing"], "é": ["a", "b"]}),
        (DefinitionClash("not all services exist"), 409, {"message": "not all services exist"}),
    ],
)
@KINDS
def test_what_cannot_be_registered_is_told_in_the_documented_words(
    client: TestClient, engine: Any, path: str, kind: str, error: Exception, status: int, told: dict[str, Any]
) -> None:
    engine.failure = error
    result = client.simulate_post(path, body=b"{}")
    assert (result.status_code, result.headers["content-type"], result.json) == (status, "application/json", told)
    assert "location" not in result.headers


@pytest.mark.parametrize("path", [f"/s/{UUID}", f"/w/{UUID}", f"/w/{UUID}.svg", f"/w/{UUID}.mmd"])
def test_what_is_not_there_is_a_404_with_a_message(client: TestClient, engine: Any, path: str) -> None:
    engine.failure = DefinitionNotFound("workflow", UUID)
    result = client.simulate_get(path)
    assert (result.status_code, result.headers["content-type"]) == (404, "application/json")
    assert result.json == {"message": str(engine.failure)}


def test_one_that_is_used_is_not_deleted(client: TestClient, engine: Any) -> None:
    engine.failure = DefinitionClash("the workflow 'w' uses it")
    result = client.simulate_delete(f"/s/{UUID}")
    assert (result.status_code, result.json) == (409, {"message": "the workflow 'w' uses it"})


def test_a_body_over_the_limit_is_a_413_with_a_message(client: TestClient, engine: Any) -> None:
    result = client.simulate_post("/w", body=b"x" * 1001)
    assert (result.status_code, list(result.json)) == (413, ["message"])
    assert "1000 bytes" in result.json["message"]
    assert engine.asked == []


def test_a_malformed_id_is_a_400_with_a_message(client: TestClient) -> None:
    result = client.simulate_get("/", extras={"RAW_URI": "/w/%ff"})
    assert (result.status_code, list(result.json)) == (400, ["message"])


def test_a_store_that_is_away_is_a_503_that_says_when_to_come_back(client: TestClient, engine: Any) -> None:
    engine.failure = StoreUnavailable("refused", retry_after_s=7)
    result = client.simulate_post("/s", body=b"{}")
    assert (result.status_code, result.headers["retry-after"], list(result.json)) == (503, "7", ["message"])
