"""What a `POST .../start` costs on top of an empty Falcon handler: `python test/benchmark/web.py [SECONDS A ROUND]`.

Both applications run on the same waitress, one after the other in turns, under the same keep-alive clients in another process. The
engine does nothing, so what is compared is routing, the raw path, the body, the Location and the answer. A third line has the access
log on, written as production writes it, to /dev/null.
"""

import http.client
import logging
import multiprocessing
import os
import statistics
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import falcon

from cameron import log
from cameron.config import LogConfig, load
from cameron.core.status import Status
from cameron.definitions import Settings, dialects
from cameron.definitions.manner import Manner
from cameron.web import create_app
from cameron.web.application import ACCESS_LOG
from cameron.web.listener import Listener, listen

CLIENTS, ROUNDS = 4, 5
BODY = b'{"key": "(id,007)", "data": "a benchmark", "requestor": "benchmark"}'
PATH = "/api/process/foo/start"


@dataclass(frozen=True)
class Accepted:
    process: str
    key: str
    uuid: str
    payload: str
    alias: str = ""
    existing: bool = False
    accepted_ms: int = 1_795_225_034_532
    status: Status = Status.SCHEDULED


class IdleEngine:
    """Accepts everything and does nothing."""

    def manners(self) -> list[Manner]:
        return [dialect.manner for dialect in dialects(Settings()).values()]

    def name_of(self, process: str) -> str:
        return process

    def start(self, process: str, body: bytes, idempotency_key: str = "", dialect: str = "") -> Accepted:
        return Accepted(process, "(id,007)", "0" * 32, body.decode())

    def get(self, process: str, key: str, uuid: str) -> bytes:
        return b"{}"

    def status(self) -> dict[str, Any]:
        return {"status": "ok"}


class Empty:
    """The least that Falcon can be asked to do."""

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        response.status = falcon.HTTP_201


def empty_app() -> Any:
    app: Any = falcon.App()
    app.add_route(PATH, Empty())
    return app


def load_server(port: int, seconds: float, counts: Any) -> None:
    """Client's process: as many requests as come back in that time, over kept-alive connections."""

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        count, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            connection.request("POST", PATH, body=BODY)
            response = connection.getresponse()
            response.read()
            assert response.status == 201
            count += 1
        connection.close()
        counts.put(count)

    threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def measure(app: Any, seconds: float) -> tuple[float, float]:
    """Requests a second, and the server's CPU in microseconds a request."""
    listener = Listener(app, listen("127.0.0.1", 0), 8, 1 << 20, 5.0, lambda error: None)
    listener.start()
    context = multiprocessing.get_context("spawn")
    counts = context.Queue()
    client = context.Process(target=load_server, args=(listener.address[1], seconds, counts))
    cpu = time.process_time()
    client.start()
    total = sum(counts.get(timeout=seconds + 60) for _ in range(CLIENTS))
    cpu = time.process_time() - cpu
    client.join()
    listener.stop()
    return total / seconds, cpu / total * 1e6


def cost_of_application(app: Any, calls: int = 20_000) -> float:
    """Microseconds a call of the WSGI application by itself, without a socket."""
    from io import BytesIO

    from falcon.testing import create_environ

    environ = create_environ(PATH, method="POST", body=BODY, host="localhost") | {"REQUEST_URI": PATH}
    began = time.perf_counter()
    for _ in range(calls):
        app({**environ, "wsgi.input": BytesIO(BODY)}, lambda *_: None)
    return (time.perf_counter() - began) / calls * 1e6


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115  where the access log goes
    log.configure(LogConfig(format="json"), "production")
    full = create_app(IdleEngine(), load("test", {}))
    contestants = {"empty Falcon handler": (empty_app(), logging.WARNING), "POST start": (full, logging.WARNING)}
    contestants["POST start, access log on"] = (full, logging.INFO)
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, (app, level) in contestants.items():
            logging.getLogger(ACCESS_LOG).setLevel(level)
            results[name].append(measure(app, seconds))
    floor = statistics.median(rate for rate, _ in results["empty Falcon handler"])
    for name, (app, level) in contestants.items():
        logging.getLogger(ACCESS_LOG).setLevel(level)
        rate, cpu = (statistics.median(column) for column in zip(*results[name], strict=True))
        alone = cost_of_application(app)
        print(f"{name:28} {rate:8.0f} requests/s  {100 * rate / floor:4.0f} %  {cpu:5.0f} us CPU  application alone {alone:5.1f} us")


if __name__ == "__main__":
    main()
