"""What the log has of the package of activities, and what is kept of it."""

import logging
from pathlib import Path

import pytest

from cameron.activities.package_introduction import introduce
from cameron.activities.python_package import discover

ACTIVITIES = """\
from cameron.activities.activity import activity

@activity
def here(data):
    return data

@activity(isolation="process")
def apart(data):
    return data
"""


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "cameron.activities")
    return caplog


def lines(said: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in said.records]


def write(folder: Path, name: str, text: str, module: str = "all_of_them") -> None:
    (folder / name).mkdir(exist_ok=True)
    (folder / name / f"{module}.py").write_text(text, encoding="utf-8")
    (folder / name / "__init__.py").touch()


def test_it_is_said_how_many_there_are_and_where(tmp_path: Path, said: pytest.LogCaptureFixture) -> None:
    write(tmp_path, "introduced", ACTIVITIES)
    found = introduce(discover("introduced", tmp_path))
    assert lines(said) == [("INFO", f"2 Python activities in 'introduced' ({tmp_path})")]
    assert found == ("introduced", 2, (), ("apart",))


def test_each_problem_is_a_warning(tmp_path: Path, said: pytest.LogCaptureFixture) -> None:
    write(tmp_path, "introduced_in_part", ACTIVITIES)
    write(tmp_path, "introduced_in_part", "import no_such_module_anywhere", "broken")
    found = introduce(discover("introduced_in_part", tmp_path))
    assert [level for level, _ in lines(said)] == ["WARNING", "INFO"]
    assert "broken.py:1" in lines(said)[0][1]
    assert [lines(said)[0][1]] == list(found.problems)


def test_a_package_without_any_is_a_warning(tmp_path: Path, said: pytest.LogCaptureFixture) -> None:
    write(tmp_path, "introduced_empty", "x = 1")
    assert introduce(discover("introduced_empty", tmp_path)).activities == 0
    [(level, text)] = lines(said)
    assert (level, text.partition(":")[0]) == ("WARNING", f"there is no Python activity in 'introduced_empty' ({tmp_path})")


def test_one_that_is_named_and_not_there_is_a_warning(tmp_path: Path, said: pytest.LogCaptureFixture) -> None:
    found = introduce(discover("introduced_nowhere", tmp_path))
    assert [level for level, _ in lines(said)] == ["WARNING"]
    assert found.problems == (lines(said)[0][1],)


def test_one_that_nobody_has_named_need_not_be_there(tmp_path: Path, said: pytest.LogCaptureFixture) -> None:
    found = introduce(discover("introduced_nowhere", tmp_path, is_optional=True))
    assert [level for level, _ in lines(said)] == ["INFO"]
    assert "introduced_nowhere" in lines(said)[0][1]
    assert found.problems == ()


def test_of_no_package_nothing_is_said(said: pytest.LogCaptureFixture) -> None:
    assert introduce(discover("", None)).name == ""
    assert lines(said) == []
