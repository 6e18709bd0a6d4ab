"""Next activities of other kinds than calls, over HTTP: delays, waits, and programs with all that they can do wrong."""

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from .support.answer import http, reply
from .support.job import Job
from .support.scenario import Scenario
from .support.waiting import eventually

SH, CAT, PYTHON, MISSING = "/bin/sh", "/bin/cat", sys.executable, "/no/such/program"
KEPT_BYTES = 65_536
SETTINGS = {
    "CAMERON_COMMANDS_ALLOWED_BINARIES": f"{SH},{CAT},{PYTHON},{MISSING},/",
    "CAMERON_COMMANDS_MAX_COMMANDS": "3",
    "CAMERON_COMMANDS_MAX_OUTPUT_BYTES": str(KEPT_BYTES),
    "CAMERON_COMMANDS_KILL_AFTER_S": "0.5",
}
OPTIONS = {
    "patient": "{retry, [{attempts, 3}, {delay_s, 0.01}, {on, [exit_3, signal_9]}]}",
    "short": "{timeout_s, 1.5}",
}
MEMORY_KB = 60_000  # that a node may take for what it keeps of 100 MB


def command(name: str, *words: str, **members: Any) -> dict[str, Any]:
    """A next activity that runs a program."""
    return {"name": name, "kind": "command", "command": list(words), **members}


def shell(name: str, script: str, *words: object, **members: Any) -> dict[str, Any]:
    """A next activity that runs a script of the shell's, whose `$1` and so on are the words."""
    return command(name, SH, "-c", script, "script", *map(str, words), **members)


def follow(*activities: Mapping[str, Any], parallelizable: str = "yes") -> dict[str, Any]:
    """`next_activities` in the documented form."""
    return {"parallelizable": parallelizable, "definitions": list(activities)}


def started(scenario: Scenario, *activities: Mapping[str, Any], process: str = "scripted", parallelizable: str = "yes") -> Job:
    """A job that goes on with those activities."""
    scenario.on("start", reply({"n": 1}, name="whois", next_activities=follow(*activities, parallelizable=parallelizable)))
    return scenario.start(process=process)


def output(job: Job, task: str) -> Any:
    """What a task that is done has come to."""
    shown = job.tasks()[task]
    assert shown["status"]["current"] == "done", shown
    return shown["data"]


def lines(file: Path) -> list[str]:
    """What programs have written down so far."""
    return file.read_text().splitlines() if file.exists() else []


