"""A Redis that takes connections, but is silent when asked: it is away, whoever has given up meanwhile."""

import time
from collections.abc import Sequence
from typing import Any

import pytest

from cameron.errors import StoreUnavailable
from cameron.job_data import JobData, Ping
from cameron.store.redis import Pipeline

from ..acceptance.support.redis_server import RedisServer
from ..acceptance.support.waiting import eventually

PATIENCE_S = 30.0


def test_asks_that_are_given_up_are_no_answer_of_redis(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run, patience_s = Pipeline.run, 0.0

    def silent(pipeline: Pipeline, commands: Sequence[Any]) -> list[Any]:
        """For longer than anybody waits; to scripts and the like it answers."""
        if ("PING",) not in commands:
            return run(pipeline, commands)
        eventually(lambda: time.monotonic() > patience_s, "the time to give up")
        pipeline.close()
        raise TimeoutError("silence")

    monkeypatch.setattr(Pipeline, "run", silent)
    job_data: Any = JobData.start(redis.url, PATIENCE_S)
    try:
        for _ in range(2):
            patience_s = time.monotonic() + 0.1
            assert isinstance(job_data.ask(Ping(patience_s), timeout=PATIENCE_S), StoreUnavailable)
        assert "redis is away" in caplog.text
    finally:
        job_data.exit()
        eventually(lambda: not job_data.is_alive(), "job_data to end")
