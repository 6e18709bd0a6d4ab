"""The service that foo jobs call: nginx where there is one, else a loop in Python; both answer the same."""

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import nginx_service
from programs import Program, await_ready, free_port, start_service
from static_service import START_PATH, bodies

KINDS = ("nginx", "python")
_OPEN = build_opener(ProxyHandler({})).open


class Service(AbstractContextManager["Service"]):
    """One that runs; ended at the end of a `with`."""

    def __init__(self, program: Program, port: int, name: str) -> None:
        self.program, self.port, self.name = program, port, name
        self._asked = 0  # how often nginx was asked for its count, as it counts that, too

    def __exit__(self, *raised: Any) -> None:
        self.program.__exit__(*raised)

    @property
    def start_url(self) -> str:
        """Where a foo job begins."""
        return f"http://127.0.0.1:{self.port}{START_PATH}"

    def calls(self) -> int:
        """How many calls it has answered."""
        status = self._seen()
        if not self.name.startswith("nginx"):
            return int(json.loads(status)["calls"])
        self._asked += 1
        return nginx_service.requests(status) - self._asked

    def requests(self) -> dict[str, str]:
        """The last request for each path, raw. The one in Python remembers them, nginx does not."""
        return dict(json.loads(self._seen())["requests"])

    def check(self) -> None:
        """Raises where it answers anything but what it is to answer."""
        for path, body in bodies(self.port).items():
            with _OPEN(Request(f"http://127.0.0.1:{self.port}{path}", b"{}"), timeout=10) as answer:
                if json.loads(answer.read()) != json.loads(body):
                    raise RuntimeError(f"{self.name} answers something else at {path}")

    def _seen(self) -> str:
        with _OPEN(f"http://127.0.0.1:{self.port}{nginx_service.STATUS}", timeout=10) as answer:
            return str(answer.read().decode())


def start(folder: Path, kind: str = "") -> Service:
    """The one asked for, "" for the best that there is. Raises where nginx is asked for and not there."""
    version = "" if kind == "python" else nginx_service.version()
    if kind == "nginx" and not version:
        raise RuntimeError("there is no nginx; on Debian: apt-get install nginx-light")
    service = _nginx(folder, version) if version else Service(*start_service(folder), "a loop in Python")
    try:
        service.check()
    except BaseException:
        service.program.__exit__(None, None, None)
        raise
    return service


def _nginx(folder: Path, version: str) -> Service:
    place, port = folder / "nginx", free_port()
    place.mkdir()
    (place / "nginx.conf").write_text(nginx_service.configuration(place, port, bodies(port)))
    log = str(place / "nginx.log")
    program = Program(folder, "service", [nginx_service.find(), "-p", str(place), "-e", log, "-c", str(place / "nginx.conf")])
    service = Service(program, port, f"nginx {version}")
    try:
        await_ready(program, service.calls, OSError)
    except BaseException:
        program.__exit__(None, None, None)
        raise
    return service