def lives(pid: str) -> bool:
    """Whether the process is there, and no mere entry of one that has ended."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(file: Path) -> None:
    """Wait for the end of all whose process ids are written down there."""
    assert lines(file)
    eventually(lambda: not any(lives(pid) for pid in lines(file)), "the processes to be gone")


# all kinds together


def test_one_job_may_have_tasks_of_all_kinds_one_after_another(scenario: Scenario) -> None:
    scenario.on("tell", reply("told"))
    scenario.on("ask", http(202, b""))
    waits = {"name": "answer", "kind": "wait", "timeout_s": 60, "url": scenario.url("ask")}
    kinds = (
        {"name": "pause", "kind": "delay", "delay_s": 0.3},
        command("copy", CAT),
        {"name": "tell", "kind": "http", "url": scenario.url("tell")},
        waits,
    )
    job = started(scenario, *kinds, parallelizable="no")
    [call] = eventually(lambda: scenario.calls("ask"), "the last one to be called")
    assert requests.post(call.headers["x-cameron-callback"], data=b'{"data": 42}', timeout=30).status_code == 200
    job.done()
    assert job.statuses() == dict.fromkeys(["start", "pause", "copy", "tell", "answer"], "done")
    assert output(job, "pause") is None
    assert json.loads(output(job, "copy")["stdout"]) == {"key": scenario.key, "data": {"n": 1}, "requestor": "whois"}
    assert output(job, "answer") == 42
    assert len(job.hash()) == 8 + 5 * 5
    [first, told] = scenario.calls("start") + scenario.calls("tell")
    assert first.replied is not None
    assert told.arrived - first.replied >= 0.3


def test_only_who_is_to_call_back_is_told_where(scenario: Scenario) -> None:
    scenario.on("tell", reply("told"))
    job = started(scenario, {"name": "tell", "kind": "http", "url": scenario.url("tell")}, shell("say", "env"))
    job.done()
    assert not any("x-cameron-callback" in call.headers for call in scenario.calls())
    assert "callback" not in output(job, "say")["stdout"].lower()


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"kind": "dance", "url": "http://127.0.0.1/"}, "none of http, command, python, wait, delay"),
        ({"kind": "delay"}, "delay_s"),
        ({"kind": "delay", "delay_s": -1}, "delay_s"),
        ({"kind": "wait", "timeout_s": "long"}, "timeout_s"),
        ({"kind": "wait", "timeout_s": 5, "delay_s": 5}, "delay_s"),
        ({"kind": "command", "command": "/bin/cat"}, "list of a program and its arguments"),
        ({"kind": "command", "command": ["/bin/cat", "a\0b"]}, "NUL"),
        ({"kind": "command", "command": ["/bin/cat"], "url": "http://127.0.0.1/"}, "url"),
    ],
)
def test_a_reply_that_names_what_is_no_activity_is_an_error_and_nothing_of_it_is_done(
    scenario: Scenario, tmp_path: Path, said: dict[str, Any], text: str
) -> None:
    job = started(scenario, shell("leave", 'echo x > "$1"', tmp_path / "trace"), {"name": "odd", **said}).ended()
    assert job.statuses() == {"start": "error"}
    assert text in str(job.error("start"))
    assert not (tmp_path / "trace").exists()


# delays and waits


def test_a_delay_longer_than_its_job_may_take_ends_with_the_job(scenario: Scenario) -> None:
    job = started(scenario, {"name": "pause", "kind": "delay", "delay_s": 600}, process="short").ended()
    assert (job.status, job.statuses()["pause"]) == ("error", "error")
    assert "1.5 s" in str(job.error("pause"))


def test_a_delay_may_be_cancelled(scenario: Scenario) -> None:
    job = started(scenario, {"name": "pause", "kind": "delay", "delay_s": 10 * 365 * 86_400})
    job.told("pause")
    assert job.verb("cancel").status_code == 202
    assert job.ended().status == "cancelled"


def test_a_wait_whose_service_is_busy_calls_again_with_the_same_url(scenario: Scenario) -> None:
    scenario.on("ask", http(503, b"busy"), http(202, b""))
    job = started(scenario, {"name": "asked", "kind": "wait", "timeout_s": 60, "url": scenario.url("ask")})
    calls = eventually(lambda: found if len(found := scenario.calls("ask")) == 2 else None, "the second call")
    [url] = {call.headers["x-cameron-callback"] for call in calls}
    job.told("callback")
    assert requests.post(url, data=b'{"data": 1}', timeout=30).status_code == 200
    assert output(job.done(), "asked") == 1


def test_a_wait_whose_service_refuses_is_an_error(scenario: Scenario) -> None:
    scenario.on("ask", http(404, b"nobody here"))
    job = started(scenario, {"name": "asked", "kind": "wait", "timeout_s": 60, "url": scenario.url("ask")}).ended()
    assert job.statuses()["asked"] == "error"
    assert "404: nobody here" in str(job.error("asked"))


# programs: what they are given, and what is kept


def test_a_program_is_told_whose_it_is_and_no_secret_of_the_node(scenario: Scenario) -> None:
    job = started(scenario, shell("look around", "env")).done()
    env = dict(line.split("=", 1) for line in output(job, "look around")["stdout"].splitlines())
    cameron = {name: value for name, value in env.items() if name.startswith("CAMERON_")}
    assert cameron == {
        "CAMERON_PROCESS": "scripted",
        "CAMERON_JOB": job.uuid,
        "CAMERON_TASK": "look around",
        "CAMERON_ATTEMPT": "1",
        "CAMERON_IDEMPOTENCY_KEY": f"{job.uuid}/look around",
    }
    assert env["PATH"] == os.environ["PATH"]
    assert "PYTHONUNBUFFERED" not in env


def test_a_large_input_comes_through_and_need_not_be_read(scenario: Scenario) -> None:
    data = "ä" * 300_000
    scenario.on("start", reply(data, next_activities=follow(shell("count", "wc -c"), shell("ignore", "exit 0"))))
    job = scenario.run()
    body = json.dumps({"key": scenario.key, "data": data, "requestor": "start"}, ensure_ascii=False, separators=(",", ":"))
    assert int(output(job, "count")["stdout"]) == len(body.encode())
    assert output(job, "ignore") == {"exit_code": 0, "stdout": "", "stderr": "", "truncated": False}


def test_any_bytes_that_a_program_writes_are_kept_as_text(scenario: Scenario) -> None:
    job = started(scenario, shell("babble", r"printf 'a\000\377\033[31m\n'; printf '\360\237' >&2")).done()
    assert output(job, "babble") == {"exit_code": 0, "stdout": "a\0\ufffd\x1b[31m\n", "stderr": "\ufffd", "truncated": False}


def test_a_program_that_fails_is_an_error_with_what_it_said_and_is_not_run_again(scenario: Scenario, tmp_path: Path) -> None:
    job = started(scenario, shell("fail", 'echo x >> "$1"; echo "no way" >&2; exit 3', tmp_path / "runs")).ended()
    assert job.statuses()["fail"] == "error"
    assert job.error("fail") == f"{SH} ended with status 3: no way"
    assert lines(tmp_path / "runs") == ["x"]


@pytest.mark.parametrize("failing", ["exit 3", "kill -9 $$"])
def test_a_program_is_run_again_after_the_ends_that_its_process_names(scenario: Scenario, tmp_path: Path, failing: str) -> None:
    script = f'echo "$CAMERON_ATTEMPT $CAMERON_IDEMPOTENCY_KEY" >> "$1"; [ "$CAMERON_ATTEMPT" = 3 ] || {failing}; echo at last'
    job = started(scenario, shell("try", script, tmp_path / "runs"), process="patient").done()
    assert output(job, "try")["stdout"] == "at last\n"
    assert lines(tmp_path / "runs") == [f"{attempt} {job.uuid}/try" for attempt in (1, 2, 3)]


def test_a_program_that_ends_otherwise_is_not_run_again(scenario: Scenario, tmp_path: Path) -> None:
    job = started(scenario, shell("try", 'echo x >> "$1"; exit 4', tmp_path / "runs"), process="patient").ended()
    assert job.statuses()["try"] == "error"
    assert lines(tmp_path / "runs") == ["x"]


def test_a_program_that_failed_is_run_again_when_its_job_is_retried(scenario: Scenario, tmp_path: Path) -> None:
    job = started(scenario, shell("try", 'echo x >> "$1"; [ -e "$2" ]', tmp_path / "runs", tmp_path / "mended")).ended()
    assert job.statuses()["try"] == "error"
    (tmp_path / "mended").touch()
    assert job.verb("retry").status_code == 202
    eventually(lambda: job.statuses()["try"] == "done", "the program to end well")
    job.done()
    assert job.error("try") is None
    assert lines(tmp_path / "runs") == ["x", "x"]


# programs: what is not run


@pytest.mark.parametrize("program", ["/bin/ls", "sh", "/bin/../bin/sh", "/bin/sh "])
def test_a_program_that_is_not_allowed_just_so_is_not_run(scenario: Scenario, tmp_path: Path, program: str) -> None:
    job = started(scenario, command("run", program, "-c", f"echo x > {tmp_path / 'trace'}")).ended()
    assert job.statuses()["run"] == "error"
    assert "allowed_binaries" in str(job.error("run"))
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize(("program", "why"), [(MISSING, "there is no such program"), ("/", "it is no program")])
def test_what_cannot_be_run_is_an_error_that_says_why(scenario: Scenario, program: str, why: str) -> None:
    job = started(scenario, command("run", program), shell("beside", "echo fine"), process="patient").ended()
    assert job.statuses() == {"start": "done", "run": "error", "beside": "done"}
    assert program in str(job.error("run"))
    assert why in str(job.error("run"))


# programs: what does not end, or not quietly


def test_children_that_outlive_their_program_are_ended_and_hold_up_nothing(scenario: Scenario, tmp_path: Path) -> None:
    script = 'sleep 600 & echo $! >> "$1"; (trap "" TERM HUP; sleep 600) & echo $! >> "$1"; echo done'
    job = started(scenario, shell("fork", script, tmp_path / "pids")).done()
    assert output(job, "fork")["stdout"] == "done\n"
    assert len(lines(tmp_path / "pids")) == 2
    gone(tmp_path / "pids")


def test_a_child_that_has_left_the_group_with_the_outputs_holds_up_nothing(scenario: Scenario, tmp_path: Path) -> None:
    script = 'setsid sh -c \'echo $$ > "$1"; exec sleep 30\' child "$1" & while [ ! -s "$1" ]; do sleep 0.01; done; echo done'
    job = started(scenario, shell("daemon", script, tmp_path / "pids")).done()
    assert output(job, "daemon")["stdout"] == "done\n"
    for pid in lines(tmp_path / "pids"):
        os.kill(int(pid), 9)


def test_a_program_that_ignores_sigterm_is_killed_after_its_time_with_its_children(scenario: Scenario, tmp_path: Path) -> None:
    script = 'trap "" TERM; sleep 600 & echo $! >> "$1"; echo $$ >> "$1"; echo begun; wait; sleep 600'
    job = started(scenario, shell("stay", script, tmp_path / "pids", timeout_s=0.5)).ended()
    assert job.statuses()["stay"] == "error"
    assert "timeout" in str(job.error("stay"))
    assert "0.5 s" in str(job.error("stay"))
    gone(tmp_path / "pids")


def test_100_mb_of_output_cost_the_node_no_memory(scenario: Scenario) -> None:
    def peak_kb() -> int:
        status = Path(f"/proc/{scenario.node.child.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])

    before = peak_kb()
    noisy = [shell(f"shout {to}", f"yes | head -c 100000000 >&{to}; echo end >&{3 - to}") for to in (1, 2)]
    job = started(scenario, *noisy).done(120)
    assert peak_kb() - before < MEMORY_KB
    for task, stream, other in (("shout 1", "stdout", "stderr"), ("shout 2", "stderr", "stdout")):
        kept = output(job, task)
        assert kept["truncated"] is True
        assert (len(kept[stream]), kept[other], kept["exit_code"]) == (KEPT_BYTES, "end\n", 0)


def test_a_cancelled_job_ends_its_program_with_all_its_children_and_what_waits_for_a_turn_never_runs(
    scenario: Scenario, tmp_path: Path
) -> None:
    script = 'trap "" TERM; sleep 600 & echo $! >> "$1"; echo $$ >> "$1"; wait; sleep 600'
    running = [shell(f"stay {n}", script, tmp_path / "pids") for n in range(3)]  # as many as may
    job = started(scenario, *running, shell("later", 'echo x > "$1"', tmp_path / "later"))
    eventually(lambda: len(lines(tmp_path / "pids")) == 6, "three programs and their children")
    assert job.verb("cancel").status_code == 202
    assert job.ended().status == "cancelled"
    gone(tmp_path / "pids")
    scenario.key += " afterwards"
    started(scenario, *(shell(f"say {n}", "echo hello") for n in range(4))).done()
    assert not (tmp_path / "later").exists()


def test_no_more_programs_run_at_once_than_may_and_all_have_their_turn(scenario: Scenario, tmp_path: Path) -> None:
    script = 'echo "+" >> "$1"; sleep 0.1; echo "-" >> "$1"'
    job = started(scenario, *(shell(f"n{number}", script, tmp_path / "log") for number in range(12))).done()
    assert set(job.statuses().values()) == {"done"}
    running = most = 0
    for sign in lines(tmp_path / "log"):
        running += 1 if sign == "+" else -1
        most = max(most, running)
    assert (running, most) == (0, 3)


def test_a_program_does_not_lose_its_time_while_it_waits_for_its_turn(scenario: Scenario, tmp_path: Path) -> None:
    hold = 'while [ ! -e "$1" ]; do sleep 0.02; done'
    key = scenario.key
    holder = started(scenario, *(shell(f"hold {n}", hold, tmp_path / "gate") for n in range(3)))
    eventually(lambda: len([task for task in holder.statuses().values() if task == "running"]) == 3, "all places to be taken")
    scenario.key = f"{key} waits"
    job = started(scenario, shell("short", "echo in time", timeout_s=2))
    eventually(lambda: job.statuses().get("short") == "running", "its turn to be awaited")
    began = time.monotonic()
    eventually(lambda: time.monotonic() - began > 2.2, "more than its time to pass")
    assert job.status == "running"
    (tmp_path / "gate").touch()
    assert output(job.done(), "short")["stdout"] == "in time\n"
    holder.done()
