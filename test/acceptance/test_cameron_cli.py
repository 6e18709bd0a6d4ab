"""The `cameron` command as people type it, against a running node."""

import json
import subprocess
from pathlib import Path

from .support.answer import follow, http, reply
from .support.node import CAMERON, Node
from .support.port import free_port
from .support.program import PROJECT
from .support.scenario import Scenario


def cameron(node: Node, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run one command against this node."""
    environ = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "CAMERON_URL": node.url, "COLUMNS": "200", **settings}
    return subprocess.run([*CAMERON, *words], cwd=PROJECT, env=environ, capture_output=True, text=True, timeout=60, check=False)


def test_start_prints_the_location(scenario: Scenario) -> None:
    scenario.on("start", reply(1))
    ended = cameron(scenario.node, "start", "scripted", "--key", scenario.key, "--data", "d", "--requestor", "r")
    assert ended.returncode == 0, ended.stderr
    location = next(word for word in ended.stdout.split() if word.startswith("http://"))
    scenario.node.at(location).done()
    assert scenario.calls()[0].json == {"key": scenario.key, "data": "d", "requestor": "r"}


def test_data_that_parses_as_json_is_sent_as_json(scenario: Scenario) -> None:
    scenario.on("start", reply(1))
    ended = cameron(scenario.node, "start", "scripted", "--key", scenario.key, "--data", '{"n": [1, null]}', "--requestor", "r", "--follow")
    assert ended.returncode == 0, ended.stderr
    assert scenario.calls()[0].json["data"] == {"n": [1, None]}


def test_follow_shows_the_tasks_and_ends_well(scenario: Scenario) -> None:
    scenario.on("start", reply(1, next_activities=follow([("second", scenario.url("second"))])))
    scenario.on("second", reply(2).after(0.3))
    ended = cameron(scenario.node, "start", "scripted", "--key", scenario.key, "--data", "d", "--requestor", "r", "--follow")
    assert ended.returncode == 0, ended.stderr
    assert "start" in ended.stdout
    assert "second" in ended.stdout
    assert "done" in ended.stdout


def test_follow_ends_non_zero_when_a_task_failed(scenario: Scenario) -> None:
    scenario.on("start", reply(1, next_activities=follow([("bad", scenario.url("bad"))])))
    scenario.on("bad", http(500, b"the awesome error message"))
    ended = cameron(scenario.node, "start", "scripted", "--key", scenario.key, "--data", "d", "--requestor", "r", "--follow")
    assert ended.returncode == 1
    assert "the awesome error message" in ended.stdout + ended.stderr


def test_job_prints_the_job_of_a_location(scenario: Scenario) -> None:
    scenario.on("start", reply({"é": 1}))
    job = scenario.run().done()
    ended = cameron(scenario.node, "job", job.location)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == job.view()


def test_what_does_not_exist_ends_non_zero_without_a_traceback(scenario: Scenario) -> None:
    job = scenario.node.url + "/api/process/scripted/key/k/job/" + "0" * 32
    elsewhere = f"http://127.0.0.1:{free_port()}"
    for ended in (
        cameron(scenario.node, "job", job),
        cameron(scenario.node, "start", "unknown", "--key", "k", "--data", "d", "--requestor", "r"),
        cameron(scenario.node, "start", "scripted", "--key", "k", "--data", "d", "--requestor", "r", CAMERON_URL=elsewhere),
        cameron(scenario.node, "start", "scripted", "--key", "", "--data", "d", "--requestor", "r"),
    ):
        assert ended.returncode != 0
        assert ended.stderr
        assert "Traceback" not in ended.stderr


def test_check_lists_the_processes_or_tells_what_is_wrong_where(node: Node, tmp_path: Path) -> None:
    fine = cameron(node, "check", "--env", "test", CAMERON_PROCESSES_FILE=str(node.file))
    assert fine.returncode == 0, fine.stderr
    assert "scripted" in fine.stdout
    broken = tmp_path / "broken.config"
    broken.write_text("{processes, [\n  {foo, ]}.\n")
    wrong = cameron(node, "check", "--env", "test", CAMERON_PROCESSES_FILE=str(broken))
    assert wrong.returncode == 1
    assert "broken.config:2:" in wrong.stdout + wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_the_version_is_told(node: Node) -> None:
    told = cameron(node, "--version")
    assert told.returncode == 0
    assert any(character.isdigit() for character in told.stdout)


def test_a_job_is_listed_explained_cancelled_and_retried(scenario: Scenario) -> None:
    scenario.on("start", reply(1).held(scenario.gate()))
    job = scenario.start()
    scenario.arrived(1)
    listed = cameron(scenario.node, "jobs", "scripted", "--key", scenario.key, "--json")
    (found,) = json.loads(listed.stdout)["jobs"]
    assert job.location.endswith(found["location"])
    assert found["location"] in cameron(scenario.node, "jobs", "scripted", "--status", "running,scheduled").stdout
    explained = cameron(scenario.node, "explain", found["location"])
    assert "is calling task 'start'" in explained.stdout.splitlines()[0]
    assert cameron(scenario.node, "cancel", found["location"]).stdout in ("cancelling\n", "cancelled\n")
    assert job.ended().status == "cancelled"
    scenario.on("start", reply(1))
    assert cameron(scenario.node, "retry", job.location).stdout == "scheduled, to run again: start\n"
    job.done()
    refused = cameron(scenario.node, "cancel", job.location)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "has ended (done)" in refused.stderr


def test_a_second_start_with_an_idempotency_key_prints_the_same_location(scenario: Scenario) -> None:
    scenario.on("start", reply(1))
    command = ("start", "scripted", "--key", scenario.key, "--idempotency-key", scenario.key)
    first, second = cameron(scenario.node, *command), cameron(scenario.node, *command)
    assert (first.returncode, first.stdout) == (second.returncode, second.stdout) == (0, first.stdout)
    assert (first.stderr, "none was started" in second.stderr) == ("", True)


def test_a_node_is_drained_and_resumed(scenario: Scenario) -> None:
    health = cameron(scenario.node, "health", "--json")
    name = json.loads(health.stdout)["node"]
    assert health.returncode == 0
    drained = cameron(scenario.node, "drain")
    assert drained.returncode == 0, drained.stderr
    assert f"{name} is drained" in drained.stdout
    listed = json.loads(cameron(scenario.node, "nodes", "--json").stdout)
    assert {found["node"]: found["state"] for found in listed} == {name: "drained"}
    assert "drained" in cameron(scenario.node, "nodes").stdout
    assert cameron(scenario.node, "health").returncode == 1
    assert cameron(scenario.node, "drain", "--resume").stdout == f"{name} runs jobs again\n"
    scenario.on("start", reply(1))
    scenario.run().done()


def test_an_empty_dead_letter_is_told_as_such(node: Node) -> None:
    assert "0 jobs in the dead letter" in cameron(node, "dead", "scripted", "--put-back").stdout
