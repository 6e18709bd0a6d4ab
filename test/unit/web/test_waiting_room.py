"""Where requests wait: who is kept, for how long, and what lets them go."""

import threading
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest

from cameron.errors import JobNotFound, StoreUnavailable
from cameron.web.waiting_room import LONGEST_PAUSE_S, WaitingRoom

LONG_S = 60.0


class Job:
    """Ends when the test says so; `looked` is set at the first look."""

    def __init__(self) -> None:
        self.looked, self.ended = threading.Event(), threading.Event()
        self.looks = 0

    def look(self) -> bytes | None:
        self.looks += 1
        self.looked.set()
        return b"ended" if self.ended.is_set() else None


def test_who_waits_gets_what_is_there_in_time() -> None:
    job = Job()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(WaitingRoom(1).watch, job.look, LONG_S)
        assert job.looked.wait(10)
        job.ended.set()
        assert answer.result(10) == b"ended"


def test_who_waits_too_short_a_time_gets_nothing() -> None:
    job, began = Job(), monotonic()
    assert WaitingRoom(1).watch(job.look, 0.3) is None
    assert monotonic() - began >= 0.3
    assert 0.3 / LONGEST_PAUSE_S <= job.looks <= 20  # often at first, then ever less


def test_what_ends_in_the_very_last_moment_is_seen() -> None:
    asked: list[float] = []

    def look() -> bytes | None:
        asked.append(monotonic())
        return b"ended" if monotonic() >= deadline else None

    deadline = monotonic() + 0.15
    assert WaitingRoom(1).watch(look, 0.15) == b"ended"


@pytest.mark.parametrize("for_s", [0.0, -1.0])
def test_who_does_not_wait_does_not_look(for_s: float) -> None:
    job = Job()
    assert WaitingRoom(1).watch(job.look, for_s) is None
    assert job.looks == 0


def test_who_finds_no_seat_is_not_kept_and_a_seat_is_free_again_afterwards() -> None:
    room, sitting, other = WaitingRoom(1), Job(), Job()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(room.watch, sitting.look, LONG_S)
        assert sitting.looked.wait(10)
        assert room.watch(other.look, LONG_S) is None
        sitting.ended.set()
        assert answer.result(10) == b"ended"
    other.ended.set()
    assert room.watch(other.look, LONG_S) == b"ended"


def test_a_room_without_seats_keeps_nobody() -> None:
    job = Job()
    job.ended.set()
    assert WaitingRoom(0).watch(job.look, LONG_S) is None


def test_a_room_that_closes_lets_everybody_go_and_keeps_nobody_any_more() -> None:
    room, jobs = WaitingRoom(2), [Job(), Job()]
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(room.watch, job.look, LONG_S) for job in jobs]
        assert all(job.looked.wait(10) for job in jobs)
        room.close()
        assert [answer.result(10) for answer in answers] == [None, None]
    assert room.watch(jobs[0].look, LONG_S) is None


@pytest.mark.parametrize("error", [StoreUnavailable("refused"), JobNotFound("foo", "u")])
def test_what_can_no_longer_be_looked_at_is_not_waited_for_and_the_seat_is_free(error: Exception) -> None:
    def look() -> bytes | None:
        raise error

    room, job = WaitingRoom(1), Job()
    assert room.watch(look, LONG_S) is None
    job.ended.set()
    assert room.watch(job.look, LONG_S) == b"ended"


def test_a_fault_of_ours_is_not_hidden_and_the_seat_is_free() -> None:
    def look() -> bytes | None:
        raise ZeroDivisionError

    room, job = WaitingRoom(1), Job()
    with pytest.raises(ZeroDivisionError):
        room.watch(look, LONG_S)
    job.ended.set()
    assert room.watch(job.look, LONG_S) == b"ended"
