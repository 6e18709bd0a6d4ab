"""GET of a process's jobs: which are asked for, and what is refused."""

from typing import Any

import pytest
from falcon.testing import TestClient

from cameron.errors import ProcessNotFound
from cameron.store.job_index import JobQuery

UUID = "0123456789abcdef0123456789abcdef"
PATH = "/api/process/foo/jobs"


def asked(client: TestClient, engine: Any, query: str) -> JobQuery:
    result = client.simulate_get(PATH, query_string=query)
    assert result.status_code == 200, result.text
    ((process, found),) = engine.asked
    assert process == "foo"
    assert isinstance(found, JobQuery)
    return found


def test_a_page_is_answered_as_the_engine_gives_it_with_the_path_of_each_job(client: TestClient) -> None:
    result = client.simulate_get(PATH)
    job = {"uuid": UUID, "key": "(id,007)", "status": "done", "location": f"/api/process/foo/key/(id,007)/job/{UUID}"}
    assert (result.status_code, result.json) == (200, {"process": "foo", "counts": {"done": 1}, "jobs": [job], "next": "c"})
    assert result.headers["cache-control"] == "no-store"


def test_a_location_leads_to_its_job_whatever_its_key(client: TestClient, engine: Any) -> None:
    engine.key = "a/b é%"
    location = client.simulate_get(PATH).json["jobs"][0]["location"]
    client.simulate_get(location + "/explain")
    assert engine.asked[-1] == ("foo", "a/b é%", UUID)


def test_who_asks_for_nothing_in_particular_gets_the_newest_hundred(client: TestClient, engine: Any) -> None:
    assert asked(client, engine, "") == JobQuery((), None, None, None, 100, "")


def test_all_that_can_be_asked_for_reaches_the_engine(client: TestClient, engine: Any) -> None:
    query = "status=error,done&key=a%2Fb+c&since=2026-11-21T00:47:00.123Z&until=2026-11-21T00:48:00Z&limit=7&cursor=x%3A1"
    assert asked(client, engine, query) == JobQuery(("error", "done"), "a/b c", 1795222020123, 1795222080000, 7, "x:1")


@pytest.mark.parametrize("query", ["status=done,error", "status=done,error,done"])
def test_statuses_are_a_list(client: TestClient, engine: Any, query: str) -> None:
    assert asked(client, engine, query).statuses == ("done", "error")


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-21T00:47:00Z",
        "2026-11-21t00:47:00z",
        "2026-11-21%2000:47:00Z",
        "2026-11-21T02:47:00%2B02:00",
        "2026-11-21T02:47:00+02:00",  # a bare +, which a query string takes for a space
        "2026-11-20T19:47:00-05:00",
        "2026-11-21T00:47:00.000999999Z",
    ],
)
def test_a_time_may_be_written_as_rfc_3339_allows(client: TestClient, engine: Any, time: str) -> None:
    assert asked(client, engine, f"since={time}").since_ms == 1795222020000


@pytest.mark.parametrize(
    "time",
    [
        "now",
        "2026-11-21",
        "2026-11-21T00:47:00",
        "2026-11-21T00:47Z",
        "2026-02-30T00:00:00Z",
        "2026-11-21T24:01:00Z",
        "0000-01-01T00:00:00Z",
        "1795222020",
        "%D9%A2026-11-21T00:47:00Z",
        "2026-11-21T00:47:00.1234567890Z",
        "2026-11-21T00:47:00%2B99:00",
        "x" * 5000,
    ],
)
@pytest.mark.parametrize("name", ["since", "until"])
def test_a_time_that_is_none_is_a_400_that_shows_one(client: TestClient, engine: Any, name: str, time: str) -> None:
    error = refusal(client, f"{name}={time}")
    assert (error["code"], error["field"]) == ("time_invalid", name)
    assert "2026-11-21T00:47:00Z" in error["message"]
    assert engine.asked == []


def refusal(client: TestClient, query: str) -> dict[str, str]:
    result = client.simulate_get(PATH, query_string=query)
    assert result.status_code == 400
    error: dict[str, str] = result.json["error"]
    assert len(error["message"]) < 500
    return error


CODES = {
    "status": "status_invalid",
    "key": "key_invalid",
    "since": "time_invalid",
    "until": "time_invalid",
    "limit": "limit_invalid",
    "cursor": "cursor_invalid",
}


@pytest.mark.parametrize("query", ["{0}=", "{0}", "{0}=1&{0}=2", "{0}=1&{0}=1", "{0}=&{0}="])
@pytest.mark.parametrize("name", CODES)
def test_a_parameter_that_is_empty_or_doubled_is_a_400_and_no_list_of_all(client: TestClient, engine: Any, name: str, query: str) -> None:
    error = refusal(client, query.format(name))
    assert (error["code"], error["field"]) == (CODES[name], name)
    assert error["message"].startswith((f"{name} is empty: ", f"{name} is given more than once: "))
    assert engine.asked == []


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "1.5", "ten", "%D9%A3", "1" * 5000])
def test_a_limit_that_is_none_is_a_400_that_says_what_is_allowed(client: TestClient, limit: str) -> None:
    error = refusal(client, f"limit={limit}")
    assert (error["code"], error["field"]) == ("limit_invalid", "limit")
    assert "1 to 1000" in error["message"]


@pytest.mark.parametrize("status", ["failed", "DONE", "done,failed", "done,", ",", "x" * 5000])
def test_a_status_that_is_none_is_a_400_that_lists_them(client: TestClient, status: str) -> None:
    error = refusal(client, f"status={status}")
    assert (error["code"], error["field"]) == ("status_invalid", "status")
    assert "scheduled, running, done, error, cancelled" in error["message"]


def test_a_cursor_that_nobody_gave_is_a_400(client: TestClient) -> None:
    assert refusal(client, f"cursor={'x' * 5000}")["code"] == "cursor_invalid"


@pytest.mark.parametrize(
    ("query", "field", "mend"),
    [("stauts=done", "stauts", "did you mean 'status'?"), ("Limit=1", "Limit", "'limit'"), ("zz=", "zz", "there are status, key, since")],
)
def test_a_parameter_that_does_not_exist_is_a_400_that_names_the_nearest(client: TestClient, query: str, field: str, mend: str) -> None:
    error = refusal(client, query)
    assert (error["code"], error["field"]) == ("parameter_unknown", field)
    assert mend in error["message"]


def test_an_unknown_process_is_a_404_in_the_usual_form(client: TestClient, engine: Any) -> None:
    engine.failure = ProcessNotFound("bar")
    result = client.simulate_get("/api/process/bar/jobs")
    assert (result.status_code, result.json["error"]["code"]) == (404, "process_not_found")
