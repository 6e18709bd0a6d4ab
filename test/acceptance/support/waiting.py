"""Waiting for a condition with a deadline: the tests' only way to wait."""

from collections.abc import Callable
from threading import Event
from typing import TypeVar

T = TypeVar("T")


def eventually(look: Callable[[], T], what: str, timeout_s: float = 60.0, every_s: float = 0.02) -> T:
    """The first true value of `look()`, called every `every_s` seconds; AssertionError naming `what` after `timeout_s`."""
    never = Event()
    for _ in range(max(1, int(timeout_s / every_s))):
        seen = look()
        if seen:
            return seen
        never.wait(every_s)
    seen = look()
    if seen:
        return seen
    raise AssertionError(f"waited {timeout_s} s in vain for: {what}; last seen: {seen!r}")
