"""A few threads that many actors share: an actor with something in its mailbox gets a turn on one of them."""

from __future__ import annotations

import itertools
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

from cameron.otp.current import bury, current, entomb

if TYPE_CHECKING:
    from cameron.otp.actor import Actor

_numbers = itertools.count(1)


class _Worker:
    """One daemon thread, and the actor that has its turn on it."""

    def __init__(self, turns: SimpleQueue[Actor]) -> None:
        self.actor: Actor | None = None
        self.abandoned_with: Actor | None = None
        self._turns = turns
        threading.Thread(target=self._run, name=f"otp-dispatcher-{next(_numbers)}", daemon=True).start()

    def is_busy_with_it(self) -> bool:
        """Whether it still runs what it was abandoned with."""
        return self.actor is not None and self.actor is self.abandoned_with

    def _run(self) -> None:
        while self.abandoned_with is None:
            self.actor = current.actor = self._turns.get()  # no other name for it here: an idle worker must not keep a dead actor
            self.actor._otp_take_turn()
            self.actor = current.actor = None
        bury(self.abandoned_with)


class Dispatcher:
    """A run queue and `threads` workers, started with the first turn."""

    def __init__(self, threads: int = 2) -> None:
        if threads < 1:
            raise ValueError(f"a dispatcher needs at least one thread, not {threads}")
        self._threads = threads
        self._turns: SimpleQueue[Actor] = SimpleQueue()
        self._lock = threading.Lock()
        self._workers: list[_Worker] = []

    def schedule(self, actor: Actor) -> None:
        """Give the actor a turn as soon as a worker is free. Any thread; an actor is scheduled at most once at a time."""
        if not self._workers:
            self._hire()
        self._turns.put(actor)

    def abandon(self, actor: Actor) -> None:
        """If the actor has its turn just now, replace its worker, which will stop when it comes back. Any thread."""
        with self._lock:
            for worker in self._workers:
                if worker.actor is actor:
                    worker.abandoned_with = actor
                    entomb(actor, worker.is_busy_with_it)
                    self._workers.remove(worker)
                    self._workers.append(_Worker(self._turns))
                    return

    def _hire(self) -> None:
        with self._lock:
            while len(self._workers) < self._threads:
                self._workers.append(_Worker(self._turns))
