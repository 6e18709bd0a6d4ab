"""A program on a leash, which ends when the other end is let go."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from socket import socket

import pytest

from cameron import leash
from cameron.leash import Leash

PROGRAM = """
import os, signal, subprocess, sys
from cameron.leash import Leash
held = Leash.taken_from(os.environ)
if sys.argv[2] == "ignore":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
held.obey(float(sys.argv[1]))
held.say_started()
if sys.argv[2] == "inner":
    subprocess.run(["cat"])
signal.pause()
"""


@contextmanager
def on_leash(stop_s: float, how: str = "") -> Iterator[tuple[socket, "subprocess.Popen[bytes]"]]:
    """A program that obeys, and our end of its leash."""
    ours, theirs = leash.pair()
    with ours:
        with theirs:
            child = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(stop_s), how],
                env={**os.environ, leash.VARIABLE: str(theirs.fileno())},
                stdin=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
            )
        with child:
            try:
                yield ours, child
            finally:
                child.kill()


def test_a_program_says_that_it_has_started_and_ends_in_order_when_the_other_is_gone() -> None:
    with on_leash(60.0) as (ours, child):
        assert leash.await_start(ours)
        assert child.poll() is None
        ours.close()
        assert child.wait(30) == -signal.SIGTERM


def test_one_that_does_not_end_in_order_is_killed_by_itself() -> None:
    with on_leash(0.1, "ignore") as (ours, child):
        assert leash.await_start(ours)
        ours.close()
        assert child.wait(30) == -signal.SIGKILL


def test_what_the_program_starts_does_not_hold_its_leash() -> None:
    with on_leash(60.0, "inner") as (ours, child):
        assert leash.await_start(ours)
        child.kill()
        child.wait(30)
        ours.settimeout(30)
        assert ours.recv(1) == b""


def test_a_program_that_ends_before_it_has_started_is_told() -> None:
    ours, theirs = leash.pair()
    theirs.close()
    assert not leash.await_start(ours)
    ours.close()


@pytest.mark.parametrize("environ", [{}, {leash.VARIABLE: ""}, {leash.VARIABLE: "x"}, {leash.VARIABLE: "987654"}])
def test_a_program_is_on_no_leash_where_none_is_there(environ: dict[str, str]) -> None:
    assert Leash.taken_from(environ) is None
    assert environ == {}


def test_who_says_that_it_has_started_to_nobody_goes_on() -> None:
    ours, theirs = leash.pair()
    ours.close()
    with theirs:
        Leash(theirs).say_started()
        assert theirs.recv(1) == b""
