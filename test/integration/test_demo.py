"""`make demo`, run as a person runs it: what it shows, how it ends, and that it leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
TASKS = ["start", "act_1", "act_2", "act_3", "act_4", "act_5", "act_5_sub_1"]
BOUND_S = 120.0


class Demo:
    """A running demo. What it starts inherits a mark in the environment, by which it is found; it may write to `folder` alone."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self._mark = f"DEMO_TEST_MARK={uuid.uuid4().hex}"
        name, _, value = self._mark.partition("=")
        environ = {**os.environ, name: value, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1", **variables}
        self._child = subprocess.Popen(
            [sys.executable, "test/demo.py"],
            cwd=PROJECT,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.shown = ""

    def until(self, text: str) -> None:
        """Read what it shows up to a line with that text."""
        assert self._child.stdout is not None
        for line in self._child.stdout:
            self.shown += line
            if text in line:
                return
        raise AssertionError(f"it ended without showing {text!r}:\n{self.shown}")

    def signal(self, number: int) -> None:
        self._child.send_signal(number)

    def ended(self) -> int:
        """The exit status, once it has ended by itself."""
        self.shown += self._child.communicate(timeout=BOUND_S)[0]
        return self._child.returncode

    def left(self) -> list[str]:
        """The programs that it has started and that still run."""
        marked = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if self._mark.encode() in (process / "environ").read_bytes().split(b"\0"):
                    marked.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:  # somebody else's, or ended meanwhile
                continue
        return marked

    def close(self) -> None:
        if self._child.poll() is None:
            self._child.terminate()
            self._child.communicate(timeout=BOUND_S)


@pytest.fixture
def demos(tmp_path: Path) -> Iterator[list[Demo]]:
    """Demos of one test, which are stopped at its end."""
    running: list[Demo] = []
    yield running
    for demo in running:
        demo.close()


def test_it_shows_a_foo_job_from_its_start_to_its_86_lines_and_leaves_nothing_behind(tmp_path: Path, demos: list[Demo]) -> None:
    # Settings of the person's for other nodes must not reach this one.
    demos.append(Demo(tmp_path, CAMERON_REDIS_URL="redis://127.0.0.1:1/0", CAMERON_WEB_PORT="1", CAMERON_NO_SUCH_SETTING="1"))
    demo = demos[0]
    assert demo.ended() == 0, demo.shown
    for task in TASKS:
        assert re.search(rf"^   \d\d:\d\d:\d\d  {task} +done$", demo.shown, re.MULTILINE), demo.shown
    assert re.search(
        r"^   201 Created, Location:\n   http://localhost:\d+/api/process/foo/key/\(id,007\)/job/[0-9a-f]{32}$", demo.shown, re.M
    )
    assert '"who_login": "leandrosilva.codezone"' in demo.shown
    numbered = re.findall(r'^ ?(\d+)\) "', demo.shown, re.MULTILINE)
    assert numbered == [str(number) for number in range(1, 87)]
    assert "\n   86 lines" in demo.shown
    assert "Traceback" not in demo.shown
    assert (demo.left(), os.listdir(tmp_path)) == ([], [])


def test_its_json_fits_a_terminal_of_100_columns(tmp_path: Path, demos: list[Demo]) -> None:
    demos.append(Demo(tmp_path))
    assert demos[0].ended() == 0, demos[0].shown
    document = demos[0].shown.partition("\n{\n")[2].partition("\n}\n")[0]
    assert document.count('"name": ') == len(TASKS)
    assert max(map(len, document.splitlines())) <= 100


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_midst_of_it_stops_everything(tmp_path: Path, demos: list[Demo], number: int) -> None:
    demos.append(Demo(tmp_path))
    demos[0].until("A Cameron node")
    demos[0].signal(number)
    assert demos[0].ended() == 128 + number, demos[0].shown
    assert "Traceback" not in demos[0].shown
    assert (demos[0].left(), os.listdir(tmp_path)) == ([], [])


def test_a_node_that_does_not_start_is_a_failure_that_shows_its_log(tmp_path: Path, demos: list[Demo]) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "redis-server").write_text("#!/bin/sh\nexit 1\n")
    (tools / "redis-server").chmod(0o755)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    demos.append(Demo(temporary, PATH=f"{tools}:{os.environ['PATH']}"))
    assert demos[0].ended() == 1, demos[0].shown
    assert "failed: cameron ended with status" in demos[0].shown
    assert "redis-server ended at once" in demos[0].shown
    assert (demos[0].left(), os.listdir(temporary)) == ([], [])
