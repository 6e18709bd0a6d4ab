"""Mender's workflows on a real node: their definition files, and a job as its clients see it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from .node import Node
from .waiting import eventually

ENDED = ("done", "failed")


def write(folder: Path, definitions: Mapping[str, Any]) -> None:
    """Put definitions into the folder of definitions, by file name; text as it is, all else as JSON."""
    place = folder / "mender"
    place.mkdir(parents=True, exist_ok=True)
    for name, definition in definitions.items():
        text = definition if isinstance(definition, str) else json.dumps(definition)
        (place / name).write_text(text, encoding="utf-8")


def flow(name: str, *tasks: dict[str, Any], inputs: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    """A file of one definition."""
    return {f"{name}.json": {"name": name, "tasks": list(tasks), "inputParameters": list(inputs), **more}}


def task(name: str, uri: str, /, *, more: Mapping[str, Any] | None = None, **http: Any) -> dict[str, Any]:
    """A task of type http; `more` has members of the task itself."""
    return {"name": name, "type": "http", "http": {"uri": uri, **http}, **(more or {})}


def command(name: str, *words: str, more: Mapping[str, Any] | None = None, **cli: Any) -> dict[str, Any]:
    """A task of type cli."""
    return {"name": name, "type": "cli", "cli": {"command": list(words), **cli}, **(more or {})}


class Workflow:
    """One accepted job; every look is a fresh one."""

    def __init__(self, node: Node, location: str, answer: Mapping[str, Any]) -> None:
        self._node, self.location, self.id = node, location, str(answer["id"])
        self.name, self.answer = str(answer["name"]), answer

    def view(self) -> dict[str, Any]:
        """The answer to GET on its Location."""
        answer = requests.get(self.location, timeout=30)
        assert answer.status_code == 200, f"{answer.status_code} {answer.text[:500]}"
        return dict(answer.json())

    def ended(self, timeout_s: float = 40.0) -> dict[str, Any]:
        """The view once the job has ended."""
        return eventually(lambda: view if (view := self.view())["status"] in ENDED else None, f"{self.name} to end", timeout_s)

    def done(self, timeout_s: float = 40.0) -> list[dict[str, Any]]:
        """Its results, once it has ended, and well."""
        view = self.ended(timeout_s)
        assert view["status"] == "done", view
        return list(view["results"])

    def failed(self, timeout_s: float = 40.0) -> list[dict[str, Any]]:
        """Its results, once it has ended, and not well."""
        view = self.ended(timeout_s)
        assert view["status"] == "failed", view
        return list(view["results"])

    def reached(self, status: str) -> "Workflow":
        """Wait for that status."""
        eventually(lambda: self.view()["status"] == status, f"{self.name} to be {status}")
        return self

    def verb(self, name: str) -> requests.Response:
        """POST to one of its verbs."""
        return requests.post(f"{self.location}/{name}", timeout=30)


def start(node: Node, name: str, query: str = "", /, **inputs: Any) -> Workflow:
    """Start a workflow that is to be accepted."""
    answer = node.post(f"/api/workflow/{quote(name)}{query}", json.dumps(inputs))
    assert answer.status_code == 201, f"{answer.status_code}: {answer.text[:1000]}"
    return Workflow(node, answer.headers["Location"], answer.json())
