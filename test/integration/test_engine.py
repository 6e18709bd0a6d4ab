"""The engine's door without the rest of the house: what a caller is told when nobody is there to accept."""

from pathlib import Path

import pytest

from cameron.clock import Clock
from cameron.definitions import Settings, load
from cameron.engine import Engine
from cameron.errors import InvalidRequest, JobNotFound, ProcessNotFound, StoreUnavailable
from cameron.process_catalog import Catalog

from ..acceptance.support.port import free_port
from ..acceptance.support.redis_server import RedisServer


def engine(folder: Path, url: str) -> Engine:
    file = folder / "processes.config"
    file.write_text('{processes, [{foo, {start_activity_url, "http://localhost:9/start"}}]}.')
    catalog = Catalog(Settings())
    catalog.publish(load(file))
    return Engine(catalog, Clock(), url, redis_timeout_s=1.0, accept_timeout_s=1.0)


def test_an_unknown_process_is_told_before_the_body_is_looked_at(tmp_path: Path, redis: RedisServer) -> None:
    with pytest.raises(ProcessNotFound):
        engine(tmp_path, redis.url).start("nope", b"not json")


def test_a_bad_request_names_its_field(tmp_path: Path, redis: RedisServer) -> None:
    with pytest.raises(InvalidRequest) as caught:
        engine(tmp_path, redis.url).start("foo", b'{"key": 7}')
    assert caught.value.field == "key"


def test_without_a_writer_a_start_is_refused_at_once_with_a_time_to_come_again(tmp_path: Path, redis: RedisServer) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        engine(tmp_path, redis.url).start("foo", b'{"key": "k"}')
    assert caught.value.retry_after_s > 0


def test_an_unknown_job_is_not_found(tmp_path: Path, redis: RedisServer) -> None:
    with pytest.raises(JobNotFound):
        engine(tmp_path, redis.url).get("foo", "k", "0" * 32)


def test_a_redis_that_is_away_is_told_as_such(tmp_path: Path) -> None:
    away = engine(tmp_path, f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(StoreUnavailable):
        away.get("foo", "k", "0" * 32)
