"""`cameron job`, `explain`, `cancel` and `retry`."""

import json
from collections.abc import Callable

import pytest

from cameron.definitions import Settings, dialects

from .run import cameron
from .server import Server, job

Here = Callable[..., tuple[int, str, str]]
UUID = "63f44a1a36d8472a3c501b6fbc2e8825"
JOB = f"/api/process/foo/key/k/job/{UUID}"
DIALECTS = {
    "cameron": JOB,
    "tickets": f"/api/workflow/bar/ticket/{UUID}",
    "mender": f"/api/workflow/decommission_device/{UUID}",
    "libero": f"/api/process/OrderWorkflow/key/{UUID}/job/{UUID}",
    "machinery": f"/e/177797e2e2d97ab8f80f2a1a8a5f2e37/{UUID}",
}


def test_job_prints_the_job(server: Server) -> None:
    server.will(f"GET {JOB}", job("done", start="done"))
    status, out, _ = cameron("job", server.url + JOB)
    assert (status, json.loads(out)) == (0, job("done", start="done"))


def test_an_unknown_job_is_a_1_with_the_servers_words(server: Server) -> None:
    assert cameron("job", server.url + JOB) == (1, "", "cameron: check the Location you were given\n")


def test_no_server_is_a_1_that_says_how_to_start_it() -> None:
    status, out, err = cameron("job", JOB, "--url", "http://127.0.0.1:1")
    assert (status, out) == (1, "")
    assert err.startswith("cameron: no Cameron answers at http://127.0.0.1:1 (connection refused): start one with `cameron serve`")
    assert "Traceback" not in err


EXPLANATION = {
    "process": "foo",
    "uuid": "u",
    "key": "k",
    "state": "held",
    "sentence": "It is held by node\x1b[2J a.",
    "node": {"name": "a", "lease_age_s": 1.5},
    "tasks": ["x", "y"],
    "reasons": [{"state": "held", "sentence": "It is held by node a."}],
    "until": None,
}


def test_explain_prints_the_sentence_and_then_the_details(server: Server, here: Here) -> None:
    server.will(f"GET {JOB}/explain", EXPLANATION)
    status, out, err = here("explain", JOB)
    assert (status, err) == (0, "")
    sentence, *details = out.splitlines()
    assert sentence == "It is held by node [2J a."
    assert [line.split() for line in details] == [
        ["process", "foo"],
        ["uuid", "u"],
        ["key", "k"],
        ["state", "held"],
        ["node.name", "a"],
        ["node.lease_age_s", "1.5"],
        ["tasks", "x,", "y"],
        ["until", "null"],
    ]


def test_explain_as_json_is_the_servers_answer(server: Server, here: Here) -> None:
    server.will(f"GET {JOB}/explain", EXPLANATION)
    status, out, _ = here("explain", server.url + JOB, "--json")
    assert (status, json.loads(out)) == (0, EXPLANATION)


@pytest.mark.parametrize("word", ["cancelled", "cancelling"])
def test_cancel_prints_how_far_it_is(server: Server, here: Here, word: str) -> None:
    server.will(f"POST {JOB}/cancel", {"process": "foo", "uuid": "u", "status": word})
    assert here("cancel", JOB) == (0, f"{word}\n", "")


def test_retry_prints_what_runs_again(server: Server, here: Here) -> None:
    server.will(f"POST {JOB}/retry", {"status": "scheduled", "tasks": ["a", "b"]})
    assert here("retry", JOB) == (0, "scheduled, to run again: a, b\n", "")


@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_what_cannot_be_is_a_1_with_the_servers_words(server: Server, here: Here, verb: str) -> None:
    server.will(f"POST {JOB}/{verb}", {"error": {"code": "job_finished", "message": "it has ended"}}, status="409 Conflict")
    assert here(verb, JOB) == (1, "", "cameron: it has ended\n")


@pytest.mark.parametrize("command", ["job", "explain", "events", "cancel", "retry"])
@pytest.mark.parametrize(
    "text",
    [
        UUID,
        "",
        "/job",
        "http://h/",
        JOB + "/explain",
        JOB[:-1],
        "/api/process/foo/start",
        "/api/workflow/foo/start",
        DIALECTS["mender"] + "/cancel",
        f"/e/{UUID}",
        f"/api/workflow/bar/tickets/{UUID}",
    ],
)
def test_what_is_no_location_is_a_2_before_anybody_is_asked(server: Server, here: Here, command: str, text: str) -> None:
    status, out, err = here(command, text)
    assert (status, out, server.asked) == (2, "", [])
    assert err.startswith(f"cameron: {text!r} is no LOCATION: give what `cameron start` or `cameron jobs` printed")
    assert err.count("\n") == 1


@pytest.mark.parametrize("text", [JOB, JOB[1:], "/behind/a/proxy" + JOB])
def test_a_location_may_be_a_path(server: Server, here: Here, text: str) -> None:
    server.will(f"GET /{text.lstrip('/')}", job("done"))
    assert here("job", text)[0] == 0


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("behind", ["", "/behind/a/proxy"])
def test_the_locations_of_each_dialect_are_taken_by_every_command(server: Server, here: Here, dialect: str, behind: str) -> None:
    path = behind + DIALECTS[dialect]
    server.will(f"GET {path}", {"status": "pending"})
    server.will(f"GET {path}/explain", EXPLANATION)
    server.will(f"POST {path}/cancel", {"status": "cancelled"})
    server.will(f"POST {path}/retry", {"tasks": []})
    commands = ("job", "explain", "cancel", "retry")
    assert [here(command, location)[0] for command in commands for location in (path, server.url + path)] == [0] * 8
    asked = (f"GET {path}", f"GET {path}/explain", f"POST {path}/cancel", f"POST {path}/retry")
    assert server.asked == [one for one in asked for _ in range(2)]


def test_the_dialects_named_here_are_all_there_are() -> None:
    assert set(DIALECTS) == set(dialects(Settings()))
