"""Three sample services that work on a text, as one program: `upper`, `reverse` and `space-counter`.

Each is POSTed a JSON object with a `message` and answers one. They know nothing of Cameron.
"""

import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, Final

import falcon
from waitress.server import create_server

SERVICES: Final[Mapping[str, Callable[[str], dict[str, Any]]]] = {
    "upper": lambda message: {"message": message.upper()},
    "reverse": lambda message: {"message": message[::-1]},
    "space-counter": lambda message: {"space_count": message.count(" ")},
}


class TextService:
    """One service: prints what it was POSTed, answers what it makes of the message."""

    def __init__(self, name: str) -> None:
        self.name, self.made_of = name, SERVICES[name]

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        body = request.bounded_stream.read().decode("utf-8", errors="replace")
        # One write a line: the lines of many threads must not run into one another.
        sys.stdout.write(f"[Request :: {self.name}] {' '.join(body.splitlines())}\n")
        sys.stdout.flush()
        response.text = json.dumps(self.made_of(message_in(body)), ensure_ascii=False)


def message_in(body: str) -> str:
    """The `message` of the JSON object in `body`, else 400."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise falcon.HTTPBadRequest(description="the body is not JSON") from None
    message = said.get("message") if isinstance(said, dict) else None
    if not isinstance(message, str):
        raise falcon.HTTPBadRequest(description="the body must be an object with a string called message")
    return message


def error_as_json(_request: falcon.Request, response: falcon.Response, error: falcon.HTTPError) -> None:
    response.content_type = falcon.MEDIA_JSON
    response.text = json.dumps({"error": error.description or error.title})


def create_app() -> falcon.App[falcon.Request, falcon.Response]:
    app: falcon.App[falcon.Request, falcon.Response] = falcon.App()
    app.set_error_serializer(error_as_json)
    for name in SERVICES:
        app.add_route(f"/{name}", TextService(name))
    return app


def bind(app: falcon.App[falcon.Request, falcon.Response], host: str, port: str) -> Any:
    """waitress on that address; ends the program with a word about it where that cannot be had."""
    if not port.isdecimal() or int(port) > 65_535:
        sys.exit(f"TEXT_SERVICES_PORT must be a port number, not {port!r}")
    try:
        return create_server(app, host=host, port=int(port), threads=32, connection_limit=4096, asyncore_use_poll=True)
    except (OSError, ValueError) as error:
        sys.exit(f"cannot listen on {host}:{port} ({error}): stop what listens there, or set TEXT_SERVICES_HOST and TEXT_SERVICES_PORT")


def stop(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def main() -> None:
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it warns of every call that waits for a thread
    host = os.environ.get("TEXT_SERVICES_HOST", "127.0.0.1")
    server = bind(create_app(), host, os.environ.get("TEXT_SERVICES_PORT", "9393"))
    port = server.effective_listen[0][1] if hasattr(server, "effective_listen") else server.effective_port
    signal.signal(signal.SIGTERM, stop)
    at = f"http://{'localhost' if host == '127.0.0.1' else host}:{port}"
    print(f"the text services listen on {', '.join(f'{at}/{name}' for name in SERVICES)}", flush=True)
    server.run()


if __name__ == "__main__":
    main()
