"""More work than the node may do at once: it waits its turn, and nobody else is held up by it."""

from collections.abc import Iterator

import pytest

from .support.answer import follow, reply
from .support.scenario import Scenario
from .support.service import Call, Service

SETTINGS = {"CAMERON_HTTP_MAX_CALLS_PER_HOST": "3", "CAMERON_HTTP_CALL_TIMEOUT_S": "2.0", "CAMERON_NODE_MAX_JOBS": "5"}


@pytest.fixture
def elsewhere() -> Iterator[Service]:
    """A second service, on a port of its own."""
    running = Service()
    running.start()
    yield running
    running.stop()


def at_once(calls: list[Call]) -> int:
    """The most calls that were under way at the same time."""
    return max(sum(1 for other in calls if other.arrived <= call.arrived < (other.replied or float("inf"))) for call in calls)


def test_no_more_calls_than_allowed_reach_a_host_and_waiting_for_a_turn_is_no_timeout(scenario: Scenario) -> None:
    wide = [(f"w{n}", scenario.url("wide")) for n in range(18)]
    scenario.on("start", reply(1, next_activities=follow(wide)))
    scenario.on("wide", reply(2).after(0.5))
    job = scenario.run().done()
    assert {task["status"]["current"] for task in job.tasks().values()} == {"done"}
    calls = scenario.calls("wide")
    assert len(calls) == 18
    assert at_once(calls) == 3
    assert max(call.replied or 0.0 for call in calls) - min(call.arrived for call in calls) > 2.0


def test_a_host_that_does_not_answer_delays_no_other_host(scenario: Scenario, elsewhere: Service) -> None:
    gate = scenario.gate()
    mixed = [(f"slow{n}", scenario.url("slow")) for n in range(6)] + [(f"quick{n}", elsewhere.url("quick")) for n in range(6)]
    scenario.on("start", reply(1, next_activities=follow(mixed)))
    scenario.on("slow", reply("slow").held(gate))
    elsewhere.on("quick", reply("quick"))
    job = scenario.start()
    elsewhere.arrived(scenario.key, 6)
    answered = {call.activity for call in scenario.calls() if call.replied}
    gate.open()
    assert answered == {"start"}
    assert job.done().tasks()["quick5"]["data"] == "quick"


def test_no_more_jobs_than_allowed_run_and_the_others_wait_their_turn(scenario: Scenario) -> None:
    scenario.on("start", reply(1).after(0.2))
    jobs = [scenario.start() for _ in range(25)]
    most = max(sum(1 for job in jobs if job.status == "running") for _ in range(5))
    for job in jobs:
        job.done()
    assert 1 <= most <= 5
    assert len(scenario.calls()) == 25
    assert len({call.headers["idempotency-key"] for call in scenario.calls()}) == 25
