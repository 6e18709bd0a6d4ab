"""N equal children, and each key at home in one of them."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cameron.otp import (
    Actor,
    Address,
    Exit,
    NoProc,
    Partition,
    PartitionSupervisor,
    Reason,
    Ref,
    Restarting,
    StartFailed,
    Supervisor,
    partition_of,
    terminate_child,
    which_children,
)
from cameron.otp.probe import PATIENCE_S, end_of

ROOT = Path(__file__).parents[3]


class Counts(Actor):
    """Says which partition it is."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def on_receive(self, message: Any) -> Any:
        return message(self) if callable(message) else self.number


@pytest.fixture
def supervisor() -> Iterator[Ref[Any]]:
    supervisor = PartitionSupervisor.start(Counts.start, 4, name="counters")
    yield supervisor
    supervisor.exit()
    end_of(supervisor)


def test_there_are_as_many_children_as_partitions(supervisor: Ref[Any]) -> None:
    assert [(info.id, info.child.ask("who?")) for info in which_children(supervisor)] == [(3, 3), (2, 2), (1, 1), (0, 0)]


@pytest.mark.parametrize("key", ["foo", b"foo", 17, ("foo", 17, b"x"), "", "ü\udc80"])
def test_a_key_is_always_at_home_in_the_same_partition(supervisor: Ref[Any], key: Any) -> None:
    asked = {Partition(place, key).ask("who?") for place in (supervisor, Address("counters")) for _ in range(3)}
    assert asked == {partition_of(key, 4)}


def test_a_keys_partition_does_not_depend_on_the_run() -> None:
    program = "from cameron.otp import partition_of; print([partition_of(key, 1000) for key in ('foo', b'foo', -1, ('a', 1), ('a1',))])"
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert printed == {"[769, 769, 999, 734, 964]\n"}


@pytest.mark.parametrize("keys", [list(range(8_000)), [f"job {number}" for number in range(8_000)], [("a", n) for n in range(8_000)]])
def test_keys_are_spread_evenly(keys: list[Any]) -> None:
    counts = Counter(partition_of(key, 8) for key in keys)
    assert sorted(counts) == list(range(8))
    assert min(counts.values()) > 800


@pytest.mark.parametrize("key", [None, 1.5, object(), ("a", None), frozenset()])
def test_a_key_whose_text_could_differ_from_run_to_run_is_refused(key: Any) -> None:
    with pytest.raises(TypeError, match="a key must be a string, bytes, a whole number or a tuple of these"):
        partition_of(key, 4)


def test_a_partition_that_crashed_is_restarted_alone(supervisor: Ref[Any]) -> None:
    before = {info.id: info.child for info in which_children(supervisor)}
    before[2].tell(lambda _: 1 / 0)
    end_of(before[2])
    after = {info.id: info.child for info in which_children(supervisor)}
    assert [number for number in range(4) if after[number] is not before[number]] == [2]
    assert Partition(supervisor, 2).ref() is after[2]


def reason_of(place: Partition) -> Reason:
    place.tell("dropped")
    assert place.ref() is None
    with pytest.raises(Exit) as caught:
        place.ask("who?")
    return caught.value.reason


def test_a_partition_that_was_terminated_is_noproc(supervisor: Ref[Any]) -> None:
    terminate_child(supervisor, 1)
    assert reason_of(Partition(supervisor, 1)) == NoProc
    assert reason_of(Partition(Address("nobody"), 1)) == NoProc


def test_a_partition_that_will_be_back_is_restarting() -> None:
    gate = threading.Event()
    starts: Iterator[Callable[[], Any]] = iter(
        [lambda: Counts.start(0), lambda: gate.wait(PATIENCE_S) and Counts.start(0)]
    )  # the second one waits
    supervisor = PartitionSupervisor.start(lambda number: next(starts)(), 1)
    place = Partition(supervisor, "any")
    ref = place.ref()
    assert ref is not None
    ref.tell(lambda _: 1 / 0)
    end_of(ref)
    assert reason_of(place) == Restarting
    gate.set()
    assert which_children(supervisor)[0].child is place.ref()
    supervisor.exit()
    end_of(supervisor)
    assert reason_of(place) == NoProc


def test_another_supervisor_has_no_partitions() -> None:
    supervisor = Supervisor.start([])
    with pytest.raises(TypeError, match="is no PartitionSupervisor"):
        Partition(supervisor, 1).ask("who?")
    supervisor.exit()


@pytest.mark.parametrize("partitions", [0, -1, True, 1.5, "4"])
def test_partitions_must_be_a_number(partitions: Any) -> None:
    with pytest.raises(StartFailed, match="partitions must be a whole number, 1 or more"):
        PartitionSupervisor.start(Counts.start, partitions)
