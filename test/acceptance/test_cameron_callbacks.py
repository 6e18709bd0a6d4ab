"""Callbacks where it is hard to keep them: races with the call and the timeout, nodes that drain, sleep, stop or die, many at once.

What was answered 200 counts, whatever happens then; see test_callbacks_http.py for all that happens on a node that nothing befalls.
"""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from .support.answer import Answer, http, reply
from .support.job import Job
from .support.node import Node
from .support.peers import drained, name_of, through
from .support.redis_server import RedisServer
from .support.refusal import assert_json_error
from .support.service import Call, Service
from .support.waiting import eventually

SHORT = {"CAMERON_NODE_LEASE_S": "0.6", "CAMERON_NODE_SHUTDOWN_S": "0.3", "CAMERON_REDIS_TIMEOUT_S": "2"}
LONG = {**SHORT, "CAMERON_NODE_LEASE_S": "60"}  # nobody takes anything over from a node that sleeps
STRICT = {"CAMERON_REDIS_DURABILITY": "strict"}
YES = b'{"data": "yes"}'

MakeNode = Callable[..., Node]


@pytest.fixture
def make(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service) -> Iterator[MakeNode]:
    """Start nodes on a Redis (the session's, which is empty at first); they end with the test."""
    with redis.client() as client:
        client.flushall()
    service.forget()
    with ExitStack() as stack:

        def started(settings: dict[str, str] = SHORT, store: RedisServer = redis, options: str = "", **more: str) -> Node:
            said = f'[{{start_activity_url, "{service.url("start")}"}}{options}]'
            definitions = f"{{processes, [{{scripted, {said}}}]}}.\n"
            made = Node(tmp_path_factory.mktemp("node"), store.url, definitions, {**settings, **more})
            stack.callback(_end, made)
            return made.start()

        yield started


def _end(node: Node) -> None:
    """It may be stopped in the middle of something."""
    if node.running:
        os.kill(node.child.pid, signal.SIGCONT)
    node.stop()


def send(url: str, body: bytes = YES, node: Node | None = None) -> requests.Response:
    """POST a callback, to that node instead of the one that the URL names. From any thread."""
    return requests.post(node.url + urlsplit(url).path if node else url, data=body, timeout=30)


def waits(name: str = "asked", url: str = "", timeout_s: float = 600) -> dict[str, Any]:
    """A next activity that waits for its callback."""
    return {"name": name, "kind": "wait", "timeout_s": timeout_s} | ({"url": url} if url else {})


def started(service: Service, node: Node, *activities: dict[str, Any], key: str = "k") -> Job:
    """A job that goes on with those activities, all at once."""
    service.on("start", reply(1, next_activities={"parallelizable": "yes", "definitions": list(activities)}))
    return node.job("scripted", {"key": key})


def calls(service: Service, activity: str = "ask") -> list[Call]:
    """The calls of an activity."""
    return [call for call in service.all_calls() if call.activity == activity]


def asked(service: Service, node: Node, answer: Answer | None = None, **members: Any) -> tuple[Job, str]:
    """A job that waits, and the URL that the service was told; it has answered 202, or that."""
    service.on("ask", answer or http(202, b""))
    job = started(service, node, waits(url=service.url("ask"), **members))
    [call] = eventually(lambda: calls(service), "the call")
    if answer is None:
        job.told("callback")
    return job, call.headers["x-cameron-callback"]


def url_of(job: Job, task: str = "asked") -> str:
    """The callback URL that nobody is told."""
    return str(eventually(lambda: job.explained().get("callbacks", {}).get(task), f"{task} to wait"))


def done_with(job: Job, data: Any, task: str = "asked", timeout_s: float = 60.0) -> None:
    """Wait until the job has ended well, with that as the task's data."""
    job.ended(timeout_s)
    assert (job.status, job.statuses()[task], job.tasks()[task]["data"]) == ("done", "done", data), job.hash()


# against its own call


def test_it_counts_though_the_call_it_belongs_to_is_answered_later(make: MakeNode, service: Service) -> None:
    gate, node = service.gate(), make()
    job, url = asked(service, node, http(202, b"").held(gate))
    assert send(url).status_code == 200
    done_with(job, "yes")
    before = job.hash()
    gate.open()
    eventually(lambda: calls(service)[0].replied, "the reply")
    assert assert_json_error(send(url), 409)["code"] == "callback_used"
    assert job.hash() == before
    assert len(calls(service)) == 1


