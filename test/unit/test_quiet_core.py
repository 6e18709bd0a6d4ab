"""Which core a node keeps to: the one that others leave it most of."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cameron import cores
from cameron.quiet_core import Reading, busy_s, others, quieter

STAT = """cpu  300 0 100 900 50 1 2 3 0 0
cpu0 100 10 50 400 30 1 2 3 0 0
cpu1 200 0 50 500 20 0 0 0 0 0
intr 12345
"""
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def test_a_core_is_at_work_but_while_it_is_idle_or_waits_for_a_disk() -> None:
    assert busy_s(STAT) == {0: pytest.approx(166 * TICK_S), 1: pytest.approx(250 * TICK_S)}


def test_this_machine_is_read_alike() -> None:
    assert busy_s(Path("/proc/stat").read_text(encoding="ascii")).keys() >= set(cores.usable())


def test_what_the_program_does_itself_is_no_others_work() -> None:
    before, now = Reading(10.0, {0: 5.0, 1: 5.0}, 1.0), Reading(12.0, {0: 6.8, 1: 5.5}, 2.5)
    assert others(0, before, now) == {0: pytest.approx(0.15), 1: pytest.approx(0.25)}


def test_a_program_that_works_beside_the_core_it_is_kept_to_finds_nobody_there() -> None:
    assert others(0, Reading(0.0, {0: 0.0, 1: 0.0}, 0.0), Reading(1.0, {0: 0.2, 1: 0.9}, 1.0)) == {0: 0.0, 1: pytest.approx(0.9)}


def test_a_core_that_has_just_come_is_taken_for_a_quiet_one() -> None:
    assert others(0, Reading(0.0, {0: 0.0}, 0.0), Reading(1.0, {0: 0.5, 7: 99.0}, 0.0))[7] == 0.0


@pytest.mark.parametrize(
    ("shares", "better"),
    [
        ({0: 0.9, 1: 0.1, 2: 0.0}, 2),
        ({0: 0.9, 1: 0.7}, 0),  # not worth it
        ({0: 0.0, 1: 0.0}, 0),
        ({0: 1.0}, 0),
        ({1: 0.5, 2: 0.4}, 0),  # nothing is known of its own
        ({}, 0),
    ],
)
def test_it_moves_only_where_that_is_worth_it(shares: dict[int, float], better: int) -> None:
    assert quieter(0, shares) == better


OUT_OF_FILES = """
import os, resource
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
from cameron.quiet_core import QuietCore, _Look
ref = QuietCore.start()
ref.ask(_Look())
resource.setrlimit(resource.RLIMIT_NOFILE, (1, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
ref.ask(_Look())
print(ref.is_alive())
"""


def test_a_node_that_can_open_no_file_for_a_while_does_not_end_for_want_of_a_look() -> None:
    ended = subprocess.run([sys.executable, "-c", OUT_OF_FILES], capture_output=True, text=True, timeout=60, check=False)
    assert ended.stdout == "True\n", ended.stderr
