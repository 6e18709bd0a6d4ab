"""A scripted server for the commands to talk to."""

import json
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl


@dataclass
class Server:
    """Takes every start. Answers whatever else it is asked as `will` has it, one answer after the other, the last one for ever."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)  # of starts
    asked: list[str] = field(default_factory=list)  # "METHOD /path" of all else
    queries: list[dict[str, str]] = field(default_factory=list)  # that came with it
    existing: bool = False  # whether the job that is started is there already
    polled: threading.Event = field(default_factory=threading.Event)  # something was answered
    last: threading.Event = field(default_factory=threading.Event)  # the last answer of some path was given
    _answers: dict[str, list[tuple[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    def will(self, asked: str, *answers: Any, status: str = "200 OK") -> None:
        """Answer `asked`, such as "GET /job", with these documents in turn."""
        self._answers[asked] += [(status, answer) for answer in answers]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        body = environ["wsgi.input"].read()
        asked = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
        if asked.endswith("/start"):
            self.bodies.append(body)
            start_response("200 OK" if self.existing else "201 Created", [("Location", f"{self.url}/job")])
            return [b'{"payload": ""}']
        self.asked.append(asked)
        self.queries.append(dict(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True)))
        status, document = self._answer(asked)
        start_response(status, [])
        return [json.dumps(document).encode()]

    def _answer(self, asked: str) -> tuple[str, Any]:
        answers = self._answers.get(asked)
        if not answers:
            return "404 Not Found", {"error": {"code": "job_not_found", "message": "check the Location you were given"}}
        self.polled.set()
        if len(answers) == 1:
            self.last.set()
        return answers.pop(0) if len(answers) > 1 else answers[0]


def explained(status: str, **details: Any) -> dict[str, Any]:
    """An explanation of a job of that status."""
    return {"status": status, "sentence": "It is.", **details}


def job(status: str, **tasks: str) -> dict[str, Any]:
    """A job as GET shows it."""
    shown = [{"name": name, "status": {"current": current, "time": "11-20-2026 10:11:12"}} for name, current in tasks.items()]
    return {"status": {"current": status}, "tasks": shown}
