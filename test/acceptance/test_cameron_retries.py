"""What is called again by itself: only what HTTP says was not carried out, with the same Idempotency-Key."""

import pytest

from .support.answer import http, raw, reply
from .support.scenario import Scenario

BUSY = http(503, b"busy")


def test_503_is_tried_again_with_the_same_idempotency_key(scenario: Scenario) -> None:
    scenario.on("start", BUSY, http(429, b"slow down"), reply("at last"))
    job = scenario.run(data={"same": "each time"}).done()
    calls = scenario.calls()
    assert [call.headers["x-cameron-attempt"] for call in calls] == ["1", "2", "3"]
    assert {call.headers["idempotency-key"] for call in calls} == {f"{job.uuid}/start"}
    assert len({call.body for call in calls}) == 1
    assert job.tasks()["start"]["data"] == "at last"
    assert job.error("start") is None


@pytest.mark.parametrize("status", [429, 503])
def test_what_stays_refused_is_an_error_after_three_attempts(scenario: Scenario, status: int) -> None:
    scenario.on("start", http(status, b"come back later"))
    job = scenario.run().done()
    assert len(scenario.calls()) == 3
    assert str(status) in str(job.error("start"))
    assert "come back later" in str(job.error("start"))


@pytest.mark.parametrize("status", [400, 401, 404, 409, 500, 502, 504])
def test_no_other_status_is_tried_again(scenario: Scenario, status: int) -> None:
    scenario.on("start", http(status, b"no"), reply("must not be asked for"))
    job = scenario.run().done()
    assert len(scenario.calls()) == 1
    assert job.field("task.start.status.current") == "error"


@pytest.mark.parametrize("body", [b"not JSON", b"[]", b'{"data": NaN}'])
def test_an_unreadable_reply_is_not_asked_for_again(scenario: Scenario, body: bytes) -> None:
    scenario.on("start", http(200, body), reply("must not be asked for"))
    assert scenario.run().done().field("task.start.status.current") == "error"
    assert len(scenario.calls()) == 1


def test_a_connection_closed_in_the_reply_is_not_tried_again(scenario: Scenario) -> None:
    scenario.on("start", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"), reply("must not be asked for"))
    assert scenario.run().done().field("task.start.status.current") == "error"
    assert len(scenario.calls()) == 1


def test_retry_after_is_waited_for(scenario: Scenario) -> None:
    scenario.on("start", http(503, b"", {"Retry-After": "1"}), reply(1))
    scenario.run().done()
    first, second = scenario.calls()
    assert second.arrived - (first.replied or second.arrived) >= 0.9


@pytest.mark.parametrize("after", ["", "soon", "-5", "Wed, 21 Oct 2015 07:28:00 GMT", "1e9x", "\xff"])
def test_an_odd_retry_after_does_no_harm(scenario: Scenario, after: str) -> None:
    wire = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nRetry-After: " + after.encode("latin-1") + b"\r\n\r\n"
    scenario.on("start", raw(wire), reply("fine"))
    assert scenario.run().done().tasks()["start"]["data"] == "fine"
