"""A process that has as many unfinished jobs as it may: whoever wants to start another is told when to come back, and nothing is stored."""

from .support.answer import reply
from .support.scenario import Scenario

SETTINGS = {"CAMERON_JOB_MAX_BACKLOG": "2"}


def test_a_full_backlog_is_a_503_that_stores_nothing_and_passes(scenario: Scenario) -> None:
    gate = scenario.gate()
    scenario.on("start", reply(1).held(gate))
    jobs = [scenario.start(), scenario.start()]
    before = set(scenario.node.store.scan_iter("*"))
    answer = scenario.node.post("/api/process/scripted/start", '{"key": "one too many"}')
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "backlog_full")
    assert int(answer.headers["Retry-After"]) > 0
    assert {key for key in scenario.node.store.scan_iter("*") if "one too many" in key} == set()
    assert not [key for key in set(scenario.node.store.scan_iter("*")) - before if "record" in key]
    gate.open()
    for job in jobs:
        job.done()
    scenario.start().done()
