"""Very much waits in job_data while Redis is away, and some who asked have gone."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from cameron.errors import StoreUnavailable
from cameron.job_data import Commit, JobData, Ping

from ..acceptance.support.port import refusing_port
from ..acceptance.support.waiting import eventually


@pytest.fixture
def job_data() -> Iterator[Any]:
    """The writer, and no Redis."""
    with refusing_port() as port:
        ref: Any = JobData.start(f"redis://127.0.0.1:{port}/0", 1.0)
        yield ref
        ref.exit()
        eventually(lambda: not ref.is_alive(), "job_data to end")


class Nobody:
    """A runner that hears nothing."""

    def tell(self, message: Any) -> None:
        """Forget it."""


def test_however_much_waits_for_redis_who_asks_is_refused_at_once(job_data: Any) -> None:
    commit = Commit("transition", ["hash", "record", "events"], ["", "node 1", 1, "", 0, 0, 0, 0, 0], Nobody())
    for _ in range(20_000):
        job_data.tell(commit)
    began_s = time.monotonic()
    assert isinstance(job_data.ask(Ping(began_s + 60), timeout=60), StoreUnavailable)
    assert time.monotonic() - began_s < 10, "work that grows with the square of what waits takes a minute"


def test_who_asked_and_gave_up_is_owed_nothing_any_more(redis: Any) -> None:
    ref: Any = JobData.start(redis.url, 5.0)
    try:
        late = ref.ask(Ping(time.monotonic() - 1), block=False)
        assert isinstance(late.get(timeout=20), StoreUnavailable)
    finally:
        ref.exit()
        eventually(lambda: not ref.is_alive(), "job_data to end")
