"""`python -m cameron.isolated_activity`: perform one activity in a process that may die of it. See `activities/isolated_run.py`.

The request comes on stdin, the result goes to stdout; whatever the activity prints goes to stderr. A whole result and exit status 0 is
all that counts; any other end is a crash. What the activity has left running ends with its process.
"""

import atexit
import faulthandler
import os
import resource
import sys
from contextlib import suppress

from cameron.activities.isolated_run import IsolatedRun, read_request, result_text
from cameron.activities.python_activity import perform
from cameron.activities.session import Session

NO_REQUEST = 2  # exit status


class LateSession:
    """A job's session in Redis; not before it is used is anything connected, or even imported."""

    def __init__(self, run: IsolatedRun) -> None:
        self._run = run
        self._opened: Session | None = None

    def get(self, key: str) -> str | None:
        """As every Session."""
        return self._session().get(key)

    def set(self, key: str, value: str) -> None:
        """As every Session."""
        self._session().set(key, value)

    def _session(self) -> Session:
        if self._opened is None:
            from cameron.store.session import Sessions  # it imports redis, which takes longer than most activities

            run = self._run
            self._opened = Sessions(run.redis_url, run.redis_timeout_s).of(run.task.process, run.task.job)
        return self._opened


def main() -> int:
    """Returns only where there is no request."""
    ours = os.getpid()
    result_to = _reserved_stdout()
    request = sys.stdin.buffer.read()
    _close_stdin()
    try:
        run = read_request(request)
    except ValueError as error:
        print(f"{error}; see cameron/isolated_activity.py", file=sys.stderr)
        return NO_REQUEST
    faulthandler.enable()  # a segmentation fault says where
    _bound_memory(run.task.max_memory_bytes)
    if run.path and run.path not in sys.path:
        sys.path.insert(0, run.path)
    text = result_text(perform(run.activity, run.task, LateSession(run)))
    if os.getpid() != ours:  # the activity has forked, and this is the child
        os._exit(1)
    with os.fdopen(result_to, "wb") as stdout:
        stdout.write(text)
    _end()
    return 0


def _reserved_stdout() -> int:
    """A descriptor for the result alone; descriptor 1 is stderr from now on, for programs that the activity runs, too."""
    kept = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr  # which writes line by line: nothing is lost where the process is killed
    return kept


def _close_stdin() -> None:
    """Who reads on meets its end."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def _bound_memory(max_bytes: int) -> None:
    if max_bytes:
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        bound = max_bytes if most == resource.RLIM_INFINITY else min(max_bytes, most)
        resource.setrlimit(resource.RLIMIT_AS, (bound, bound))


def _end() -> None:
    """Ends the process, threads or not: what it came to is told. What was to be done at the end is done, if it can be."""
    with suppress(BaseException):
        atexit._run_exitfuncs()
    for stream in (sys.__stdout__, sys.stderr):
        with suppress(BaseException):
            print(end="", file=stream, flush=True)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
