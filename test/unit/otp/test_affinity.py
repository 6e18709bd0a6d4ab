"""What threads and what they start are kept to, on whatever machine this is."""

import os
import threading
from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from cameron.otp import affinity

ALL = os.sched_getaffinity(0)
NO_SUCH_CORE = 1000


def seen_in_a_thread(look: list[set[int]], *steps: str) -> None:
    """Run these functions of `cores` in a thread of its own, which is the only one they change, and look at its cores after each."""

    def run() -> None:
        for step in steps:
            if step == "keep":
                affinity.keep_to([min(ALL)])
            elif step == "unbind":
                affinity.unbind()
            else:
                with affinity.unbound():
                    look.append(os.sched_getaffinity(0))
            look.append(os.sched_getaffinity(0))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)


def test_a_thread_is_kept_to_a_core_and_freed_for_good_or_for_a_moment() -> None:
    seen: list[set[int]] = []
    seen_in_a_thread(seen, "keep", "unbound", "unbind", "unbound")
    one = {min(ALL)}
    assert seen == [one, ALL, one, ALL, ALL, ALL]
    assert os.sched_getaffinity(0) == ALL


def test_what_a_kept_thread_starts_is_kept_too() -> None:
    seen: list[set[int]] = []

    def run() -> None:
        affinity.keep_to([min(ALL)])
        inner = threading.Thread(target=lambda: seen.append(os.sched_getaffinity(0)))
        inner.start()
        inner.join(10)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    assert seen == [{min(ALL)}]


def test_cores_that_were_taken_away_meanwhile_cost_nobody_what_he_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(affinity, "AT_FIRST", frozenset([NO_SUCH_CORE]))
    monkeypatch.setattr(affinity, "_kept_to", (NO_SUCH_CORE,))
    seen: list[set[int]] = []
    seen_in_a_thread(seen, "unbound", "unbind")
    assert seen == [ALL, ALL, ALL]


@pytest.fixture
def kept_nowhere() -> Iterator[None]:
    """Afterwards no thread of the tests' program is kept anywhere."""
    yield
    affinity.keep_to(ALL)


@pytest.mark.usefixtures("kept_nowhere")
def test_threads_on_one_core_are_moved_to_another_and_so_is_one_that_was_free_for_a_moment() -> None:
    first, second = min(ALL), max(ALL)  # the same on a machine with one core
    found: dict[str, set[int]] = {}
    kept, moved = threading.Barrier(4), threading.Barrier(4)

    def work(name: str) -> None:
        if name != "free":
            affinity.keep_to([first])
        with affinity.unbound() if name == "freed" else nullcontext():
            kept.wait(10)
            moved.wait(10)
        found[name] = os.sched_getaffinity(0)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("kept", "freed", "free")]
    for thread in threads:
        thread.start()
    kept.wait(10)
    affinity.move_threads(first, second)
    moved.wait(10)
    for thread in threads:
        thread.join(10)
    assert found == {"kept": {second}, "freed": {second}, "free": ALL}
