"""The names that processes and tasks may have."""

import pytest

from cameron.core.process import checked_process_name, task_name_fault
from cameron.errors import ConfigError


@pytest.mark.parametrize("name", ["foo", "F.o_o-1", "x" * 64, "..."])
def test_a_process_name_is_1_to_64_letters_digits_and_three_signs(name: str) -> None:
    assert checked_process_name(name, "x.config:1:2") == name


@pytest.mark.parametrize("name", ["", "x" * 65, "foo bar", "foo/bar", "foo:bar", "ä", "foo\n", "{foo}"])
def test_another_process_name_is_refused_with_its_place(name: str) -> None:
    with pytest.raises(ConfigError, match=r"^x\.config:1:2: a process name is 1 to 64 letters"):
        checked_process_name(name, "x.config:1:2")


@pytest.mark.parametrize("name", ["a", "x" * 128, "act 1", "ä/ö:ü.{}", "名"])
def test_a_task_name_may_be_anything_readable(name: str) -> None:
    assert task_name_fault(name) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "1 to 128 characters"),
        (None, "1 to 128 characters"),
        (7, "1 to 128 characters"),
        (["a"], "1 to 128 characters"),
        ("x" * 129, "has 129 characters"),
        ("a,b", "comma"),
        ("a#2", "comma, a '#'"),
        ("a\n", "control character"),
        ("a\x85", "control character"),
    ],
)
def test_what_cannot_be_a_task_name_is_said_why(name: object, why: str) -> None:
    assert why in (task_name_fault(name) or "")
