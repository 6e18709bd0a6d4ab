"""Those that have processes of their own. Where they wait for a test, they leave their pids in the file that they are given."""

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from cameron.activities.activity import Context, activity


def leave_pids(path: str, *pids: int) -> None:
    """A line of them."""
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(" ".join(map(str, pids)) + "\n")


@activity(isolation="process")
def own(data: Any, context: Context) -> dict[str, Any]:
    """Where it runs, and what it was given."""
    return {"pid": os.getpid(), "data": data, "config": context.config, "attempt": context.attempt, "key": context.idempotency_key}


@activity(isolation="process")
def stubborn(data: str) -> None:
    """Ignore being asked to end, and so does its child."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(["sleep", "1000"])
    leave_pids(data, os.getpid(), child.pid)
    while True:
        signal.pause()


@activity(isolation="process")
def go_on(data: list[str]) -> str:
    """Wait until somebody has opened the pipe, and closed it."""
    leave_pids(data[0], os.getpid())
    return Path(data[1]).read_text(encoding="utf-8") + "went on"


@activity(isolation="process")
def die(data: str) -> None:
    """In one of several ways."""
    print("about to die", file=sys.stderr, flush=True)
    match data:
        case "segfault":
            ctypes.string_at(0)
        case "exit":
            os._exit(3)
        case "exit well":
            os._exit(0)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "sys.exit":
            sys.exit(4)


@activity(isolation="process")
def take_memory(data: int) -> int:
    """So many bytes of it."""
    return len(bytearray(data))


@activity(isolation="process")
def talk(data: int) -> str:
    """Print, and return so many characters."""
    print("said on stdout")
    os.write(1, b"written to it\n")
    subprocess.run(["echo", "a child said"], check=True)
    print("said on stderr", file=sys.stderr)
    return "x" * data


@activity(isolation="process")
def surroundings(data: list[str]) -> list[str | None]:
    """What it sees of the environment."""
    return [os.environ.get(name) for name in data]


@activity(isolation="process")
def remember(data: str, context: Context) -> str | None:
    """Use the session."""
    context.session_set("word", data)
    return context.session_get("word")


@activity
def either(data: Any) -> int:
    """Where its run says."""
    return os.getpid()
