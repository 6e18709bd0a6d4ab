"""The routes of the dialects side by side: each path leads to what it is for, and no other."""

from typing import Any

import pytest
from falcon.testing import TestClient

JOBS = [
    ("/api/process/foo/key/a%2Fb/job/u", ("foo", "a/b", "u")),
    ("/api/process/workflow:foo/key/k/job/u", ("workflow:foo", "k", "u")),
    ("/api/workflow/foo/ticket/u", ("workflow:foo", "", "u")),
    ("/api/workflow/foo/u", ("foo", "", "u")),
    ("/e/foo/u", ("foo", "", "u")),
]
STARTS = [
    ("/api/process/foo/start", "foo"),
    ("/api/workflow/foo/start", "workflow:foo"),
    ("/api/workflow/foo", "foo"),
    ("/api/workflow/start", "start"),
    ("/e/foo", "foo"),
]


@pytest.mark.parametrize(("path", "job"), JOBS)
def test_a_job_is_found_where_its_dialect_says(client: TestClient, engine: Any, path: str, job: tuple[str, str, str]) -> None:
    engine.shown[job] = b'{"found": true}'
    result = client.simulate_get(path)
    assert (result.status_code, result.json) == (200, {"found": True})


@pytest.mark.parametrize(("path", "job"), JOBS)
@pytest.mark.parametrize(("method", "verb", "status"), [("GET", "explain", 200), ("POST", "cancel", 200), ("POST", "retry", 202)])
def test_the_verbs_stand_below_it(
    client: TestClient, engine: Any, path: str, job: tuple[str, str, str], method: str, verb: str, status: int
) -> None:
    assert client.simulate_request(method, f"{path}/{verb}").status_code == status
    assert engine.asked == [job]


@pytest.mark.parametrize(("path", "job"), JOBS)
def test_its_history_stands_below_it(client: TestClient, engine: Any, path: str, job: tuple[str, str, str]) -> None:
    assert client.simulate_get(f"{path}/events", query_string="limit=5").status_code == 200
    assert engine.asked == [(*job, "", 5)]


@pytest.mark.parametrize(("path", "process"), STARTS)
def test_a_job_is_started_where_its_dialect_says(client: TestClient, engine: Any, path: str, process: str) -> None:
    client.simulate_post(path, body="{}")
    assert engine.started == [(process, b"{}")]


@pytest.mark.parametrize("path", ["/api/process/foo/jobs", "/api/process/workflow:foo/jobs", "/api/process/foo/dead"])
def test_the_lists_are_those_of_all_dialects(client: TestClient, path: str) -> None:
    assert client.simulate_get(path).status_code == 200
