"""GET of a process's dead letter."""

from typing import Any

import pytest
from falcon.testing import TestClient

UUID = "0123456789abcdef0123456789abcdef"
PATH = "/api/process/foo/dead"


def test_a_page_is_answered_as_the_engine_gives_it_with_the_path_of_each_job(client: TestClient, engine: Any) -> None:
    result = client.simulate_get(PATH)
    job = {"uuid": UUID, "key": "(id,007)", "task": "", "crashes": 5, "location": f"/api/process/foo/key/(id,007)/job/{UUID}"}
    assert (result.status_code, result.json) == (200, {"process": "foo", "jobs": [job], "next": None})
    assert engine.asked == [("foo", 100, "")]


def test_who_asks_says_how_many_and_after_which(client: TestClient, engine: Any) -> None:
    assert client.simulate_get(PATH, query_string="limit=1000&cursor=1-0").status_code == 200
    assert engine.asked == [("foo", 1000, "1-0")]


@pytest.mark.parametrize(
    ("query", "code"), [("limit=0", "limit_invalid"), ("cursor=", "cursor_invalid"), ("status=error", "parameter_unknown")]
)
def test_what_cannot_be_asked_for_is_a_400(client: TestClient, engine: Any, query: str, code: str) -> None:
    result = client.simulate_get(PATH, query_string=query)
    assert (result.status_code, result.json["error"]["code"]) == (400, code)
    assert engine.asked == []
