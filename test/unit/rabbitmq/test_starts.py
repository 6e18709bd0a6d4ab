"""The threads in which messages wait for the engine."""

from collections.abc import Callable
from queue import SimpleQueue
from typing import NamedTuple

import pytest

from cameron.definitions import Given
from cameron.errors import InvalidRequest, ProcessNotFound
from cameron.rabbitmq.message import StartRequest
from cameron.rabbitmq.starts import Started, Starts

GIVEN = Given({"key": "m"}, "spare")
REQUEST = StartRequest("a", "m", GIVEN)
TIMEOUT_S = 10


class Job(NamedTuple):
    process: str
    uuid: str
    existing: bool


class Engine:
    """An engine that does what it is told with each start."""

    def __init__(self, behave: Callable[[], None] = lambda: None) -> None:
        self.asked: list[tuple[str, Given, str]] = []
        self._behave = behave

    def start(self, process: str, body: Given, idempotency_key: str = "") -> Job:
        self.asked.append((process, body, idempotency_key))
        self._behave()
        return Job(f"the whole name of {process}", "0" * 32, len(self.asked) > 1)

    def names(self) -> list[str]:
        return []


def outcome(engine: Engine) -> Started:
    told: SimpleQueue[Started] = SimpleQueue()
    starts = Starts(engine, 2, told.put)
    starts.put("what", REQUEST)
    try:
        return told.get(timeout=TIMEOUT_S)
    finally:
        starts.close()


def test_a_start_that_went_well_is_told_without_an_error() -> None:
    engine = Engine()
    assert outcome(engine) == Started("what", None)
    assert engine.asked == [("a", GIVEN, "m")]


def test_a_start_is_logged_with_its_job_and_whether_that_was_there_before(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "cameron.rabbitmq")
    engine = Engine()
    assert [outcome(engine), outcome(engine)] == [Started("what", None)] * 2
    started = f"message 'm' has started job {'0' * 32} of the whole name of a"
    assert caplog.messages == [started, f"{started} (it was there before)"]


def test_whatever_is_raised_is_told() -> None:
    for error in (ProcessNotFound("a"), InvalidRequest("body_invalid", "no"), ZeroDivisionError()):

        def fail(error: Exception = error) -> None:
            raise error

        engine = Engine(fail)
        assert outcome(engine) == Started("what", error)
        assert len(engine.asked) == 1


def test_what_was_put_before_the_close_is_still_done() -> None:
    told: SimpleQueue[Started] = SimpleQueue()
    starts = Starts(Engine(), 3, told.put)
    for number in range(20):
        starts.put(number, REQUEST)
    starts.close()
    assert sorted(told.get(timeout=TIMEOUT_S).what for _ in range(20)) == list(range(20))
