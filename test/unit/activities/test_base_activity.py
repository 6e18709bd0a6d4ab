"""What an activity that is a class has, in tests of its user's as well."""

import subprocess
import sys
from typing import Any

import pytest

from cameron.activities.base_activity import BaseActivity
from cameron.activities.session import MemorySession


class Greet(BaseActivity):
    def do_activity(self) -> str:
        self.session_set("greeting", f"hello {self.session_get('name')}")
        return self.SUCCEEDED


class Careless(BaseActivity):
    def __init__(self, *_: Any) -> None:
        self.mine = 1

    def do_activity(self) -> str:
        return self.PERMANENT_FAILURE if self.config else self.TEMPORARY_FAILURE


def test_it_has_what_it_was_given_and_shares_strings() -> None:
    session = MemorySession({"name": "you"})
    one = Greet("1", {"a": 1}, session)
    assert (one.workflow_id, one.config, one.session, one.input_data) == ("1", {"a": 1}, session, None)
    assert (one.do_activity(), session.values) == ("Succeeded", {"name": "you", "greeting": "hello you"})


def test_where_nothing_is_given_it_has_something_all_the_same() -> None:
    one = Greet()
    assert (one.workflow_id, one.config, one.input_data, one.do_activity()) == ("", {}, None, "Succeeded")
    assert one.session_get("greeting") == "hello None"


def test_one_whose_init_does_not_call_its_bases_has_everything() -> None:
    one = Careless("1", {"a": 1}, MemorySession())
    assert (one.workflow_id, one.config, one.input_data, one.session_get("a"), one.do_activity()) == (
        "",
        {},
        None,
        None,
        "Temporary Failure",
    )


def test_one_that_does_nothing_says_what_to_do() -> None:
    class Idle(BaseActivity):
        pass

    with pytest.raises(NotImplementedError, match=r"Idle has no do_activity\(\): implement it"):
        Idle().do_activity()


def test_it_brings_along_neither_redis_nor_actors_nor_the_web() -> None:
    listing = "import sys, cameron.activities.base_activity, cameron.activities.activity; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, timeout=60, check=True)
    assert {"redis", "hiredis", "pykka", "falcon", "requests", "structlog", "msgspec", "cameron.engine"}.isdisjoint(done.stdout.split())
