"""Messages of which one alone must not stop the others."""

from collections.abc import Callable
from typing import Any

import pytest

from cameron.errors import Backlogged
from cameron.rabbitmq.starter import WIDEST

from ...acceptance.support.rabbitmq import Client
from ...acceptance.support.raw_properties import RawProperties, array, text, timestamp
from ...acceptance.support.waiting import eventually
from .engine import Engine

MS = 1_763_740_000_123
ODD = {"ms": timestamp(MS), "far": array(timestamp(1 << 62)), "trace": text("abc")}


def test_headers_that_python_has_no_value_for_stop_nothing(supervised: Callable[..., Any], engine: Engine, client: Client) -> None:
    supervised()
    client.publish({"name": "a"}, properties=RawProperties("odd", ODD))
    client.publish({"name": "a"}, "even")
    client.publish(b"bad", properties=RawProperties("bad", ODD))
    eventually(lambda: sorted(engine.done) == ["even", "odd"], "both to be started")
    headers = dict(client.next_dead().properties.headers or {})
    assert "the message cannot be read" in headers.pop("x-cameron-reason")
    assert headers.pop("x-cameron-time")
    assert headers == {"ms": MS, "far": [1 << 62], "trace": "abc"}


def test_messages_for_a_full_process_do_not_hold_up_others(supervised: Callable[..., Any], engine: Engine, client: Client) -> None:
    full = True

    def refuse(process: str) -> None:
        if full and process == "full":
            raise Backlogged(process, 3)

    engine.refuse = refuse
    supervised(prefetch=2)
    behind = 2 * WIDEST - 4
    for number in range(behind):
        client.publish({"name": "full"}, f"full-{number}")
    for number in range(10):
        client.publish({"name": "a"}, f"m-{number}")
    eventually(lambda: len(engine.done) == 10, "those behind to be started")
    full = False
    eventually(lambda: len(engine.done) == 10 + behind, "all to be started")
    eventually(lambda: client.consumers() == 1, "no more to be held than usual")
    assert (client.waiting(), client.dead()) == (0, None)


def test_no_more_messages_of_a_full_process_are_held_than_so_many(supervised: Callable[..., Any], engine: Engine, client: Client) -> None:
    def refuse(process: str) -> None:
        raise Backlogged(process, 3)

    engine.refuse = refuse
    supervised(prefetch=1)
    for number in range(WIDEST + 5):
        client.publish({"name": "full"}, f"full-{number}")
    eventually(lambda: (client.waiting(), client.consumers()) == (5, WIDEST), "as many to be held as may be")


def test_a_trouble_that_lasts_is_told_now_and_then(
    supervised: Callable[..., Any], client: Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cameron.rabbitmq.reminder.EVERY_S", 0.0)
    supervised(url="amqp://user:password@127.0.0.1:1/%2F")
    eventually(lambda: caplog.text.count("no jobs are started by message") >= 3, "the third warning")
