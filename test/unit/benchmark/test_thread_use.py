import os
import threading

from thread_use import Use, by_thread, total

FIRST, THEN = Use(1.0, 0.5, 10, 2), Use(1.5, 0.75, 30, 3)


def test_uses_are_added_up_and_told_apart() -> None:
    assert total([FIRST, THEN]) == Use(2.5, 1.25, 40, 5)
    assert THEN.since(FIRST) == Use(0.5, 0.25, 20, 1)
    assert total([]) == Use()


def test_threads_go_by_the_name_they_are_given_and_those_alike_but_for_a_number_go_together() -> None:
    gate = threading.Barrier(3)
    threads = [threading.Thread(target=lambda: (gate.wait(10), gate.wait(10))) for _ in range(2)]
    for thread in threads:
        thread.start()
    gate.wait(10)
    names = {thread.native_id: f"worker-{number}" for number, thread in enumerate(threads) if thread.native_id}
    found = by_thread(os.getpid(), names)
    gate.wait(10)
    for thread in threads:
        thread.join()
    assert "worker" in found
    assert not {"worker-0", "worker-1"} & set(found)
    assert total(found.values()).cpu_s > 0


def test_a_thread_that_waits_is_switched_away_from_of_its_own_will() -> None:
    gate, go = threading.Event(), threading.Event()

    def wait() -> None:
        for _ in range(20):
            gate.wait(0.001)
        go.wait(10)

    thread = threading.Thread(target=wait)
    thread.start()
    before = Use()
    while thread.is_alive():
        before = by_thread(os.getpid(), {thread.native_id or 0: "waiter"}).get("waiter", before)
        if before.voluntary >= 20:
            go.set()
    thread.join()
    assert before.voluntary >= 20