@pytest.mark.parametrize("after", [http(500, b"oh dear"), http(404, b"oh dear"), http(503, b"busy"), Answer(b"", close=True)])
def test_it_counts_though_its_call_fails_right_after_it(make: MakeNode, service: Service, after: Answer) -> None:
    answers: list[requests.Response] = []

    def ask(call: Call) -> Answer:
        answers.append(send(call.headers["x-cameron-callback"]))
        return after

    service.on("ask", ask)
    job = started(service, make(), waits(url=service.url("ask")))
    job.ended()
    done_with(job, "yes")
    assert [answer.status_code for answer in answers] in ([200], [200, 409] if after.close else [200])  # libcurl may send it again
    assert len(calls(service)) == len(answers)


def test_all_that_come_just_as_their_calls_fail_count_or_are_refused(make: MakeNode, service: Service) -> None:
    node, answers = make(), dict[str, int]()

    def take(call: Call) -> None:
        answers[call.json["key"]] = send(call.headers["x-cameron-callback"]).status_code

    with ThreadPoolExecutor(4) as pool:

        def ask(call: Call) -> Answer:
            pool.submit(take, call)
            return http(404, b"nobody here").after(0.001 * (int(call.json["key"]) % 12))

        service.on("ask", ask)
        jobs = [started(service, node, waits(url=service.url("ask")), key=str(number)).ended() for number in range(100)]
    ended = Counter((answers[job.key], job.statuses()["asked"]) for job in jobs)
    assert set(ended) <= {(200, "done"), (409, "error")}, ended


def test_one_that_comes_between_two_attempts_spares_the_second(make: MakeNode, service: Service) -> None:
    node = make()
    job, url = asked(service, node, http(503, b"busy", {"Retry-After": "20"}))
    job.told("called again")
    assert send(url).status_code == 200
    done_with(job, "yes")
    assert len(calls(service)) == 1


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"next_activities": "all of them"}', "next_activities"),
        (b'{"next_activities": {"definitions": [{"name": "n", "kind": "dance"}]}}', "the kind of 'n' is none of"),
        (b'{"name": 5}', "name is no string"),
        (b'{"data": "\\ud800"}', "the reply of the callback cannot be used"),
        (b"null", "no JSON object"),
    ],
)
def test_one_that_is_no_reply_of_the_form_is_the_tasks_error(make: MakeNode, service: Service, body: bytes, text: str) -> None:
    job, url = asked(service, make())
    assert send(url, body).status_code == 200
    job.ended()
    assert job.statuses()["asked"] == "error"
    assert text in str(job.error("asked"))
    assert len(calls(service)) == 1


# against its own call, where a service of machinery's may answer 202 or not


def event_of(node: Node, service: Service, **more: Any) -> str:
    """The location of an event that calls `ask`, whose reply or callback is to have a number `x`."""
    values = [{"name": "x", "type": "int"}]
    for where, document in (
        ("s", {"name": "asks", "address": service.url("ask"), "inputs": [], "outputs": values, **more}),
        ("w", {"name": "asking", "services": ["asks"], "inputs": [], "outputs": values}),
    ):
        assert node.http.post(f"{node.url}/{where}", json=document, timeout=30).status_code == 201
    answer = node.http.post(f"{node.url}/e/asking", json={"data": {"key": "k"}}, timeout=30)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["location"])


def outputs(location: str) -> Any:
    """What an event has come to, once it has ended, and well."""

    def look() -> Any:
        event = requests.get(location, timeout=30).json()
        return event if event["status"] in ("done", "error", "cancelled") else None

    event = eventually(look, "the event to end")
    assert event["status"] == "done", event
    return event["outputs"]


def test_it_counts_though_it_comes_before_the_202_that_promises_it(make: MakeNode, service: Service) -> None:
    gate, node = service.gate(), make()
    service.on("ask", http(202, b"").held(gate))
    location = event_of(node, service)
    [call] = eventually(lambda: calls(service), "the call")
    assert send(call.headers["x-cameron-callback"], b'{"x": 42}').status_code == 200
    assert outputs(location) == {"x": 42}
    gate.open()
    eventually(lambda: call.replied, "the reply")
    assert send(call.headers["x-cameron-callback"], b'{"x": 43}').status_code == 409
    assert outputs(location) == {"x": 42}
    assert len(calls(service)) == 1


def test_it_counts_though_its_service_then_fails(make: MakeNode, service: Service) -> None:
    def ask(call: Call) -> Answer:
        assert send(call.headers["x-cameron-callback"], b'{"x": 42}').status_code == 200
        return http(500, b"oh dear")

    service.on("ask", ask)
    assert outputs(event_of(make(), service)) == {"x": 42}


