"""Which call goes next."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from cameron.activities.call_queue import CallQueue


def take_all(queue: CallQueue[str]) -> list[str]:
    """Everything that may run now, in order."""
    taken = []
    while (item := queue.take()) is not None:
        taken.append(item)
    return taken


def test_calls_to_one_host_go_in_order() -> None:
    queue: CallQueue[str] = CallQueue(8, 8)
    for item in ("a1", "a2", "a3"):
        queue.put("a", item)
    assert take_all(queue) == ["a1", "a2", "a3"]


def test_hosts_take_turns() -> None:
    queue: CallQueue[str] = CallQueue(8, 8)
    for item in ("a1", "a2", "a3", "b1", "b2"):
        queue.put(item[0], item)
    assert take_all(queue) == ["a1", "b1", "a2", "b2", "a3"]


def test_it_says_who_waits_and_beside_how_many() -> None:
    queue: CallQueue[str] = CallQueue(16, 2)
    for item in ("a1", "a2", "a3", "a4", "b1"):
        queue.put(item[0], item)
    assert queue.waiting() == {"a": (0, 4), "b": (0, 1)}
    take_all(queue)
    assert queue.waiting() == {"a": (2, 2)}
    queue.done("a")
    take_all(queue)
    assert queue.waiting() == {"a": (2, 1)}


def test_a_host_at_its_limit_waits_and_the_others_do_not() -> None:
    queue: CallQueue[str] = CallQueue(8, 2)
    for item in ("a1", "a2", "a3", "b1"):
        queue.put(item[0], item)
    assert take_all(queue) == ["a1", "b1", "a2"]
    queue.done("b")
    assert take_all(queue) == []
    queue.done("a")
    assert take_all(queue) == ["a3"]


def test_no_more_than_max_calls_run() -> None:
    queue: CallQueue[str] = CallQueue(2, 1)
    for item in ("a1", "b1", "c1"):
        queue.put(item[0], item)
    assert take_all(queue) == ["a1", "b1"]
    queue.done("a")
    assert take_all(queue) == ["c1"]


def test_an_eighth_of_the_slots_is_left_to_other_hosts() -> None:
    queue: CallQueue[str] = CallQueue(16, 1000)
    for number in range(20):
        queue.put("hangs", f"hangs{number}")
    assert len(take_all(queue)) == 14
    queue.put("well", "well")
    assert take_all(queue) == ["well"]


def test_a_single_slot_is_used() -> None:
    queue: CallQueue[str] = CallQueue(1, 1)
    queue.put("a", "a1")
    assert take_all(queue) == ["a1"]


@given(st.integers(1, 12), st.integers(1, 12), st.lists(st.one_of(st.sampled_from("abcd"), st.integers(0, 50)), max_size=120))
def test_limits_hold_nothing_is_lost_and_no_slot_stays_free_while_one_waits(max_calls: int, per_host: int, steps: list[str | int]) -> None:
    queue: CallQueue[str] = CallQueue(max_calls, per_host)
    put: Counter[str] = Counter()
    taken: list[str] = []
    running: list[str] = []

    def take() -> None:
        for item in take_all(queue):
            taken.append(item)
            running.append(item[0])

    for step in steps:
        if isinstance(step, str):
            queue.put(step, f"{step}{put[step]}")
            put[step] += 1
        elif running:
            queue.done(running.pop(step % len(running)))
        take()
        count = Counter(running)
        assert len(running) == queue.running <= max_calls
        assert all(number <= queue.max_calls_per_host for number in count.values())
        started = Counter(item[0] for item in taken)
        may_run = [host for host in put if put[host] > started[host] and count[host] < queue.max_calls_per_host]
        assert not may_run or len(running) == max_calls
    while running:
        queue.done(running.pop())
        take()
    for host, number in put.items():
        assert [item for item in taken if item[0] == host] == [f"{host}{index}" for index in range(number)]
