"""`cameron events`: a job's history, a line an event."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from .server import Server, explained

Here = Callable[..., tuple[int, str, str]]
JOB = "/api/process/foo/key/k/job/63f44a1a36d8472a3c501b6fbc2e8825"
AT = "2026-11-21T00:47:00.123Z"


def told(id: str, event: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "time": AT, "event": event, **more}


def page(*events: dict[str, Any], next: str | None = None, dropped: bool = False) -> dict[str, Any]:
    return {"process": "foo", "uuid": "u", "key": "k", "events": list(events), "next": next, "dropped": dropped}


ACCEPTED, STARTED = told("0-0", "job.accepted"), told("5-0", "job.started", node="n1")
FAILED = told("6-0", "task.attempt_failed", task="act_1", kind="http_503", text="it replied\n\x1b[2J503")
DELAYED = told("6-0", "task.delayed", task="act_1", until=AT, decision="reschedule-activity", state="Temporary Failure")
ENDED = told("7-0", "job.ended", status="done")


def test_each_event_is_a_line_and_all_pages_are_asked_for(server: Server, here: Here) -> None:
    server.will(f"GET {JOB}/events", page(ACCEPTED, STARTED, next="5-0"), page(FAILED, DELAYED))
    status, out, err = here("events", JOB)
    assert (status, err, server.queries) == (0, "", [{}, {"after": "5-0"}])
    assert out.splitlines() == [
        f"{AT}  job.accepted",
        f"{AT}  job.started          node n1",
        f"{AT}  task.attempt_failed  act_1, kind http_503, it replied [2J503",
        f"{AT}  task.delayed         act_1, until {AT}, decision reschedule-activity, state Temporary Failure",
    ]


def test_a_decision_needs_no_other_word_and_an_error_is_told_once(server: Server, here: Here) -> None:
    why = {"task": "a", "text": "no luck"}
    failed = [
        told("6-0", "task.attempt_failed", kind="permanent_failure", **why),
        told("6-0", "task.failed", state="Permanent Failure", **why),
    ]
    others = [told("7-0", "task.failed", task="b", text="no luck"), told("8-0", "job.ended", status="error", text="no luck")]
    decided = [told("9-0", "decided", text="nothing", decision="do-nothing"), told("9-1", "decided", text="nothing")]
    server.will(f"GET {JOB}/events", page(failed[0], next="6-0"), page(failed[1], *others, *decided))
    _, out, _ = here("events", JOB)
    assert [line.removeprefix(f"{AT}  ") for line in out.splitlines()] == [
        "task.attempt_failed  a, kind permanent_failure, no luck",
        "task.failed          a, state Permanent Failure",
        "task.failed          b, no luck",
        "job.ended            status error, no luck",
        "decided              decision do-nothing",
        "decided              nothing",
    ]


def test_as_json_each_event_is_an_object_on_a_line_of_its_own(server: Server, here: Here) -> None:
    server.will(f"GET {JOB}/events", page(ACCEPTED, FAILED))
    status, out, _ = here("events", JOB, "--json")
    assert (status, [json.loads(line) for line in out.splitlines()]) == (0, [ACCEPTED, FAILED])


def test_followed_a_job_is_looked_at_until_it_has_ended(server: Server, here: Here) -> None:
    server.will(f"GET {JOB}/events", page(ACCEPTED), page(STARTED), page(ENDED))
    status, out, _ = here("events", JOB, "--follow")
    assert (status, [line.split()[1] for line in out.splitlines()]) == (0, ["job.accepted", "job.started", "job.ended"])
    assert server.queries == [{}, {"after": "0-0"}, {"after": "5-0"}]


def test_followed_a_job_whose_history_says_no_more_ends_where_its_explanation_says_so(server: Server, here: Here) -> None:
    server.will(f"GET {JOB}/events", page(ACCEPTED, dropped=True), page(dropped=True))
    server.will(f"GET {JOB}/explain", explained("running"), explained("done"))
    assert here("events", JOB, "-f")[:2] == (0, f"{AT}  job.accepted\n")


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_that_the_first_ones_are_no_longer_kept_is_told_once_beside_them(server: Server, here: Here, options: tuple[str, ...]) -> None:
    server.will(f"GET {JOB}/events", page(FAILED, next="6-0", dropped=True), page(ENDED, dropped=True))
    status, out, err = here("events", JOB, *options)
    assert (status, len(out.splitlines()), err) == (0, 2, "cameron: the first events of this job are no longer kept\n")


def test_an_unknown_job_is_a_1_with_the_servers_words(server: Server, here: Here) -> None:
    assert here("events", JOB) == (1, "", "cameron: check the Location you were given\n")


def test_what_is_no_location_is_a_2_before_anybody_is_asked(server: Server, here: Here) -> None:
    status, out, err = here("events", JOB + "/events")
    assert (status, out, server.asked) == (2, "", [])
    assert "is no LOCATION" in err
