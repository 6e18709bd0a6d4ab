"""`cameron dead`."""

import json
from collections.abc import Callable
from typing import Any

from .server import Server

Here = Callable[..., tuple[int, str, str]]
DEAD = "GET /api/process/foo/dead"


def letter(*numbers: int, next: str | None = None) -> dict[str, Any]:
    jobs = [
        {"uuid": str(n), "key": f"k{n}", "task": "act", "crashes": 5, "reason": "given up", "crash": "node a\n died", "time": "t"}
        | {"location": f"/j/{n}"}
        for n in numbers
    ]
    return {"process": "foo", "jobs": jobs, "next": next}


def test_the_dead_letter_is_a_table_with_the_last_crashes(server: Server, here: Here) -> None:
    server.will(DEAD, letter(1))
    status, out, err = here("dead", "foo")
    lines = [line.split() for line in out.splitlines() if line.strip(" ─")]
    assert (status, err) == (0, "")
    assert lines[:2] == [["time", "key", "task", "crashes", "crash", "location"], ["t", "k1", "act", "5", "node", "a", "died", "/j/1"]]
    assert out.splitlines()[-1] == "1 job in the dead letter"
    assert server.asked == [DEAD]


def test_each_that_is_listed_is_put_back(server: Server, here: Here) -> None:
    server.will(DEAD, letter(1, 2))
    for number in (1, 2):
        server.will(f"POST /j/{number}/retry", {"tasks": ["act"]})
    status, _, err = here("dead", "foo", "--put-back")
    assert (status, err) == (0, "2 of 2 put back\n")
    assert server.asked == [DEAD, "POST /j/1/retry", "POST /j/2/retry"]


def test_one_that_cannot_be_put_back_is_told_and_the_others_are(server: Server, here: Here) -> None:
    server.will(DEAD, letter(1, 2))
    server.will("POST /j/1/retry", {"error": {"code": "key_taken", "message": "another one runs"}}, status="409 Conflict")
    server.will("POST /j/2/retry", {"tasks": ["act"]})
    status, out, err = here("dead", "foo", "--put-back", "--json")
    assert (status, err) == (1, "cameron: another one runs\n1 of 2 put back\n")
    assert json.loads(out)["more"] is False


def test_no_more_is_put_back_than_is_listed(server: Server, here: Here) -> None:
    server.will(DEAD, letter(1, next="c"))
    server.will("POST /j/1/retry", {"tasks": ["act"]})
    status, out, err = here("dead", "foo", "--put-back", "--limit", "1")
    assert (status, err) == (0, "1 of 1 put back\n")
    assert "1 job, and there are more (see --limit) in the dead letter" in out
