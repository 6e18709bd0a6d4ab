"""A program that is a supervision tree: starts the root, ends it in order at a signal, knows the exit status."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from time import monotonic
from types import FrameType, TracebackType
from typing import Any, Final, Self

from cameron.otp.current import zombies
from cameron.otp.errors import Ignore, StartFailed
from cameron.otp.parenthood import end_child, start_from
from cameron.otp.reasons import Killed, Reason
from cameron.otp.ref import Ref
from cameron.otp.report import innermost, traceback_of
from cameron.otp.tree import TreeNode, tree_of

logger = logging.getLogger("cameron.otp")

STOPPED_IN_ORDER: Final = 0
ROOT_ENDED: Final = 1
STOP_TOOK_TOO_LONG: Final = 2

_STOP: Final = "stop"
SIGNAL_LATENCY_S: Final = 0.2  # at most, between a signal and its handler


class Node:
    """Runs the tree of `start_root()` until `stop`, SIGTERM, SIGINT, or the end of the root.

    For `main`: `sys.exit(Node(start_root).run())`. Elsewhere a context manager: `with Node(start_root) as node: ...` has the root
    started on entry (raising `StartFailed`) and stops it on exit; signals are left alone then.

    Stopping takes at most `shutdown_s` seconds, then what is left of the root is abandoned. A second signal during it is ignored,
    as the bound holds anyway. All threads are daemons, so nothing keeps the interpreter from ending.
    """

    def __init__(self, start_root: Callable[[], Ref[Any]], shutdown_s: float = 30.0) -> None:
        self._start_root = start_root
        self._shutdown_s = shutdown_s
        self._events: SimpleQueue[object] = SimpleQueue()  # its put may be called in a signal handler, unlike an Event's set
        self._root: Ref[Any] | None = None
        self._is_over = False

    @property
    def root(self) -> Ref[Any] | None:
        """The root supervisor, once it has started."""
        return self._root

    def run(self) -> int:
        """Start the root and block until everything has ended; returns the program's exit status.

        0: stopped in order. 1: the root did not start, or ended unasked (it gave up). 2: the stop took longer than `shutdown_s`.
        Handles the signals if called in the main thread, and restores their handlers.
        """
        handlers = self._handle_signals()
        try:
            self._boot()
            return self._follow()
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def stop(self) -> None:
        """Have `run` stop the tree and return. Any thread; also before the root has started."""
        self._events.put(_STOP)

    def tree(self) -> TreeNode | None:
        """The tree as it is now; None while the root has not started. Any thread."""
        return None if self._root is None else tree_of(self._root)

    def __enter__(self) -> Self:
        self._boot()
        event = self._events.get()
        if isinstance(event, Exception):
            raise event
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._stop_root(monotonic() + self._shutdown_s)

    def _handle_signals(self) -> dict[int, Any]:
        if threading.current_thread() is not threading.main_thread():
            return {}
        return {number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT)}

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._events.put(_STOP)

    def _boot(self) -> None:
        """Start the root in a thread of its own, so that a signal meanwhile finds somebody to handle it."""
        threading.Thread(target=self._start, name="otp-boot", daemon=True).start()

    def _start(self) -> None:
        try:
            self._root = root = start_from(self._start_root)
        except (StartFailed, Ignore) as failure:
            self._events.put(failure)
            return
        if self._is_over:  # nobody waits for it any more
            root.kill()
            return
        root.actor_inbox.crash_is_reported = True  # by _follow
        self._events.put(root)
        ended_with = root.actor_inbox.watch(self, self._events.put)
        if ended_with is not None:
            self._events.put(ended_with)

    def _follow(self) -> int:
        """Wait for something to happen to the root, and act on it."""
        while True:
            event = self._next_event()
            if event is _STOP:
                return self._stop_in_order()
            if isinstance(event, Reason):
                logger.critical("the root ended (%s), and the program with it: see the crash reports above", event)
                return ROOT_ENDED
            if isinstance(event, Exception):
                logger.critical("cannot start: %s", _cause(event))
                return ROOT_ENDED

    def _next_event(self) -> object:
        """A signal that comes just before the wait, or to another thread, does not end it; its handler runs when the wait is over."""
        while True:
            try:
                return self._events.get(timeout=SIGNAL_LATENCY_S)
            except Empty:
                continue

    def _stop_in_order(self) -> int:
        deadline = monotonic() + self._shutdown_s
        logger.info("stopping, within %g s", self._shutdown_s)
        while self._root is None:
            try:
                event = self._events.get(timeout=max(deadline - monotonic(), 0))
            except Empty:
                self._is_over = True
                logger.error("the root was still starting when its time to stop was over: it is left behind")
                return STOP_TOOK_TOO_LONG
            if isinstance(event, Exception):
                return ROOT_ENDED
        return STOPPED_IN_ORDER if self._stop_root(deadline) else STOP_TOOK_TOO_LONG

    def _stop_root(self, deadline: float) -> bool:
        """End the root by the deadline; whether it and all below it came back."""
        root = self._root
        if root is None:
            return True
        end_child(root, max(deadline - monotonic(), 0.001))
        left = zombies()
        if left:
            logger.error("left behind, as they did not come back: %s", ", ".join(map(str, left)))
        return root.actor_inbox.reason != Killed


def _cause(failure: Exception) -> str:
    """What it comes down to, with the traceback where that is a crash."""
    reason = getattr(failure, "reason", None)
    return str(failure) if reason is None else f"{innermost(reason)}{traceback_of(reason)}"
