"""The descriptors 0, 1 and 2 of a program in which somebody else's code runs."""

import os
from contextlib import suppress


def keep_open() -> None:
    """Let those that were closed lead nowhere: the next connection must not get a number that much code writes to without asking."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            with suppress(OSError):
                _to_nowhere(descriptor)


def _to_nowhere(descriptor: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    if null != descriptor:  # somebody has opened something meanwhile
        os.dup2(null, descriptor)
        os.close(null)
