"""The node's clock: Redis's time, monotonic in between, and stamps in local time."""

import re
import time
from collections.abc import Iterator

import pytest

from cameron.clock import Clock, Moment


@pytest.fixture(params=["UTC", "Europe/Berlin", "America/St_Johns"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The local time zone."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def test_a_new_clock_goes_by_the_machines_time() -> None:
    before_ms = int(time.time() * 1000)
    assert before_ms - 60_000 <= Clock().now_ms() <= int(time.time() * 1000) + 60_000


def test_a_clock_that_is_set_goes_on_from_there_whatever_the_machines_time_does(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, seconds = Clock(), 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: seconds)
    clock.set(5_000_000.25)
    assert clock.now_ms() == 5_000_000
    seconds += 2.5
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert clock.now_ms() == 5_002_500


def test_a_clock_may_be_set_back() -> None:
    clock = Clock()
    clock.set(9_000_000_000_000)
    clock.set(1_000_000_000_000)
    assert 1_000_000_000_000 <= clock.now_ms() < 1_000_000_060_000


@pytest.mark.parametrize("second", [0, 951_782_400, 1_698_540_000, 1_698_543_599])  # a leap day, the hour that comes twice
def test_a_stamp_is_local_time_month_first(zone: str, second: int) -> None:
    clock = Clock()
    clock.set(second * 1000 + 1)
    assert re.fullmatch(r"\d\d-\d\d-\d{4} \d\d:\d\d:\d\d", clock.stamp())
    assert clock.stamp() in {time.strftime("%m-%d-%Y %H:%M:%S", time.localtime(second + late)) for late in range(30)}


def test_a_moment_tells_one_time_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    clock = Clock()
    for now_ms in (1_700_000_000_000, 1_700_000_000_999, 1_700_000_001_000, 1_600_000_000_123):
        clock.set(now_ms)
        assert clock.now() == Moment(now_ms, time.strftime("%m-%d-%Y %H:%M:%S", time.localtime(now_ms // 1000)))
        assert clock.now() == (clock.now_ms(), clock.stamp())


def test_a_stamp_is_made_once_for_all_who_ask_within_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    clock = Clock()
    clock.set(1_700_000_000_000)
    first = clock.stamp()
    clock.set(1_700_000_000_999)
    assert clock.stamp() is first


def test_each_second_has_its_own_stamp(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, seconds = Clock(), 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: seconds)
    clock.set(59_999)
    assert clock.stamp()[-2:] == "59"
    seconds += 0.002
    assert clock.stamp()[-2:] == "00"
