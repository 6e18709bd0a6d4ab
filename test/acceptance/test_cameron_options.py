"""The options of a process, each seen to work on a real node: what a definition says wins over what the node is set to."""

import contextlib
import errno
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from .support.answer import follow, http, raw, reply
from .support.job import Job
from .support.node import Node
from .support.redis_server import RedisServer
from .support.scenario import Scenario
from .support.service import Service
from .support.waiting import eventually

SILENCE = raw(b"")  # the connection is closed without a word: nobody knows what has been carried out
OPTIONS = {
    "plain": "{retry, []}",
    "once": "{at_most_once, true}, {retry, [{attempts, 5}, {on, [refused, connection, timeout, http_500, http_503]}]}",
    "again": "{retry, [{attempts, 3}, {delay_s, 0.05}, {on, [http_5xx, connection]}]}",
    "never_again": "{retry, [{attempts, 1}]}",
    "short_connect": "{connect_timeout_s, 0.5}",
    "short_call": "{call_timeout_s, 0.5}",
    "short_job": "{timeout_s, 1.5}",
    "three_tasks": "{max_tasks, 3}",
    "kept": "{retention_s, forever}",
    "removed": "{retention_s, 100}",
    "two_jobs": "{max_jobs, 2}",
    "single": "{unique, key}",
}
SETTINGS = {"CAMERON_NODE_LEASE_S": "1.0"}


def definitions(url: str) -> str:
    """All of these processes; they start at the same URL, so that a test scripts one activity whatever the process."""
    rows = ",\n".join(f'  {{{name}, [{{start_activity_url, "{url}"}}, {options}]}}' for name, options in OPTIONS.items())
    return f"{{processes, [\n{rows}]}}.\n"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service) -> Iterator[Node]:
    with redis.client() as client:
        client.flushall()
    running = Node(tmp_path_factory.mktemp("node"), redis.url, definitions(service.url("start")), SETTINGS)
    try:
        yield running.start()
    finally:
        running.stop()


def run(scenario: Scenario, process: str) -> Job:
    """A job of that process, once it has ended."""
    return scenario.start(process=process).ended()


# at_most_once


def test_at_most_once_a_call_that_was_sent_is_not_repeated_whatever_retry_says(scenario: Scenario) -> None:
    scenario.on("start", SILENCE, reply("must not be asked for"))
    job = run(scenario, "once")
    assert len(scenario.calls()) == 1
    assert job.field("task.start.status.current") == "error"


def test_at_most_once_a_call_never_uses_a_connection_on_which_it_might_be_sent_twice(scenario: Scenario) -> None:
    scenario.on("start", reply(1, next_activities=follow([("act", scenario.url("act"))])))
    scenario.on("act", SILENCE, reply("must not be asked for"))
    job = run(scenario, "once")
    assert [call.activity for call in scenario.calls()] == ["start", "act"]
    assert job.field("task.act.status.current") == "error"


@pytest.mark.parametrize("status", [500, 503])
def test_at_most_once_a_reply_that_says_not_now_is_final(scenario: Scenario, status: int) -> None:
    scenario.on("start", http(status, b"not now"), reply("must not be asked for"))
    assert f"replied {status}" in str(run(scenario, "once").error("start"))
    assert len(scenario.calls()) == 1


def test_at_most_once_a_call_that_its_node_did_not_survive_is_not_repeated_even_where_the_definition_has_changed(
    scenario: Scenario,
) -> None:
    node, gate = scenario.node, scenario.gate()
    text = node.file.read_text(encoding="utf-8")
    scenario.on("start", reply("too late").held(gate))
    job = scenario.start(process="once")
    scenario.arrived(1)
    node.kill()
    node.file.write_text(text.replace("{at_most_once, true}, ", ""), encoding="utf-8")
    try:
        node.start()
        job.done()
    finally:
        gate.open()
        node.kill()
        node.file.write_text(text, encoding="utf-8")
        node.start()
    assert len(scenario.calls()) == 1
    assert str(job.error("start")).startswith("interrupted while it was called; it is called at most once")


# retry


def test_retry_on_names_the_failures_after_which_a_call_is_repeated(scenario: Scenario) -> None:
    scenario.on("start", http(500, b"out of order"), SILENCE, reply("at last"))
    job = run(scenario, "again")
    assert job.tasks()["start"]["data"] == "at last"
    assert len(scenario.calls()) == 3
    assert {call.headers["idempotency-key"] for call in scenario.calls()} == {f"{job.uuid}/start"}


def test_retry_attempts_bounds_them(scenario: Scenario) -> None:
    scenario.on("start", http(502, b"out of order"))
    assert str(run(scenario, "again").error("start")).endswith("replied 502: out of order (3 attempts)")
    assert len(scenario.calls()) == 3


def test_a_failure_that_on_does_not_name_is_final_though_the_node_would_repeat_the_call(scenario: Scenario) -> None:
    scenario.on("start", http(429, b"slow down"))
    assert "replied 429" in str(run(scenario, "again").error("start"))
    assert len(scenario.calls()) == 1


def test_one_attempt_is_no_retry(scenario: Scenario) -> None:
    scenario.on("start", http(503, b"not now"))
    run(scenario, "never_again")
    assert len(scenario.calls()) == 1


def test_next_activities_have_the_options_of_their_process(scenario: Scenario) -> None:
    scenario.on("start", reply(1, next_activities=follow([("act", scenario.url("act"))])))
    scenario.on("act", http(500, b"out of order"), reply("at last"))
    assert run(scenario, "again").done().tasks()["act"]["data"] == "at last"
    assert len(scenario.calls("act")) == 2


