"""For tests of actors: an actor that keeps what it is sent, and a way to await an end, so that no test has to sleep."""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from cameron.otp.reasons import Reason
from cameron.otp.ref import Ref
from cameron.otp.thread_actor import ThreadActor

T = TypeVar("T")

PATIENCE_S = 20.0
"""How long a probe waits for what should come, on a busy machine."""


class _Keeper(ThreadActor):
    """Keeps messages; a function it is asked is called with itself, in its thread."""

    def __init__(self, kept: SimpleQueue[Any]) -> None:
        super().__init__()
        self._kept = kept

    def on_receive(self, message: Any) -> Any:
        if callable(message):
            return message(self)
        self._kept.put(message)
        return None


class Probe:
    """A `ref` to send to, and the messages that arrived there."""

    def __init__(self) -> None:
        self._kept: SimpleQueue[Any] = SimpleQueue()
        self.ref: Ref[Any] = _Keeper.start(self._kept)

    def next(self, timeout_s: float = PATIENCE_S) -> Any:
        """The next message. Raises TimeoutError where none comes."""
        try:
            return self._kept.get(timeout=timeout_s)
        except Empty:
            raise TimeoutError(f"no message came within {timeout_s} s") from None

    def rest(self) -> list[Any]:
        """The messages that have arrived and not been looked at."""
        self.do(lambda _: None)  # behind what was sent before
        return [self._kept.get() for _ in range(self._kept.qsize())]

    def do(self, what: Callable[[ThreadActor], T]) -> T:
        """Call a function with the probe's actor, in that actor's thread: `probe.do(lambda me: me.monitor(ref))`."""
        result: T = self.ref.ask(what, timeout=PATIENCE_S)
        return result

    def stop(self) -> None:
        """End the probe's actor."""
        self.ref.exit()


def end_of(ref: Ref[Any], timeout_s: float = PATIENCE_S) -> Reason:
    """Wait until an actor has ended; its reason. Raises TimeoutError where it goes on."""
    ends: SimpleQueue[Reason] = SimpleQueue()
    ended_with = ref.actor_inbox.watch(ends, ends.put)
    if ended_with is not None:
        return ended_with
    try:
        return ends.get(timeout=timeout_s)
    except Empty:
        raise TimeoutError(f"{ref} did not end within {timeout_s} s") from None
