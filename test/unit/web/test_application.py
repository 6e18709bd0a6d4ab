"""What holds for every path: names, statuses, errors, the access log."""

import logging
from typing import Any

import pytest
from falcon.testing import TestClient

from cameron.errors import Draining, StoreUnavailable
from cameron.web.application import ACCESS_LOG


def test_the_api_tells_its_name_as_text(client: TestClient) -> None:
    result = client.simulate_get("/api")
    assert result.text.split()[0] == "Cameron"
    assert (result.status_code, result.headers["content-type"]) == (200, "text/plain; charset=utf-8")


def test_the_status_is_the_engines(client: TestClient) -> None:
    result = client.simulate_get("/status")
    assert (result.status_code, result.json) == (200, {"status": "ok", "node": "a"})


def test_the_status_is_a_503_while_the_store_is_away(client: TestClient, engine: Any) -> None:
    engine.failure = StoreUnavailable("refused")
    result = client.simulate_get("/status")
    assert (result.status_code, result.headers["retry-after"]) == (503, "2")


def test_the_status_is_a_503_while_the_node_drains(client: TestClient, engine: Any) -> None:
    engine.failure = Draining("a")
    result = client.simulate_get("/status")
    assert (result.status_code, result.headers["retry-after"], result.json["error"]["code"]) == (503, "10", "draining")


@pytest.mark.parametrize("path", ["/", "/nope", "/api/", "/status/", "/api/process", "/api/process/foo", "/api/process/foo/start/", "/API"])
def test_an_unknown_path_is_a_404_that_names_it(client: TestClient, path: str) -> None:
    result = client.simulate_get("/", extras={"RAW_URI": path})
    assert (result.status_code, result.headers["content-type"]) == (404, "application/json")
    assert result.json["error"]["code"] == "not_found"
    assert path in result.json["error"]["message"]
    for start in ("/api/process/NAME/start", "/api/workflow/NAME/start", "/api/workflow/NAME,", "/e/WORKFLOW_ID", " or /brief/ID,"):
        assert start in result.json["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api/process/foo/start", {"POST", "OPTIONS"}),
        ("HEAD", "/api/process/foo/start", {"POST", "OPTIONS"}),
        ("POST", "/api", {"GET", "HEAD", "OPTIONS"}),
        ("PATCH", "/status", {"GET", "HEAD", "OPTIONS"}),
        ("DELETE", "/api/process/foo/key/k/job/u", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_a_wrong_method_is_a_405_with_allow(client: TestClient, method: str, path: str, allowed: set[str]) -> None:
    result = client.simulate_request(method, path)
    assert result.status_code == 405
    assert set(result.headers["allow"].split(", ")) == allowed
    if method != "HEAD":
        assert result.json["error"]["code"] == "method_not_allowed"


def test_options_tells_the_methods(client: TestClient) -> None:
    result = client.simulate_options("/api/process/foo/start")
    assert (result.status_code, result.headers["allow"]) == (200, "POST")


def test_a_method_nobody_knows_is_a_json_error(client: TestClient) -> None:
    with pytest.warns(match="Unknown"):
        result = client.simulate_request("BREW", "/api")
    assert result.status_code == 400
    assert result.json["error"]["code"] == "bad_request"


def test_an_unexpected_error_is_a_500_logged_with_its_traceback_once(
    client: TestClient, engine: Any, caplog: pytest.LogCaptureFixture
) -> None:
    engine.failure = ZeroDivisionError("boom")
    result = client.simulate_get("/status")
    assert (result.status_code, result.json["error"]["code"]) == (500, "internal_error")
    assert "boom" not in result.text
    assert [record.exc_info is not None for record in caplog.records] == [True]
    assert caplog.text.count("ZeroDivisionError: boom") == 1


def test_one_access_line_a_request(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, ACCESS_LOG)
    size = len(client.simulate_get("/api?secret=1").content)
    (line,) = caplog.records
    fields: dict[str, Any] = vars(line)["fields"]
    assert fields.pop("ms") >= 0
    assert (line.getMessage(), line.levelname) == ("request", "INFO")
    assert fields == {"method": "GET", "path": "/api", "status": 200, "bytes": size}


def test_no_access_line_where_the_level_is_higher(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, ACCESS_LOG)
    client.simulate_get("/api")
    assert caplog.records == []
