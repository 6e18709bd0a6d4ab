"""What a command may be, what it sees of its node, and what is told of it in the end."""

from typing import Any

import pytest

from cameron.activities.call import CommandRun, Failure, Reply
from cameron.activities.running_command import CANCELLED, LONGEST_WORD, TIMED_OUT, RunningCommand, environment, why_unfit
from cameron.otp import Crash, ExitStatus, Killed, Normal, PortExit, PortOutput, PortOutputCut, Reason, Shutdown

RUN = CommandRun("a runner", "t", 2, ("make", "all"), b"", 1.5, (), False)  # type: ignore[arg-type]
PORT: Any = "its port"
BROKEN_OFF = "'make' was killed by its node ({}); how far it had come is not known"


class Clockwork:
    """Stands for the timer of its timeout."""

    runs = True

    def cancel(self) -> None:
        """It will not go off."""
        self.runs = False


def ended(*told: PortOutput | PortOutputCut | PortExit, reason: Reason) -> Reply | None:
    """What is replied after all that."""
    timer: Any = Clockwork()
    running = RunningCommand(RUN, timer)
    for message in told:
        running.hear(message)
    reply = running.reply(reason)
    assert not timer.runs
    return reply


def test_output_is_put_together_by_stream() -> None:
    pieces = [PortOutput(PORT, "stdout", b"1"), PortOutput(PORT, "stderr", b"2"), PortOutput(PORT, "stdout", b"3")]
    assert ended(*pieces, PortExit(PORT, 0), reason=Normal) == Reply("t", 2, 0, b"13", "", None, "", b"2")


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_whether_something_was_cut_is_told(stream: Any) -> None:
    assert ended(PortOutputCut(PORT, stream, 1), PortExit(PORT, 0), reason=Normal) == Reply("t", 2, 0, b"", "", None, "", is_cut=True)


@pytest.mark.parametrize(
    ("status", "reason", "failure", "error"),
    [
        (0, Normal, None, ""),
        (3, ExitStatus(3), None, ""),
        (-9, ExitStatus(-9), None, ""),
        (-15, TIMED_OUT, Failure.TIMEOUT, "timeout: 'make' has not ended within 1.5 s, and was killed"),
        (0, TIMED_OUT, Failure.TIMEOUT, "timeout: 'make' has not ended within 1.5 s, and was killed"),
        (-15, Shutdown(), Failure.CONNECTION, BROKEN_OFF.format("shutdown")),
        (-15, Crash(KeyError("x"), "KeyError: 'x'"), Failure.CONNECTION, BROKEN_OFF.format("crash: KeyError: 'x'")),
        (None, Killed, Failure.CONNECTION, BROKEN_OFF.format("killed")),
    ],
)
def test_how_its_port_ended_tells_what_became_of_it(status: int | None, reason: Reason, failure: Failure | None, error: str) -> None:
    told = [PortExit(PORT, status)] if status is not None else []
    assert ended(*told, reason=reason) == Reply("t", 2, status or 0, b"", "", failure, error)


@pytest.mark.parametrize("reason", [CANCELLED, Normal, TIMED_OUT, Killed])
def test_of_one_that_was_cancelled_nothing_is_told_however_it_ended(reason: Reason) -> None:
    timer: Any = Clockwork()
    running = RunningCommand(RUN, timer)
    running.is_cancelled = True
    assert (running.reply(reason), timer.runs) == (None, False)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, ""),
        ({"command": ("x" * LONGEST_WORD,), "env": (("N", "ü="),)}, ""),
        ({"command": ()}, "the command is empty: name a program"),
        ({"command": ("", "x")}, "the command is empty: name a program"),
        ({"timeout_s": 0.0}, "'make' can't be run: timeout_s must be above 0, not 0"),
        ({"command": ("a", "b\0")}, "'a' can't be run: an argument or environment variable holds a NUL character, which none may: "),
        ({"env": (("N", "\0"),)}, "'make' can't be run: an argument or environment variable holds a NUL character"),
        ({"env": (("N", "\ud800"),)}, "'make' can't be run: an argument or environment variable holds a lone surrogate"),
        ({"env": (("N=M", ""),)}, "'make' can't be run: the name of an environment variable is empty or holds a '=': "),
        ({"env": (("", "x"),)}, "'make' can't be run: the name of an environment variable is empty or holds a '=': "),
        (
            {"command": ("a", "ü" * 65_536)},
            "'a' can't be run: an argument or environment variable has 131,072 bytes, and may have 131,071: ",
        ),
    ],
)
def test_what_no_system_could_run_is_said(changes: dict[str, Any], text: str) -> None:
    found = why_unfit(RUN._replace(**changes))
    assert found.startswith(text)
    assert bool(found) == bool(text)


def test_of_the_nodes_environment_only_what_programs_cannot_do_without_is_handed_on() -> None:
    node = {"PATH": "/bin", "HOME": "/", "LANG": "C", "LC_ALL": "C", "TZ": "UTC", "TMPDIR": "/t", "CAMERON_REDIS_URL": "x", "LC_TIME": "C"}
    assert environment(RUN, node).keys() == {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"}
    assert environment(RUN._replace(env=(("A", "1"), ("HOME", "/h"))), {"HOME": "/"}) == {"A": "1", "HOME": "/h"}
