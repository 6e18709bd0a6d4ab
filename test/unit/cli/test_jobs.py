"""`cameron jobs`."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from .server import Server

Here = Callable[..., tuple[int, str, str]]
JOBS = "GET /api/process/foo/jobs"


def listed(*numbers: int, next: str | None = None) -> dict[str, Any]:
    jobs = [
        {"uuid": str(n), "key": f"k{n}", "status": "done", "since": "2026-11-21T00:47:00.123Z", "accepted": "-", "location": f"/j/{n}"}
        for n in numbers
    ]
    return {"process": "foo", "counts": {"scheduled": 0, "done": 1200}, "jobs": jobs, "next": next}


def test_jobs_are_a_table_and_a_count(server: Server, here: Here) -> None:
    server.will(JOBS, listed(1, 2))
    status, out, err = here("jobs", "foo")
    lines = [line.split() for line in out.splitlines() if line.strip(" ─")]
    assert (status, err) == (0, "")
    assert lines[0] == ["since", "status", "key", "location"]
    assert lines[1:3] == [["2026-11-21T00:47:00.123Z", "done", f"k{n}", f"/j/{n}"] for n in (1, 2)]
    assert out.splitlines()[-1] == "2 jobs; of this process there are 0 scheduled, 1,200 done"


def test_what_is_asked_for_reaches_the_server(server: Server, here: Here) -> None:
    server.will(JOBS, listed())
    since = ("--since", "2026-11-21T02:47:00+02:00")
    here("jobs", "foo", "--status", "error,done", "--key", "a b", *since, "--until", "2026-11-22", "--limit", "7")
    (query,) = server.queries
    until = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.mktime((2026, 11, 22, 0, 0, 0, 0, 0, -1))))
    assert query == {"status": "error,done", "key": "a b", "since": "2026-11-21T00:47:00+00:00", "until": until, "limit": "7"}


def test_what_is_asked_for_emptily_is_asked_for_all_the_same(server: Server, here: Here) -> None:
    server.will(JOBS, listed())
    here("jobs", "foo", "--key", "", "--status", "")
    here("jobs", "foo")
    assert server.queries == [{"status": "", "key": "", "limit": "100"}, {"limit": "100"}]


def test_an_empty_time_is_a_2(server: Server, here: Here) -> None:
    assert (here("jobs", "foo", "--until", "")[0], server.asked) == (2, [])


def test_a_time_that_is_none_is_a_2_that_shows_some(server: Server, here: Here) -> None:
    status, out, err = here("jobs", "foo", "--since", "yesterday")
    assert (status, out, server.asked) == (2, "", [])
    assert "'yesterday' is no time such as 2026-11-21" in " ".join(err.replace("│", " ").split())


def test_more_than_a_page_is_fetched_page_by_page(server: Server, here: Here) -> None:
    server.will(JOBS, listed(*range(1000), next="a"), listed(*range(1000, 2000), next="b"))
    status, out, _ = here("jobs", "foo", "--limit", "1500", "--json")
    found = json.loads(out)
    assert (status, [job["key"] for job in found["jobs"]]) == (0, [f"k{n}" for n in range(1500)])
    assert (found["more"], found["counts"]) == (True, {"scheduled": 0, "done": 1200})
    assert [(query["limit"], query.get("cursor")) for query in server.queries] == [("1000", None), ("1000", "a")]


def test_that_there_are_more_is_told(server: Server, here: Here) -> None:
    server.will(JOBS, listed(1, next="a"))
    assert "1 job, and there are more (see --limit);" in here("jobs", "foo", "--limit", "1")[1]


@pytest.mark.parametrize("key", ["[red]x[/red]", "a:smile:b", "[/]"])
def test_a_key_is_shown_as_it_is(server: Server, here: Here, key: str) -> None:
    page = listed(1)
    page["jobs"][0]["key"] = key
    server.will(JOBS, page)
    assert f" {key} " in here("jobs", "foo")[1]


def test_nothing_is_cut_off_however_long(server: Server, here: Here) -> None:
    page = listed(1)
    page["jobs"][0]["location"] = location = "/j/" + "x" * 400
    server.will(JOBS, page)
    assert location in here("jobs", "foo")[1]


def test_an_unknown_process_is_a_1_with_the_servers_words(server: Server, here: Here) -> None:
    error = {"error": {"code": "process_not_found", "message": "there is no process named 'foo'"}}
    server.will(JOBS, error, status="404 Not Found")
    assert here("jobs", "foo") == (1, "", "cameron: there is no process named 'foo'\n")
