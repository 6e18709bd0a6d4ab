"""`cameron start`."""

import json
import re
import signal
from collections.abc import Callable
from typing import Any

import pytest

from .run import cameron, command
from .server import Server, explained, job

Here = Callable[..., tuple[int, str, str]]
CLOCK = re.compile(r"^[0-9]{2}:[0-9]{2}:[0-9]{2}  ", re.MULTILINE)


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
def test_data_that_is_left_out_is_null(server: Server, here: Here, arguments: list[str], data: Any) -> None:
    assert here("start", "foo", "--key", "k", *arguments)[0] == 0
    assert json.loads(server.bodies[0])["data"] == data


def test_an_idempotency_key_that_fits_no_header_is_a_2(server: Server, here: Here) -> None:
    assert here("start", "foo", "--key", "k", "--idempotency-key", "")[0] == 2
    assert server.bodies == []


def test_following_shows_each_change_and_ends_with_the_result(server: Server) -> None:
    last = job("done", start="done", act="done")
    server.will("GET /job", job("scheduled"), job("running", start="running"), job("running", start="done", act="running"), last)
    server.will("GET /job/explain", explained("scheduled"), *[explained("running")] * 2, explained("done"))
    status, out, _ = cameron("start", "foo", "--key", "k", "--follow", "--url", server.url)
    lines = out.splitlines()
    assert lines[1:5] == ["10:11:12  start  running", "10:11:12  start  done", "10:11:12  act  running", "10:11:12  act  done"]
    assert json.loads("\n".join(lines[5:])) == last
    assert status == 0


@pytest.mark.parametrize("last", [explained("done", failed=["act"]), explained("error"), explained("cancelled")])
def test_following_a_job_that_failed_is_a_1(server: Server, here: Here, last: dict[str, Any]) -> None:
    server.will("GET /job", {"status": "failed"})
    server.will("GET /job/explain", last)
    assert here("start", "foo", "--key", "k", "--follow")[0] == 1


def test_ctrl_c_while_following_is_a_quiet_130(server: Server) -> None:
    server.will("GET /job", job("running", start="running"))
    server.will("GET /job/explain", explained("running"))
    with command("start", "foo", "--key", "k", "--follow", "--url", server.url) as process:
        assert server.polled.wait(30)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")


def test_a_job_that_is_there_already_is_told_beside_its_location(server: Server, here: Here) -> None:
    server.existing = True
    status, out, err = here("start", "foo", "--key", "k", "--idempotency-key", "9f3a")
    assert (status, out) == (0, f"{server.url}/job\n")
    assert err == "cameron: that job was there already; none was started\n"


def test_a_whole_body_is_sent_as_it_is(server: Server, here: Here) -> None:
    body = '{"path": 1.0, "path":  "é"}'
    assert here("start", "disk_space", "--body", body)[:2] == (0, f"{server.url}/job\n")
    assert server.bodies == [body.encode()]


def test_a_whole_body_that_is_an_array_is_a_2_and_starts_nothing(server: Server, here: Here) -> None:
    status, out, err = here("start", "foo", "--body", '[{"key": "k"}]')
    assert (status, out, server.bodies) == (2, "", [])
    assert "an array starts many jobs" in err


def test_a_start_without_a_key_data_and_a_body_is_a_2_that_names_all_three(server: Server, here: Here) -> None:
    told = "cameron: say what the job is about with --key, give it --data, or give all that is to be sent with --body\n"
    assert (here("start", "foo", "--requestor", "bob"), server.bodies) == ((2, "", told), [])


def test_whether_data_need_a_key_is_for_the_server_to_say(server: Server, here: Here) -> None:
    assert here("start", "OrderWorkflow", "--data", '{"item": "book"}')[:2] == (0, f"{server.url}/job\n")
    assert [json.loads(body) for body in server.bodies] == [{"data": {"item": "book"}, "requestor": ""}]


@pytest.mark.parametrize("option", ["--key", "--data", "--requestor"])
def test_a_whole_body_leaves_no_room_for_its_parts(server: Server, here: Here, option: str) -> None:
    status, out, err = here("start", "foo", "--body", "{}", option, "")
    assert (status, out, server.bodies) == (2, "", [])
    assert err == "cameron: --body is all that is sent: leave out --key, --data and --requestor, or write them into it\n"


def test_following_shows_the_tasks_in_the_form_of_each_dialect(server: Server, here: Here) -> None:
    server.will(
        "GET /job",
        {"status": "running", "services": [{"name": "upper", "status": "running"}], "data": {"name": "x", "status": "y"}},
        {
            "status": "done",
            "inputParameters": [{"name": "path", "value": "/"}],
            "results": [{"name": "df", "success": True, "skipped": False}],
        },
    )
    server.will("GET /job/explain", explained("running"), explained("done"))
    _, out, _ = here("start", "foo", "--key", "k", "--follow")
    location, *lines = CLOCK.sub("", out).splitlines()
    assert (location, lines[:2], lines[2]) == (f"{server.url}/job", ["upper  running", "df  done"], "{")


def test_following_tells_of_tasks_that_the_job_does_not_show_yet(server: Server, here: Here) -> None:
    calling = explained("running", calling=[{"task": "ask"}], retrying=[{"task": "try"}])
    server.will("GET /job/explain", calling, explained("running", awaiting=[{"task": "ask"}]), explained("done"))
    skipped, failed = {"name": "ask", "success": True, "skipped": True}, {"name": "try", "success": False, "skipped": False}
    server.will(
        "GET /job",
        {"status": "pending", "results": []},
        {"status": "processing", "results": [failed]},
        {"status": "done", "results": [skipped]},
    )
    lines = CLOCK.sub("", here("start", "foo", "--key", "k", "--follow")[1]).splitlines()
    assert lines[1:5] == ["ask  running", "try  running", "try  error", "ask  skipped"]
