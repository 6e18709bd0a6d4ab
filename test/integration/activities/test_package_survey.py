"""What a package has, found in a process of its own: whatever it does there, it is told."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from cameron.activities import package_survey
from cameron.activities.package_survey import Survey, survey
from cameron.activities.python_package import discover

from ...acceptance.support.gone import await_gone
from ...unit.activities.packages import packages_in

PAY = "from cameron.activities.activity import activity\n@activity(timeout_s=5)\ndef pay(data): ...\n"


def surveyed(folder: Path, files: Mapping[str, str], deadline_s: float = 60.0) -> Survey:
    """What is found in a package `shop` of these files."""
    for name, text in {"__init__.py": "", **files}.items():
        place = folder / "shop" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return survey("shop", folder, deadline_s=deadline_s)


def test_it_finds_what_discover_does(tmp_path: Path) -> None:
    with packages_in(tmp_path) as written:
        name = written({"a.py": PAY, "b.py": "import not_there_at_all\n" + PAY.replace("pay", "other"), "c.py": "def plain(data): ...\n"})
        found = survey(name, tmp_path)
        assert found == Survey(discover(name, tmp_path))
    assert (found.package.activities.keys(), len(found.package.problems), found.package.hints.keys()) == ({"pay"}, 1, {"other", "plain"})


def test_no_package_is_none_and_one_that_is_not_there_is_told_unless_it_is_optional(tmp_path: Path) -> None:
    assert survey("", tmp_path).package.problems == ()
    found = survey("no_such_package", tmp_path)
    assert (found.fault, found.package.problems) == ("", (found.package.absence,))
    assert survey("no_such_package", tmp_path, is_optional=True).package.problems == ()


def test_what_it_prints_and_leaves_running_changes_nothing(tmp_path: Path) -> None:
    waits = "import os, threading\nthreading.Thread(target=threading.Event().wait).start()\nprint('{}'); os.write(1, b'x' * 100_000)\n"
    found = surveyed(tmp_path, {"a.py": waits + PAY})
    assert (found.package.activities.keys(), found.fault) == ({"pay"}, "")


def test_nothing_that_it_has_started_is_left(tmp_path: Path) -> None:
    text = f"import subprocess\nchild = subprocess.Popen(['sleep', '600'])\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))\n"
    surveyed(tmp_path, {"a.py": text})
    await_gone([int((tmp_path / "pid").read_text())])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("os._exit(0)", "its process ended by itself, with status 0, while shop.b was imported; the last it wrote: about to"),
        ("os._exit(3)", "its process ended by itself, with status 3, while shop.b was imported; the last it wrote: about to"),
        ("os.kill(os.getpid(), 9)", "its process was ended by signal 9 (SIGKILL), while shop.b was imported; the last it wrote: about to"),
        (
            "import ctypes; ctypes.string_at(0)",
            "its process was ended by signal 11 (SIGSEGV), while shop.b was imported; the last it wrote: about to; it stood at",
        ),
        ("os.killpg(0, 9)", "its process was ended by signal 9 (SIGKILL), while shop.b was imported"),
    ],
)
def test_a_package_that_ends_its_process_is_told_with_the_module(tmp_path: Path, text: str, why: str) -> None:
    found = surveyed(tmp_path, {"a.py": PAY, "b.py": f"import os\nprint('about to', flush=True)\n{text}\n", "c.py": PAY})
    assert found.package.activities == {}
    assert found.fault.startswith(f"the package 'shop' could not be looked through: {why}")


def test_a_package_that_does_not_come_back_is_told_with_its_place(tmp_path: Path) -> None:
    found = surveyed(tmp_path, {"a.py": "import threading\n\nthreading.Event().wait()\n"}, deadline_s=1.0)
    why = "its import was not done within 1 s (it stood at shop/a.py:3): what takes long, or waits for others, belongs in its functions"
    assert found.fault == f"the package 'shop' could not be looked through: {why}"


def test_a_package_that_lets_no_other_thread_run_is_ended_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_survey, "GRACE_S", 2.0)
    found = surveyed(tmp_path, {"a.py": "import ctypes, ctypes.util\nctypes.PyDLL(ctypes.util.find_library('c')).pause()\n"}, 1.0)
    assert found.fault.startswith("the package 'shop' could not be looked through: its import was not done within 1 s (")


def test_the_child_of_a_package_that_forks_tells_nothing(tmp_path: Path) -> None:
    found = surveyed(tmp_path, {"a.py": "import os\nif child := os.fork():\n    os.waitpid(child, 0)\n" + PAY})
    assert (found.package.activities.keys(), found.fault) == ({"pay"}, "")


def test_it_imports_from_where_the_node_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "shared_by_all.py").write_text("VALUE = 5\n")
    monkeypatch.syspath_prepend(str(tmp_path / "beside"))
    monkeypatch.setenv("OF_THE_NODE", "x")
    text = f"import os, shared_by_all\nassert os.environ['OF_THE_NODE'] and os.getpid() != {os.getpid()}\n"
    assert surveyed(tmp_path, {"a.py": text}).package.problems == ()
