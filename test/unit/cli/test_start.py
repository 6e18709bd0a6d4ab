"""`cameron start`."""

import json
import signal
from collections.abc import Callable
from typing import Any

import pytest

from .run import cameron, command
from .server import Server, job


def test_start_prints_the_location(server: Server) -> None:
    status, out, err = cameron("start", "foo", "--key", "k", "--data", '{"a": 1}', "--requestor", "bob", CAMERON_URL=server.url)
    assert (status, out, err) == (0, f"{server.url}/job\n", "")
    assert [json.loads(body) for body in server.bodies] == [{"key": "k", "data": {"a": 1}, "requestor": "bob"}]


@pytest.mark.parametrize("data", ["plain text", "{broken", "NaN", '"a" "b"', "[" * 100_000])
def test_data_that_is_no_json_is_sent_as_text(server: Server, data: str) -> None:
    status, _, _ = cameron("start", "foo", "--key", "k", f"--data={data}", "--url", server.url)
    assert status == 0
    assert json.loads(server.bodies[0])["data"] == data


@pytest.mark.parametrize(("arguments", "data"), [([], None), (["--data", ""], ""), (["--data", "null"], None)])
def test_data_that_is_left_out_is_null(server: Server, here: Callable[..., tuple[int, str, str]], arguments: list[str], data: Any) -> None:
    assert here("start", "foo", "--key", "k", *arguments)[0] == 0
    assert json.loads(server.bodies[0])["data"] == data


def test_an_idempotency_key_that_fits_no_header_is_a_2(server: Server, here: Callable[..., tuple[int, str, str]]) -> None:
    assert here("start", "foo", "--key", "k", "--idempotency-key", "")[0] == 2
    assert server.bodies == []


def test_following_shows_each_change_and_ends_with_the_result(server: Server) -> None:
    last = job("done", start="done", act="done")
    server.will("GET /job", job("scheduled"), job("running", start="running"), job("running", start="done", act="running"), last)
    status, out, _ = cameron("start", "foo", "--key", "k", "--follow", "--url", server.url)
    lines = out.splitlines()
    assert lines[1:5] == ["10:11:12  start  running", "10:11:12  start  done", "10:11:12  act  running", "10:11:12  act  done"]
    assert json.loads("\n".join(lines[5:])) == last
    assert status == 0


@pytest.mark.parametrize("last", [job("done", start="done", act="error"), job("error", start="done"), job("cancelled", start="done")])
def test_following_a_job_that_failed_is_a_1(server: Server, last: dict[str, Any]) -> None:
    server.will("GET /job", last)
    assert cameron("start", "foo", "--key", "k", "--follow", "--url", server.url)[0] == 1


def test_ctrl_c_while_following_is_a_quiet_130(server: Server) -> None:
    server.will("GET /job", job("running", start="running"))
    with command("start", "foo", "--key", "k", "--follow", "--url", server.url) as process:
        assert server.polled.wait(30)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")


def test_a_job_that_is_there_already_is_told_beside_its_location(server: Server, here: Callable[..., tuple[int, str, str]]) -> None:
    server.existing = True
    status, out, err = here("start", "foo", "--key", "k", "--idempotency-key", "9f3a")
    assert (status, out) == (0, f"{server.url}/job\n")
    assert err == "cameron: that job was there already; none was started\n"
