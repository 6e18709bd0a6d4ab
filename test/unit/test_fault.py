"""Faults by name: off they do nothing; on they strike at the passage that was asked for; what cannot be read stops the start."""

import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from cameron import fault
from cameron.errors import ConfigError
from cameron.fault import FaultInjected

PACKAGE = Path(__file__).resolve().parents[2] / "cameron"


@pytest.fixture(autouse=True)
def unarmed() -> Iterator[None]:
    """No fault outlives its test."""
    yield
    fault.arm("")


def strikes(point: str, passages: int) -> list[int]:
    """At which passages an exception is raised."""
    struck = []
    for passage in range(1, passages + 1):
        try:
            fault.at(point)
        except FaultInjected:
            struck.append(passage)
    return struck


def test_without_faults_a_point_does_nothing() -> None:
    fault.arm("")
    assert strikes("end.sent", 3) == []


@pytest.mark.parametrize(
    ("text", "struck"),
    [
        ("end.sent=raise", [1]),
        ("end.sent:3=raise", [3]),
        ("end.sent:2+=raise", [2, 3, 4, 5]),
        ("end.sent:2=raise, end.sent:4=raise", [2, 4]),
        ("end.written=raise", []),
        (" , ", []),
    ],
)
def test_a_fault_strikes_at_its_passage_of_its_point(text: str, struck: list[int]) -> None:
    fault.arm(text)
    assert strikes("end.sent", 5) == struck


@pytest.mark.parametrize("action", ["", "=kill"])
def test_the_default_is_sigkill_at_the_passage(action: str) -> None:
    program = f"from cameron import fault; fault.arm('end.sent:3{action}')\nfor n in '1234': print(n, flush=True); fault.at('end.sent')"
    ended = subprocess.run([sys.executable, "-c", program], cwd=PACKAGE.parent, capture_output=True, text=True, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    assert ended.stdout == "1\n2\n3\n"
    assert "CAMERON_FAULT: end.sent, passage 3: kill" in ended.stderr


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("end.snt", "there is no point 'end.snt' (did you mean end.sent); correct or unset it"),
        ("nowhere:1", "there is no point 'nowhere' (there are accept.sent, "),
        ("end.sent=explode", "'explode' is none of kill, raise, stop; correct or unset it"),
        ("end.sent:0", "'end.sent:0' must read POINT, POINT:N or POINT:N=ACTION; correct or unset it"),
        ("end.sent:soon", "'end.sent:soon' must read POINT"),
    ],
)
def test_what_cannot_be_read_stops_the_start_with_what_is_allowed(text: str, told: str) -> None:
    with pytest.raises(ConfigError, match="the environment variable CAMERON_FAULT: " + re.escape(told)):
        fault.arm(text)


def test_every_point_is_passed_in_one_place_and_no_other_is_named() -> None:
    sources = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")]
    named = Counter(point for source in sources for point in re.findall(r'fault\.at\("([^"]*)"\)', source))
    endings = {ending for source in sources for ending in re.findall(r'fault\.at\(message\.script \+ "([^"]*)"\)', source)}
    named.update({path.stem + ending for path in PACKAGE.rglob("*.lua") for ending in endings} & fault.POINTS.keys())
    assert named == dict.fromkeys(fault.POINTS, 1)
