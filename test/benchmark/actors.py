"""How fast actors are, next to plain Pykka's in the same run: tell, ask, start and stop, and what an idle one weighs.

    python test/benchmark/actors.py [--messages 20000] [--rounds 5]

Kinds take turns within each round, so that a busy machine is busy for all of them; the best round counts, as noise only ever slows down.
"""

from __future__ import annotations

import argparse
import gc
import threading
import tracemalloc
from collections.abc import Callable
from time import perf_counter
from typing import Any, NamedTuple

import pykka

from cameron.otp import Actor, DynamicSupervisor, StartChild, ThreadActor, count_children, which_children

WAIT_S = 60.0
STARTS = 10  # one start and stop for so many messages
WEIGHED = 2_000


class _Counts:
    """Opens a gate at the message "last"; answers everything else with it."""

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, threading.Event):
            message.set()
        return message


class Pooled(_Counts, Actor):
    """Ours, on the dispatcher."""


class Threaded(_Counts, ThreadActor):
    """Ours, on a thread of its own."""


class Plain(_Counts, pykka.ThreadingActor):
    """Pykka's."""


class Child(Actor):
    """Ends at its first message."""

    def on_receive(self, message: Any) -> None:
        """End."""
        self.exit()


KINDS: dict[str, Any] = {"Pykka's ThreadingActor": Plain, "otp.ThreadActor": Threaded, "otp.Actor": Pooled}


class Figures(NamedTuple):
    """Of one kind of actor; the best of all rounds."""

    tells_per_s: float
    ask_us: float
    start_stop_us: float
    idle_bytes: float | None = None  # Python's own memory; a thread's stack comes on top

    def row(self, kind: str) -> str:
        """A line of the table."""
        idle = "" if self.idle_bytes is None else f"{self.idle_bytes / 1024:10.1f}"
        return f"{kind:28}{self.tells_per_s:12,.0f}{self.ask_us:10.1f}{self.start_stop_us:16.1f}{idle}"


def tells_per_s(kind: Any, messages: int) -> float:
    """One sender, until the last message has been handled."""
    ref, gate = kind.start(), threading.Event()
    began_s = perf_counter()
    for number in range(messages - 1):
        ref.tell(number)
    ref.tell(gate)
    gate.wait(WAIT_S)
    took_s = perf_counter() - began_s
    ref.stop()
    return messages / took_s


def ask_us(kind: Any, messages: int) -> float:
    """One caller, one question after the other."""
    ref = kind.start()
    began_s = perf_counter()
    for number in range(messages):
        ref.ask(number, timeout=WAIT_S)
    took_s = perf_counter() - began_s
    ref.stop()
    return took_s / messages * 1e6


def start_stop_us(kind: Any, actors: int) -> float:
    """Start one and wait for its end, again and again."""
    began_s = perf_counter()
    for _ in range(actors):
        kind.start().stop()
    return (perf_counter() - began_s) / actors * 1e6


def supervised_us(children: int) -> float:
    """Start all under a DynamicSupervisor by tell, have all end, and see it empty: for one child."""
    supervisor = DynamicSupervisor.start(Child.start)
    began_s = perf_counter()
    for _ in range(children):
        supervisor.tell(StartChild(()))
    for info in which_children(supervisor, timeout_s=WAIT_S):
        info.child.tell("end")
    while count_children(supervisor, timeout_s=WAIT_S).specs:
        pass
    took_s = perf_counter() - began_s
    supervisor.stop()
    return took_s / children * 1e6


def idle_bytes(kind: Any, actors: int) -> float:
    """What one more idle actor takes of Python's memory."""
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    refs = [kind.start() for _ in range(actors)]
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    for ref in refs:
        ref.stop()
    return (after - before) / actors


def measure(messages: int = 20_000, rounds: int = 5) -> dict[str, Figures]:
    """All figures by kind of actor."""
    steps: list[Callable[[Any], float]] = [
        lambda kind: tells_per_s(kind, messages),
        lambda kind: ask_us(kind, messages // 4),
        lambda kind: start_stop_us(kind, messages // STARTS),
    ]
    found: dict[str, list[list[float]]] = {name: [] for name in KINDS}
    for _ in range(rounds):
        for name, kind in KINDS.items():
            found[name].append([step(kind) for step in steps])
    return {
        name: Figures(
            max(each[0] for each in found[name]),
            min(each[1] for each in found[name]),
            min(each[2] for each in found[name]),
            idle_bytes(kind, WEIGHED if kind is Pooled else WEIGHED // 20),
        )
        for name, kind in KINDS.items()
    }


def report(messages: int = 20_000, rounds: int = 5) -> str:
    """Measure, and lay out what came of it as a table."""
    supervised = min(supervised_us(messages // STARTS) for _ in range(rounds))
    lines = [f"{'actors, best of ' + str(rounds) + ' rounds':28}{'tell/s':>12}{'ask us':>10}{'start+stop us':>16}{'idle KiB':>10}"]
    lines += [figures.row(kind) for kind, figures in measure(messages, rounds).items()]
    lines.append(f"{'  many, dynamic supervisor':28}{'':22}{supervised:16.1f}")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--messages", type=int, default=20_000, help="messages told in a round; a quarter of it asked")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    print(report(given.messages, given.rounds))


if __name__ == "__main__":
    main()