def test_who_answers_at_once_needs_no_callback_and_one_after_that_is_late(make: MakeNode, service: Service) -> None:
    service.on("ask", http(200, b'{"x": 1}'))
    assert outputs(event_of(make(), service)) == {"x": 1}
    [call] = calls(service)
    assert assert_json_error(send(call.headers["x-cameron-callback"], b'{"x": 2}'), 409)["code"] == "callback_late"


# against time


def test_one_that_never_comes_is_an_error_and_one_after_that_is_late(make: MakeNode, service: Service) -> None:
    job, url = asked(service, make(), timeout_s=0.8)
    job.ended()
    assert job.statuses()["asked"] == "error"
    assert "no callback came within 0.8 s" in str(job.error("asked"))
    assert assert_json_error(send(url), 409)["code"] == "callback_late"


def test_a_job_that_is_retried_waits_anew_at_another_url_and_the_old_one_counts_no_more(make: MakeNode, service: Service) -> None:
    job, url = asked(service, make(), timeout_s=3)
    job.ended()
    assert job.verb("retry").status_code == 202
    eventually(lambda: len(calls(service)) == 2, "the second call")
    urls = [call.headers["x-cameron-callback"] for call in calls(service)]
    assert urls[0] == url != urls[1]
    assert assert_json_error(send(url), 404)["code"] == "callback_not_found"
    assert send(urls[1]).status_code == 200
    eventually(lambda: job.statuses()["asked"] == "done", "the task to be done")
    done_with(job, "yes")
    assert job.error("asked") is None


def test_one_that_came_in_time_counts_though_its_node_slept_over_the_timeout(make: MakeNode, service: Service) -> None:
    holder, other = make(LONG, CAMERON_FAULT="job.signalled=stop"), drained(make(LONG))
    job, url = asked(service, holder, timeout_s=3)
    until_ms = int(holder.store.hget(f"cameron:record:scripted:{job.uuid}", "task.asked.until"))
    assert send(url, node=other).status_code == 200
    eventually(lambda: "job.signalled, passage 1: stop" in holder.output(), "the holder to be told, and to fall asleep")
    eventually(lambda: _now_ms(holder) > until_ms + 200, "the time to pass")
    os.kill(holder.child.pid, signal.SIGCONT)
    done_with(job, "yes")


def test_all_that_are_taken_on_the_last_moment_count(make: MakeNode, service: Service) -> None:
    """Of the jobs' callbacks, sent around the end of their time, those count that were answered 200, and no others."""
    node = make()
    service.on("start", reply(1, next_activities={"parallelizable": "yes", "definitions": [waits(timeout_s=1.5)]}))
    jobs = [node.job("scripted", {"key": f"k{number}"}) for number in range(30)]
    urls = [url_of(job) for job in jobs]
    untils = [int(node.store.hget(f"cameron:record:scripted:{job.uuid}", "task.asked.until")) for job in jobs]

    def send_at_last(number: int) -> int:
        at_ms = untils[number] - 15 + number
        with node.store.client() as store:
            eventually(lambda: _time_ms(store) >= at_ms, "the moment", every_s=0.001)
        return send(urls[number]).status_code

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(send_at_last, range(len(jobs))))
    ended = [(answer, job.ended().statuses()["asked"]) for answer, job in zip(answers, jobs, strict=True)]
    assert set(ended) <= {(200, "done"), (409, "error")}, Counter(ended)


def _now_ms(node: Node) -> int:
    return _time_ms(node.store)


def _time_ms(store: Any) -> int:
    seconds, micros = store.time()
    return int(seconds) * 1000 + int(micros) // 1000


# many at once


def test_of_50_to_two_nodes_at_once_exactly_one_counts(make: MakeNode, service: Service) -> None:
    nodes = [make(), make()]
    job, url = asked(service, nodes[0])
    with ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(lambda n: send(url, b'{"data": %d}' % n, nodes[n % 2]), range(50)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 49}
    assert {answer.json()["error"]["code"] for answer in answers if answer.status_code == 409} == {"callback_used"}
    done_with(job, next(n for n, answer in enumerate(answers) if answer.status_code == 200))


def test_the_callbacks_of_50_tasks_of_one_job_all_count(make: MakeNode, service: Service) -> None:
    node, names = make(), [f"n{number}" for number in range(50)]
    job = started(service, node, *(waits(name) for name in names))
    urls = eventually(lambda: found if len(found := job.explained().get("callbacks", {})) == 50 else None, "all to wait")
    with ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(lambda name: send(urls[name], f'{{"data": "{name}"}}'.encode()), names))
    assert {answer.status_code for answer in answers} == {200}
    job.done()
    assert {name: task["data"] for name, task in job.tasks().items() if name != "start"} == {name: name for name in names}


