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
