"""A run's way to its session, until it is closed."""

import pytest

from cameron.activities.revocable_session import RevocableSession, RunIsOver
from cameron.activities.session import MemorySession


def test_until_it_is_revoked_it_is_the_session_behind_it() -> None:
    behind = MemorySession({"here": "1"})
    session = RevocableSession(behind)
    session.set("word", "2")
    assert (session.get("word"), session.get("here"), session.get("none")) == ("2", "1", None)
    assert behind.values == {"here": "1", "word": "2"}


def test_once_it_is_revoked_nothing_goes_through() -> None:
    behind = MemorySession({"here": "1"})
    session = RevocableSession(behind)
    session.revoke()
    with pytest.raises(RunIsOver, match="the session is closed to it"):
        session.get("here")
    with pytest.raises(RunIsOver):
        session.set("here", "2")
    assert behind.values == {"here": "1"}