def test_tasks_of_one_name_have_urls_of_their_own(make: MakeNode, service: Service) -> None:
    job = started(service, make(), waits("twin"), waits("twin"))
    urls = eventually(lambda: found if len(found := job.explained().get("callbacks", {})) == 2 else None, "both to wait")
    assert send(urls["twin#2"], b'{"data": 2}').status_code == 200
    eventually(lambda: job.statuses()["twin#2"] == "done", "the second to be done")
    assert job.statuses()["twin"] == "running"
    assert send(urls["twin"], b'{"data": 1}').status_code == 200
    job.done()
    assert [job.tasks()[name]["data"] for name in ("twin", "twin#2")] == [1, 2]


# to whichever node


def test_a_url_may_name_another_address_than_the_nodes_own(make: MakeNode, service: Service) -> None:
    front = make()
    back = make(CAMERON_WEB_PUBLIC_URL=front.url)
    drained(front)
    job, url = asked(service, back)
    assert url.startswith(f"{front.url}/api/process/scripted/")
    assert send(url).status_code == 200
    done_with(job, "yes")


def test_a_node_that_drains_takes_it_for_the_job_that_waits_in_its_queue(make: MakeNode, service: Service) -> None:
    node = make()
    job, url = asked(service, node)
    name = name_of(node)
    assert node.post(f"/api/system/nodes/{name}/drain", b"").status_code < 300
    eventually(lambda: node.store.xpending("cameron:queue:scripted", "cameron")["pending"] == 0, "the job to be handed back")
    assert node.store.xlen("cameron:queue:scripted") == 1
    assert send(url).status_code == 200
    assert assert_json_error(send(url), 409)["code"] == "callback_used"
    assert job.status == "running"
    assert node.post(f"/api/system/nodes/{name}/resume", b"").status_code < 300
    done_with(job, "yes")
    assert len(calls(service)) == 1


def test_a_node_that_drains_takes_it_for_a_job_that_it_still_runs(make: MakeNode, service: Service) -> None:
    node, gate = make(CAMERON_NODE_SHUTDOWN_S="60"), service.gate()
    service.on("long", reply(1).held(gate))
    service.on("ask", http(202, b""))
    job = started(service, node, waits(url=service.url("ask")), {"name": "long", "url": service.url("long")})
    [call] = eventually(lambda: calls(service), "the call")
    eventually(lambda: calls(service, "long"), "the other call")
    name = name_of(node)
    assert node.post(f"/api/system/nodes/{name}/drain", b"").status_code < 300
    eventually(lambda: node.get("/status").status_code == 503, "it to drain")
    assert send(call.headers["x-cameron-callback"]).status_code == 200
    eventually(lambda: job.statuses()["asked"] == "done", "the callback to be heeded")
    gate.open()
    eventually(lambda: node.store.xpending("cameron:queue:scripted", "cameron")["pending"] == 0, "nothing to be held")
    assert node.post(f"/api/system/nodes/{name}/resume", b"").status_code < 300
    done_with(job, "yes")
    assert (len(calls(service)), len(calls(service, "long"))) == (1, 1)


def test_a_node_that_runs_no_jobs_takes_it_for_a_job_that_was_handed_back_at_a_stop(make: MakeNode, service: Service) -> None:
    runs, serves = make(), make()
    drained(serves)
    job, url = asked(service, runs)
    assert runs.terminate() == 0
    assert send(url, node=serves).status_code == 200
    seen = through(serves, job)
    assert seen.statuses()["asked"] == "running"
    runs.start()
    done_with(seen, "yes")
    assert len(calls(service)) == 1


def test_one_that_came_while_its_call_was_under_way_and_its_node_died_spares_a_second_call(make: MakeNode, service: Service) -> None:
    holder, gate = make(LONG | {"CAMERON_NODE_LEASE_S": "2"}), service.gate()
    other = make(LONG)
    drained(other)
    _job, url = asked(service, holder, http(202, b"").held(gate))
    holder.kill()
    assert send(url, node=other).status_code == 200
    holder.start()
    done_with(through(holder, _job), "yes")
    assert len(calls(service)) == 1


def test_one_node_alone_that_was_killed_calls_its_service_again_and_the_old_url_is_good(make: MakeNode, service: Service) -> None:
    node, gate = make(), service.gate()
    job, url = asked(service, node, http(202, b"").held(gate))
    node.kill()
    node.start()
    eventually(lambda: len(calls(service)) == 2, "the second call, as the first was not answered")
    [keys] = {(call.headers["idempotency-key"], call.headers["x-cameron-callback"]) for call in calls(service)}
    assert keys == (f"{job.uuid}/asked", url)
    assert send(url).status_code == 200
    done_with(job, "yes")
    gate.open()


