"""POST of a start with `?wait=SECONDS`."""

import http.client
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import falcon.testing
import pytest
from falcon.testing import TestClient

from cameron.config import load
from cameron.errors import StoreUnavailable
from cameron.web import create_app
from cameron.web.listener import Listener, listen

UUID = "0123456789abcdef0123456789abcdef"
START = "/api/process/foo/start"


def start(client: TestClient, query: str, **request: Any) -> Any:
    return client.simulate_post(START, body="{}", query_string=query, **request)


def test_a_job_that_ends_in_time_is_in_the_answer(client: TestClient, engine: Any) -> None:
    engine.looks_to_end = 3
    result = start(client, "wait=30", headers={"Host": "h"})
    assert (result.status_code, result.json) == (201, {"payload": "{}", "job": {"status": "done"}})
    assert result.headers["location"] == f"http://h/api/process/foo/key/(id,007)/job/{UUID}"
    assert engine.looks == [("foo", "(id,007)", UUID)] * 3


def test_a_job_that_is_there_already_is_waited_for_as_well(client: TestClient) -> None:
    headers = {"Idempotency-Key": "9f3a"}
    assert start(client, "", headers=headers).json == {"payload": "{}"}
    again = start(client, "wait=30", headers=headers)
    assert (again.status_code, again.json["job"]) == (200, {"status": "done"})


def test_in_another_dialect_its_manner_says_what_becomes_of_it(client: TestClient, engine: Any) -> None:
    result = client.simulate_post("/brief/a%2Ff", query_string="wait=30", body="{}")
    assert (result.status_code, result.json["ended"]) == (202, '{"status": "done"}')
    assert engine.looks == [("foo", "(id,007)", UUID)]


def test_a_job_that_ends_too_late_is_accepted_all_the_same(client: TestClient, engine: Any) -> None:
    engine.looks_to_end = 1_000_000
    result = start(client, "wait=0.05")
    assert (result.status_code, result.json, "location" in result.headers) == (201, {"payload": "{}"}, True)
    assert engine.looks


@pytest.mark.parametrize("query", ["", "wait=0", "wait=0.0", "other=5"])
def test_who_does_not_wait_gets_the_answer_without_a_look(client: TestClient, engine: Any, query: str) -> None:
    assert (start(client, query).json, engine.looks) == ({"payload": "{}"}, [])


@pytest.mark.parametrize("wait", ["", "x", "-1", "60.1", "1e1", "nan", "inf", "1_0", "%D9%A3", "+1", "9" * 5000, "1&wait=1"])
def test_a_wait_that_is_none_is_a_400_and_starts_nothing(client: TestClient, engine: Any, wait: str) -> None:
    result = start(client, f"wait={wait}")
    assert (result.status_code, result.json["error"]["code"], result.json["error"]["field"]) == (400, "wait_invalid", "wait")
    assert "0 to 60" in result.json["error"]["message"]
    assert engine.started == []


@pytest.mark.parametrize("wait", ["60", "60.0", "0.5", "007"])
def test_a_wait_is_any_number_up_to_the_most(client: TestClient, wait: str) -> None:
    assert start(client, f"wait={wait}").json["job"] == {"status": "done"}


def test_the_most_is_as_configured(engine: Any) -> None:
    client = falcon.testing.TestClient(create_app(engine, load("test", {"CAMERON_WEB_MAX_WAIT_S": "2.5"})))
    assert start(client, "wait=2.5").status_code == 201
    assert "0 to 2.5" in start(client, "wait=2.6").json["error"]["message"]


def test_a_store_that_goes_away_meanwhile_takes_no_acceptance_back(
    client: TestClient, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(process: str, key: str, uuid: str) -> bytes | None:
        raise StoreUnavailable("refused")

    monkeypatch.setattr(engine, "ended", away)
    assert (start(client, "wait=30").status_code, len(engine.started)) == (201, 1)


@pytest.mark.parametrize(("threads", "seats"), [(1, 0), (2, 1), (3, 1), (8, 4)])
def test_at_most_half_of_the_threads_may_wait(engine: Any, monkeypatch: pytest.MonkeyPatch, threads: int, seats: int) -> None:
    waiters, all_wait = set[int](), threading.Event()

    def look(process: str, key: str, uuid: str) -> bytes | None:
        waiters.add(threading.get_ident())
        if len(waiters) == seats:
            all_wait.set()
        return None

    monkeypatch.setattr(engine, "ended", look)
    app = create_app(engine, load("test", {"CAMERON_WEB_THREADS": str(threads)}))
    client = falcon.testing.TestClient(app)
    with ThreadPoolExecutor(max(seats, 1)) as pool:
        waiting = [pool.submit(start, client, "wait=60") for _ in range(seats)]
        assert not seats or all_wait.wait(10)
        assert start(client, "wait=60").json == {"payload": "{}"}  # at once, or this test would take a minute
        assert not any(answer.done() for answer in waiting)
        app.room.close()
        assert [answer.result(10).json for answer in waiting] == [{"payload": "{}"}] * seats


@pytest.mark.parametrize("how", ["stop", "unwanted"])
def test_a_stop_is_not_held_up_by_who_waits(engine: Any, how: str) -> None:
    engine.looks_to_end = 1_000_000
    app, wanted = create_app(engine, load("test", {})), threading.Event()
    wanted.set()
    listener = Listener(app, listen("127.0.0.1", 0), 2, 1000, 60.0, lambda error: None, is_wanted=wanted.is_set, on_stopping=app.room.close)
    listener.start()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(status_of_a_wait, listener.address[1])
        assert engine.looked.wait(10)
        if how == "unwanted":
            wanted.clear()  # whoever was to stop it is gone
        else:
            listener.stop()
        assert answer.result(30) == 201
    listener.stop()


def status_of_a_wait(port: int) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=50)) as connection:
        connection.request("POST", f"{START}?wait=60", body=b"{}")
        return connection.getresponse().status
