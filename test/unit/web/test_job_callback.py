"""POST of a callback."""

import logging
from typing import Any

import pytest
from falcon.testing import TestClient

from cameron.config import Config
from cameron.errors import CallbackUsed
from cameron.web.application import ACCESS_LOG
from cameron.web.body import LIMIT

PATH = "/api/process/workflow:foo/key/a%2Fb/job/u/task/act%201/callback/s3cret"


def test_a_callback_reaches_the_engine_as_it_came_and_is_a_200(client: TestClient, engine: Any) -> None:
    result = client.simulate_post(PATH, body=b'{"data": 1}')
    assert (result.status_code, result.json) == (
        200,
        {"process": "workflow:foo", "uuid": "u", "task": "act 1", "status": "accepted"},
    )
    assert result.headers["cache-control"] == "no-store"
    assert engine.asked == [("workflow:foo", "a/b", "u", "act 1", "s3cret", b'{"data": 1}')]


def test_a_refused_callback_is_told_in_the_common_form(client: TestClient, engine: Any) -> None:
    engine.failure = CallbackUsed("u", "act 1")
    result = client.simulate_post(PATH, body=b"{}")
    assert (result.status_code, result.json["error"]["code"]) == (409, "callback_used")


def test_only_a_post_is_a_callback(client: TestClient, engine: Any) -> None:
    assert client.simulate_get(PATH).status_code == 405
    assert engine.asked == []


def test_a_callback_may_be_as_large_as_any_reply_and_no_larger(client: TestClient, engine: Any, config: Config) -> None:
    most = config.http.max_reply_bytes
    assert most > config.web.max_body_bytes
    assert client.simulate_post(PATH, body=b"x" * most).status_code == 200
    result = client.simulate_post(PATH, body=b"x" * (most + 1))
    assert (result.status_code, result.json["error"]["code"]) == (413, "body_too_large")
    assert "max_reply_bytes under [http]" in result.json["error"]["message"]
    assert LIMIT not in result.json["error"]["message"]
    assert len(engine.asked) == 1


@pytest.mark.parametrize("place", ["%ff/callback/t", "t/callback/%ff"])
def test_a_malformed_segment_is_a_400(client: TestClient, engine: Any, place: str) -> None:
    result = client.simulate_post("/", extras={"RAW_URI": f"/api/process/foo/key/k/job/u/task/{place}"})
    assert (result.status_code, result.json["error"]["code"]) == (400, "malformed_path")
    assert engine.asked == []


def test_who_reads_the_logs_learns_no_callback_url(client: TestClient, engine: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, ACCESS_LOG)
    client.simulate_post(PATH, body=b"{}")
    engine.failure = ZeroDivisionError("boom")
    assert client.simulate_post(PATH, body=b"{}").status_code == 500
    assert "act%201/callback/..." in caplog.text
    assert "s3cret" not in caplog.text