# what is not taken


def test_one_that_is_larger_than_a_reply_may_be_is_refused_and_a_smaller_one_counts(make: MakeNode, service: Service) -> None:
    job, url = asked(service, make(CAMERON_HTTP_MAX_REPLY_BYTES="300000", CAMERON_WEB_MAX_BODY_BYTES="1000"))
    assert assert_json_error(send(url, b'{"data": "%s"}' % (b"x" * 300_000)), 413)["code"] == "body_too_large"
    chunks = (b"[" + b" " * 99_999 for _ in range(4))
    assert assert_json_error(requests.post(url, data=chunks, timeout=30), 413)["code"] == "body_too_large"
    assert send(url, b'{"data": "%s"}' % (b"x" * 250_000)).status_code == 200
    done_with(job, "x" * 250_000)


@pytest.mark.parametrize("body", [b"{", b"{}x", b'{"data": NaN}', b"[" * 5000 + b"]" * 5000])
def test_what_is_no_json_is_refused_and_the_task_waits_on(make: MakeNode, service: Service, body: bytes) -> None:
    job, url = asked(service, make())
    error = assert_json_error(send(url, body), 400)
    assert error["code"] == "body_not_json"
    assert "JSON" in error["message"]
    assert send(url).status_code == 200
    done_with(job, "yes")


def test_the_url_of_a_job_of_the_same_key_is_of_no_use(make: MakeNode, service: Service) -> None:
    node = make()
    jobs = [started(service, node, waits()) for _ in range(2)]
    urls = [url_of(job) for job in jobs]
    tokens = [url.rpartition("/")[2] for url in urls]
    assert tokens[0] != tokens[1]
    for url, token in zip(urls, reversed(tokens), strict=True):
        assert assert_json_error(send(url.rpartition("/")[0] + "/" + token), 404)["code"] == "callback_not_found"
    for job, url in zip(jobs, urls, strict=True):
        assert send(url).status_code == 200
        done_with(job, "yes")


# durability


def test_one_that_comes_while_redis_is_away_may_come_again(make: MakeNode, service: Service, durable: RedisServer) -> None:
    node = make(LONG | {"CAMERON_REDIS_TIMEOUT_S": "0.5", "CAMERON_WEB_ACCEPT_TIMEOUT_S": "0.5"}, durable)
    job, url = asked(service, node)
    durable.kill()
    answer = send(url)
    assert assert_json_error(answer, 503)["code"] == "store_unavailable"
    assert int(answer.headers["Retry-After"]) > 0
    durable.start()
    eventually(lambda: send(url).status_code == 200, "it to be taken")
    done_with(job, "yes")
    assert len(calls(service)) == 1


def test_a_strict_200_is_kept_though_redis_is_killed_right_after_it(make: MakeNode, service: Service, durable: RedisServer) -> None:
    node = make(SHORT | STRICT, durable)
    for number in range(5):
        eventually(lambda: node.get("/status").status_code == 200, "the node to have found its redis")
        job = started(service, node, waits(), key=f"k{number}")
        url = url_of(job)
        assert send(url).status_code == 200
        durable.kill()
        durable.start()
        done_with(job, "yes")


def test_a_strict_200_waits_for_the_replicas(make: MakeNode, service: Service, durable: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "replica").mkdir()
    replica = RedisServer(tmp_path / "replica", options=["--replicaof", "127.0.0.1", str(durable.port)])
    replica.start()
    try:
        with durable.client() as client:
            eventually(lambda: client.info("replication").get("slave0", {}).get("state") == "online", "the replica")
        node = make(LONG | STRICT, durable, CAMERON_REDIS_STRICT_REPLICAS="1", CAMERON_WEB_ACCEPT_TIMEOUT_S="0.5")
        job = started(service, node, waits("first"), waits("second"))
        urls = eventually(lambda: found if len(found := job.explained().get("callbacks", {})) == 2 else None, "both to wait")
        assert send(urls["first"]).status_code == 200
        os.kill(replica.child.pid, signal.SIGSTOP)
        assert assert_json_error(send(urls["second"]), 503)["code"] == "store_unavailable"
        os.kill(replica.child.pid, signal.SIGCONT)
        assert send(urls["second"]).status_code in (200, 409)
        job.done()
    finally:
        os.kill(replica.child.pid, signal.SIGCONT)
        replica.kill()
