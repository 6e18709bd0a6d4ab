"""Libero Flow's workflows on a real node: their definition files, and a job as its clients see it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from .answer import Answer, document
from .job import Job
from .node import Node
from .port import free_port
from .redis_server import RedisServer
from .scenario import Scenario
from .service import Service
from .waiting import eventually

PYTHON = Path(__file__).parent / "python"  # has the package `sample`, and resolves foobar.com

SUCCEEDED, TEMPORARY_FAILURE, PERMANENT_FAILURE = "Succeeded", "Temporary Failure", "Permanent Failure"
PENDING, SCHEDULED, IN_PROGRESS = "Pending", "Scheduled", "In Progress"


def workflow(name: str, *activities: str | Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A definition; an activity is its name where there is no more to say."""
    return {"name": name, "activities": [{"name": one} if isinstance(one, str) else one for one in activities], **more}


def activity(name: str, **more: Any) -> dict[str, Any]:
    """An activity of which there is more to say."""
    return {"name": name, **more}


def write(folder: Path, *workflows: Mapping[str, Any]) -> Path:
    """Put definitions into the folder of definitions; that folder."""
    (folder / "libero").mkdir(parents=True, exist_ok=True)
    for said in workflows:
        (folder / "libero" / f"{said['name']}.json").write_text(json.dumps(said), encoding="utf-8")
    return folder


def settings(service: Service, definitions: Path, **more: str) -> dict[str, str]:
    """A node's, with the package `sample`, whose activities ask the service; foobar.com is the service as well."""
    return {
        "CAMERON_DEFINITIONS_DIR": str(definitions),
        "CAMERON_PYTHON_ACTIVITIES_PACKAGE": "sample",
        "CAMERON_PYTHON_PATH": str(PYTHON),
        "CAMERON_PYTHON_KILL_AFTER_S": "0.5",
        "SERVICE_URL": service.url(""),
        **foobar(service.port),
        **more,
    }


def foobar(port: int) -> dict[str, str]:
    """Environment variables of a program for which foobar.com is that port of this machine."""
    return {"PYTHONPATH": str(PYTHON), "FOOBAR_PORT": str(port), "NO_PROXY": "*"}


@contextmanager
def node(folder: Path, redis: RedisServer, service: Service, *workflows: Mapping[str, Any], **more: str) -> Iterator[Node]:
    """A node on an empty Redis that has these workflows."""
    with redis.client() as client:
        client.flushall()
    port = free_port()
    public = {"CAMERON_WEB_PUBLIC_URL": f"http://127.0.0.1:{port}"}
    running = Node(folder, redis.url, {}, settings(service, write(folder / "definitions", *workflows), **public, **more), port)
    try:
        yield running.start()
    finally:
        running.stop()


# what the service has activities do


def says(result: Any = SUCCEEDED, **more: Any) -> Answer:
    """What an activity of `sample.told` is to return."""
    return document({"result": result, **more})


def begin(scenario: Scenario, name: str, **data: Any) -> Job:
    """Start a workflow for the scenario's key, which its activities find in their input data, and the service in their requests."""
    return scenario.node.job(name, {"key": scenario.key, "input_data": {"key": scenario.key, **data}})


def alive(pid: int) -> bool:
    """Whether there is such a process, which is not merely remembered."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# a job as its clients see it


def seen(job: Job) -> dict[str, Any]:
    """What GET has of it as a workflow. From any thread."""
    answer = requests.get(job.location, timeout=30)
    assert answer.status_code == 200, f"{answer.status_code} {answer.text[:500]}"
    return dict(answer.json()["workflow"])


def activities(job: Job) -> dict[str, dict[str, Any]]:
    """Its activities, by the names of their tasks."""
    return {one["name"]: one for one in seen(job)["activities"]}


def states(job: Job) -> list[str]:
    """The workflow's state, and those of its activities in order."""
    workflow = seen(job)
    return [workflow["state"], *(one["state"] for one in workflow["activities"])]


def reached(job: Job, *wanted: str) -> None:
    """Wait until these are its states."""
    last: list[str] = []

    def look() -> bool:
        last[:] = states(job)
        return last == list(wanted)

    try:
        eventually(look, "the states", 30, every_s=0.05)
    except AssertionError:
        raise AssertionError(f"{last} instead of {list(wanted)}") from None


def error(job: Job, name: str) -> str:
    """Why one of its activities has failed."""
    return str(activities(job)[name]["error"])


def events(job: Job) -> list[dict[str, Any]]:
    """Its whole history."""
    answer = requests.get(f"{job.location}/events", timeout=30)
    assert answer.status_code == 200, f"{answer.status_code} {answer.text[:500]}"
    return list(answer.json()["events"])


def decisions(job: Job) -> list[str]:
    """What was decided, in order, each with the activity that it is about."""
    return [" ".join([event["decision"], *([event["task"]] if "task" in event else [])]) for event in events(job) if "decision" in event]


def entered(job: Job, name: str = "") -> list[str]:
    """The states that one of its activities, or the workflow itself, has come to one after another."""
    return [event["state"] for event in events(job) if "state" in event and event.get("task", "") == name]
