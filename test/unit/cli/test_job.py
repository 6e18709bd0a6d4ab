"""`cameron job`, `explain`, `cancel` and `retry`."""

import json
from collections.abc import Callable

import pytest

from .run import cameron
from .server import Server, job

Here = Callable[..., tuple[int, str, str]]
JOB = "/api/process/foo/key/k/job/u"


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


@pytest.mark.parametrize("command", ["job", "explain", "cancel", "retry"])
@pytest.mark.parametrize("text", ["63f44a1a36d8472a3c501b6fbc2e8825", "", "/job", JOB + "/explain", "/api/process/foo/start", "http://h/"])
def test_what_is_no_location_is_a_2_before_anybody_is_asked(server: Server, here: Here, command: str, text: str) -> None:
    told = f"cameron: {text!r} is no LOCATION: give what `cameron start` or `cameron jobs` printed\n"
    assert (here(command, text), server.asked) == ((2, "", told), [])


@pytest.mark.parametrize("text", [JOB, JOB[1:], "/behind/a/proxy" + JOB])
def test_a_location_may_be_a_path(server: Server, here: Here, text: str) -> None:
    server.will(f"GET /{text.lstrip('/')}", job("done"))
    assert here("job", text)[0] == 0
