"""A real process that performs one activity: whatever it dies of, nobody else does."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cameron.activities.call import Failure
from cameron.activities.isolated_run import MODULE, IsolatedRun, read_result, request_text
from cameron.activities.python_activity import PythonActivity, PythonTask, Result
from cameron.store import keys

from ...acceptance.support.port import free_port
from ...acceptance.support.redis_server import RedisServer

PATIENCE_S = 60.0
UUID = "0123456789abcdef0123456789abcdef"
ACTIVITY = PythonActivity("pay", "acts.pay", "pay", 0.0, "process", "acts/pay.py:4")
TASK = PythonTask("foo", "k", UUID, "pay", 1, b'{"a":1}', b"{}", 100_000_000)
HEAD = "import os, sys\nfrom cameron.activities.activity import activity\n@activity\ndef pay(data, context):\n    "

Done = subprocess.CompletedProcess[bytes]
Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """`run(body of the activity, redis_url="...", **changes of the task)`: the process, once it has ended."""

    def run_it(body: str, redis_url: str = "redis://127.0.0.1:1/0", **changes: Any) -> Done:
        folder = tmp_path / "acts"
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").touch()
        (folder / "broken.py").write_text("raise SystemExit('it is not needed')")
        (folder / "pay.py").write_text(HEAD + body)
        request = request_text(IsolatedRun(ACTIVITY, TASK._replace(**changes), str(tmp_path), redis_url, 20.0))
        return subprocess.run([sys.executable, "-m", MODULE], input=request, capture_output=True, timeout=PATIENCE_S, check=False)

    return run_it


def result_of(done: Done) -> Result | None:
    """What a process that has ended as it should has written."""
    assert done.returncode == 0, done.stderr.decode()
    return read_result(done.stdout)


def test_what_the_activity_returns_comes_back(run: Run) -> None:
    done = run("return {'was': data, 'in': context.process, 'by': os.getpid() != os.getppid()}")
    assert (result_of(done), done.stderr) == (Result(b'{"was":{"a":1},"in":"foo","by":true}'), b"")


def test_much_may_go_in_and_come_out(run: Run) -> None:
    data = b'"' + "ü".encode() * 3_000_000 + b'"'
    assert result_of(run("return data", data=data)) == Result(data)


@pytest.mark.parametrize(
    "printing",
    [
        "print('hello')",
        "os.write(1, b'hello\\n')",
        "import subprocess; subprocess.run(['echo', 'hello'])",
        "sys.__stdout__.write('hello\\n')",
    ],
)
def test_what_it_prints_on_stdout_goes_to_stderr(run: Run, printing: str) -> None:
    done = run(f"{printing}; return 1")
    assert (result_of(done), done.stderr) == (Result(b"1"), b"hello\n")


def test_what_it_has_printed_is_told_whatever_its_end(run: Run) -> None:
    assert run("print('hello'); os._exit(1)").stderr == b"hello\n"


def test_who_reads_stdin_meets_its_end(run: Run) -> None:
    assert result_of(run("return sys.stdin.read() + os.read(0, 10).decode()")) == Result(b'""')


def test_an_exception_is_told_and_its_traceback_is_on_stderr(run: Run) -> None:
    done = run("return 1 / 0")
    assert result_of(done) == Result(b"", Failure.EXCEPTION, "pay raised ZeroDivisionError: division by zero (acts/pay.py:5)")
    assert b"Traceback (most recent call last)" in done.stderr


def test_sys_exit_ends_the_activity_alone(run: Run) -> None:
    assert result_of(run("sys.exit(7)")) == Result(b"", Failure.EXCEPTION, "pay called sys.exit(7) (acts/pay.py:5)")


def test_a_segmentation_fault_is_a_crash_that_says_where(run: Run) -> None:
    done = run("import ctypes; ctypes.string_at(0)")
    assert (done.returncode, read_result(done.stdout)) == (-signal.SIGSEGV, None)
    assert b"Segmentation fault" in done.stderr
    assert b"pay.py" in done.stderr


@pytest.mark.parametrize("status", [0, 1])
def test_an_end_without_a_word_is_a_crash_whatever_its_status(run: Run, status: int) -> None:
    done = run(f"os._exit({status})")
    assert (done.returncode, read_result(done.stdout)) == (status, None)


def test_more_memory_than_it_may_have_is_an_exception_that_says_so(run: Run) -> None:
    done = run("return len(bytearray(1 << 30))", max_memory_bytes=1 << 29)
    error = "pay raised MemoryError (its process may have 536,870,912 bytes) (acts/pay.py:5)"
    assert result_of(done) == Result(b"", Failure.EXCEPTION, error)


def test_less_memory_or_no_bound_is_as_it_should(run: Run) -> None:
    for bound in (1 << 29, 0):
        assert result_of(run("return len(bytearray(1 << 26))", max_memory_bytes=bound)) == Result(b"67108864")


def test_the_session_is_the_jobs_in_redis(run: Run, redis: RedisServer, client: Any) -> None:
    client.hset(keys.record("foo", UUID), "request", "{}")
    client.hset(keys.session("foo", UUID), "a", "1")
    done = run("context.session_set('b', '2'); return [context.session_get(key) for key in 'abc']", redis_url=redis.url)
    assert result_of(done) == Result(b'["1","2",null]')
    assert client.hgetall(keys.session("foo", UUID)) == {"a": "1", "b": "2"}


def test_where_redis_is_away_that_is_a_temporary_failure(run: Run) -> None:
    result = result_of(run("return context.session_get('a')", redis_url=f"redis://127.0.0.1:{free_port()}/0"))
    assert result is not None
    assert (result.failure, "redis does not answer" in result.error) == (Failure.TEMPORARY, True)


def test_nothing_is_imported_that_is_not_needed(run: Run) -> None:
    result = result_of(
        run("return [name for name in ('acts.broken', 'redis', 'pykka', 'msgspec', 'cameron.store') if name in sys.modules]")
    )
    assert result == Result(b"[]")


def test_what_it_leaves_running_ends_with_it(run: Run) -> None:
    assert result_of(run("import threading; threading.Thread(target=threading.Event().wait).start(); return 1")) == Result(b"1")


def test_what_is_to_be_done_at_the_end_is_done(run: Run, tmp_path: Path) -> None:
    done = run(f"import atexit; atexit.register(open, {str(tmp_path / 'done')!r}, 'w'); print('all', end=''); return 1")
    assert (result_of(done), done.stderr, (tmp_path / "done").exists()) == (Result(b"1"), b"all", True)


def test_an_end_that_goes_wrong_changes_nothing(run: Run) -> None:
    assert result_of(run("import atexit; atexit.register(sys.exit, 3); sys.stderr.close(); return 1")) == Result(b"1")


def test_a_child_that_comes_back_from_the_activity_as_well_tells_nothing(run: Run) -> None:
    assert result_of(run("return os.fork() > 0")) == Result(b"true")


def test_who_starts_it_by_hand_is_told_what_it_is() -> None:
    done = subprocess.run([sys.executable, "-m", MODULE], input=b"hello", capture_output=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"this is no request that cameron.activities.isolated_run has written")