def test_a_process_without_options_is_as_the_node_is_set(scenario: Scenario) -> None:
    scenario.on("start", http(500, b"out of order"))
    run(scenario, "plain")
    assert len(scenario.calls()) == 1


# bounds


def test_call_timeout_s_ends_a_call(scenario: Scenario) -> None:
    gate = scenario.gate()
    scenario.on("start", reply("too late").held(gate))
    job = run(scenario, "short_call")
    gate.open()
    assert job.status == "done"
    assert "0.5 s" in str(job.error("start"))


def test_connect_timeout_s_ends_an_attempt_to_connect(scenario: Scenario) -> None:
    with socket.socket() as full, contextlib.ExitStack() as others:  # nobody accepts, and its backlog is full
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(8):
            other = others.enter_context(socket.socket())
            other.setblocking(False)
            assert other.connect_ex(full.getsockname()) in (0, errno.EINPROGRESS)
        port = full.getsockname()[1]
        scenario.on("start", reply(1, next_activities=follow([("act", f"http://127.0.0.1:{port}/")])))
        job = run(scenario, "short_connect")
    assert f"no connection to 127.0.0.1:{port} within 0.5 s" in str(job.error("act"))


def test_timeout_s_ends_a_job(scenario: Scenario) -> None:
    gate = scenario.gate()
    scenario.on("start", reply("too late").held(gate))
    job = run(scenario, "short_job")
    gate.open()
    assert job.status == "error"
    assert "1.5 s" in str(job.error("start"))


def test_max_tasks_bounds_what_a_job_grows_to(scenario: Scenario) -> None:
    scenario.on("start", reply(1, next_activities=follow([(name, scenario.url("act")) for name in ("a", "b", "c")])))
    assert "above 3 tasks" in str(run(scenario, "three_tasks").error("start"))
    assert [call.activity for call in scenario.calls()] == ["start"]


def most_at_once(scenario: Scenario) -> int:
    """How many calls of this key were under way at the same time."""
    calls = scenario.calls()
    most = 0
    for call in calls:
        most = max(most, sum(other.arrived <= call.arrived < (other.replied or float("inf")) for other in calls))
    return most


def test_max_jobs_bounds_a_process_on_a_node_and_no_other_process(scenario: Scenario, service: Service) -> None:
    gate = scenario.gate()
    scenario.on("start", reply("fine").held(gate))
    jobs = [scenario.start(process="two_jobs") for _ in range(6)]
    scenario.arrived(2)
    service.on("start", reply("unhindered"), key="another process")
    for _ in range(3):
        scenario.node.job("plain", {"key": "another process"}).done()
    assert len(scenario.calls()) == 2
    assert sorted(str(job.status) for job in jobs) == ["running"] * 2 + ["scheduled"] * 4
    gate.open()
    for job in jobs:
        job.done()
    assert most_at_once(scenario) == 2


# retention


def left_ms(job: Job, scenario: Scenario) -> list[int]:
    """The time to live of all that is kept of a job: hash, error mark, record; -1 is for ever."""
    store = scenario.node.store
    keys = [*sorted(job.keys()), f"cameron:record:{job.process}:{job.uuid}"]
    return [store.pttl(key) for key in keys]


def test_retention_s_forever_keeps_an_ended_job(scenario: Scenario) -> None:
    scenario.on("start", http(500, b"out of order"))
    assert left_ms(run(scenario, "kept"), scenario) == [-1, -1, -1]


def test_retention_s_is_how_long_an_ended_job_is_kept(scenario: Scenario) -> None:
    scenario.on("start", http(500, b"out of order"))
    left = left_ms(run(scenario, "removed"), scenario)
    assert [40_000 < ms <= 100_000 for ms in left] == [True, True, True]


def test_without_retention_s_it_is_the_nodes(scenario: Scenario) -> None:
    scenario.on("start", http(500, b"out of order"))
    left = left_ms(run(scenario, "plain"), scenario)
    assert [100_000 < ms <= 604_800_000 for ms in left] == [True, True, True]


# unique


def test_unique_the_second_start_of_a_key_is_answered_with_the_unfinished_job(scenario: Scenario) -> None:
    gate = scenario.gate()
    scenario.on("start", reply("fine").held(gate))
    first = scenario.start(process="single")
    answers = [
        scenario.node.http.post(f"{scenario.node.url}/api/process/single/start", json={"key": scenario.key}, timeout=30) for _ in "12"
    ]
    assert [(answer.status_code, answer.headers["Location"]) for answer in answers] == [(200, first.location)] * 2
    gate.open()
    first.done()
    second = eventually(lambda: scenario.start(process="single"), "another job of the key, now that the first has ended").done()
    assert second.uuid != first.uuid
    assert len(scenario.calls()) == 2


# what cannot be used

BROKEN = {
    "{max_job, 5}": "'foo' has no option 'max_job' (did you mean max_jobs?)",
    "{max_jobs, 0}": "max_jobs of 'foo' must be a whole number from 1 to 10000000, not 0",
    "{retry, [{on, [http_5000]}]}": "retry.on of 'foo' must be a list of refused, unknown_host,",
    "{unique, key}, {unique, key}": "unique of 'foo' is given twice",
}


@pytest.mark.parametrize("text", BROKEN)
def test_an_option_that_cannot_be_used_stops_the_start_with_its_place(tmp_path: Path, redis: RedisServer, text: str) -> None:
    broken = Node(tmp_path, redis.url, f'{{processes, [{{foo, [{{start_activity_url, "http://localhost:9292/"}},\n  {text}]}}]}}.\n')
    broken.launch()
    try:
        assert broken.wait(60) != 0
    finally:
        broken.stop()
    assert f"{broken.file.name}:2:" in broken.output()
    assert BROKEN[text] in broken.output()
    assert "Traceback" not in broken.output()
