"""Where in people's code something is."""

import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from cameron.activities.source_place import own_part, raised_at, source_of, standing_at

from .packages import Written

ONE = """
from . import two

def outer(act):
    two.inner(act)
"""
TWO = """
def inner(act):
    act()
"""


@pytest.fixture
def outer(written: Written, tmp_path: Path) -> Any:
    """`outer(act)` calls that from line 3 of `two.py` in a package of people's."""
    name = written({"one.py": ONE, "two.py": TWO})
    sys.path.insert(0, str(tmp_path))
    return __import__(f"{name}.one", fromlist=["outer"]).outer


@pytest.mark.parametrize(
    ("module", "file", "place"),
    [
        ("acts.orders", "/home/x/acts/orders.py", "acts/orders.py:7"),
        ("acts", "/home/x/acts/__init__.py", "acts/__init__.py:7"),
        ("orders", "orders.py", "orders.py:7"),
    ],
)
def test_a_place_is_told_from_the_package_on(module: str, file: str, place: str) -> None:
    assert source_of(module, file, 7) == place


def test_the_last_place_of_the_package_is_where_it_was_raised(outer: Any) -> None:
    def act() -> None:
        int("x")

    with pytest.raises(ValueError, match="invalid literal") as raised:
        outer(act)
    module = outer.__module__
    assert raised_at(module, raised.tb) == f"{module.partition('.')[0]}/two.py:3"
    assert (raised_at("nothing.there", raised.tb), raised_at(module, None)) == ("", "")


def test_the_innermost_place_of_the_package_is_where_a_thread_stands(outer: Any) -> None:
    is_there, may_go = threading.Event(), threading.Event()

    def act() -> None:
        is_there.set()
        may_go.wait(30)

    thread = threading.Thread(target=outer, args=(act,))
    thread.start()
    assert is_there.wait(30)
    module, number = outer.__module__, thread.ident or 0
    assert (standing_at(module, number), standing_at("nothing.there", number)) == (f"{module.partition('.')[0]}/two.py:3", "")
    may_go.set()
    thread.join(30)
    assert standing_at(module, number) == ""


def test_a_traceback_begins_with_peoples_own_code(outer: Any) -> None:
    called_by_cameron: dict[str, Any] = {"__name__": "cameron.activities.python_activity", "outer": outer}
    exec("def perform(act):\n    outer(act)\n", called_by_cameron)
    with pytest.raises(ZeroDivisionError) as raised:
        called_by_cameron["perform"](lambda: 1 / 0)
    whole = raised.value.__traceback__
    assert whole is not None
    in_cameron = whole.tb_next  # the first step is this test's
    assert in_cameron is not None
    assert own_part(in_cameron) is in_cameron.tb_next
    assert own_part(whole) is whole


def test_what_does_not_leave_cameron_is_told_whole() -> None:
    in_cameron: dict[str, Any] = {"__name__": "cameron.activities.python_activity"}
    exec("def perform():\n    1 / 0\n", in_cameron)
    with pytest.raises(ZeroDivisionError) as raised:
        in_cameron["perform"]()
    step = raised.value.__traceback__.tb_next if raised.value.__traceback__ else None
    assert own_part(step) is step
    assert own_part(None) is None
