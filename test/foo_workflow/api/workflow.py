"""The sample process `foo` as a service of its own: seven activities, each POSTed JSON and answering JSON.

`start` names five activities to run in parallel; the fifth of them names one more. It knows nothing of Cameron.
Beside them are the three steps of the sample workflow `bar`, whose jobs are tickets: its start names `kar` and `xar`.
"""

import json
import logging
import os
import signal
import sys
from types import FrameType
from typing import Any, Final

import falcon
from waitress.server import create_server

PREFIX: Final = "/foo/v0.0.1"
TICKETS: Final = "/workflow"
BAR: Final = {
    "bar": "the likable bar",
    "baz": {"qux": "the awesome qux", "quux": "the amazing quux", "corge": "the great corge"},
}
GRAULT: Final = {
    "grault": "the likable grault",
    "garply": {"waldo": "the awesome waldo", "fred": "the amazing fred", "plugh": "the great plugh"},
}


def who(key: object) -> dict[str, Any]:
    """What `start` finds out about the key it was given."""
    return {
        "who_id": key,
        "who_name": "Leandro Silva",
        "who_login": "leandrosilva.codezone",
        "who_web_info": {"blog": "http://leandrosilva.com.br", "twitter": "codezone"},
        "who_dev_info": {"github": "http://github.com/leandrosilva"},
    }


class Service:
    """Where the service is reached, known once its socket is bound; without `authority`, as the client addressed it."""

    def __init__(self) -> None:
        self.authority = ""

    def at(self, request: falcon.Request, path: str) -> str:
        return f"http://{self.authority or request.netloc}{path}"

    def next_activities(self, request: falcon.Request, *names: str) -> dict[str, Any]:
        base = self.at(request, f"{PREFIX}/activity/")
        return {"parallelizable": "yes", "definitions": [{"name": name, "url": base + name} for name in names]}


class Activity:
    """One activity: prints what it was POSTed, answers its name, its data and the activities that follow."""

    def __init__(self, service: Service, activity: str, name: str, data: dict[str, Any] | None, following: tuple[str, ...] = ()) -> None:
        self.service = service
        self.activity = activity
        self.name = name
        self.data = data
        self.following = following

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        payload = received(self.activity, request)
        data = who(payload.get("key")) if self.data is None else self.data
        reply = {"process": "foo", "name": self.name, "data": data}
        if self.following:
            reply["next_activities"] = self.service.next_activities(request, *self.following)
        response.text = json.dumps(reply, ensure_ascii=False)

    def refuse(self, _request: falcon.Request, _response: falcon.Response) -> None:
        raise falcon.HTTPMethodNotAllowed(["POST"], description="only POST is allowed here")

    # All of them, OPTIONS too, which Falcon would otherwise answer and offer by itself.
    on_get = on_head = on_put = on_patch = on_delete = on_options = refuse


class Step:
    """One step of a ticket, whose key ends its URL: prints what it was POSTed, answers its name, its data and the steps that follow."""

    def __init__(self, service: Service, name: str, following: tuple[str, ...] = ()) -> None:
        self.service = service
        self.name = name
        self.following = following

    def on_post(self, request: falcon.Request, response: falcon.Response, key: str) -> None:
        received(self.name, request)
        reply: dict[str, Any] = {"name": self.name, "data": f"{self.name} has seen {key}"}
        if self.following:
            base = self.service.at(request, TICKETS)  # {key} is for Cameron to put in
            reply |= {"next": [{"name": name, "url": f"{base}/{name}/{{key}}"} for name in self.following], "parallel": "yes"}
        response.text = json.dumps(reply, ensure_ascii=False)


def received(activity: str, request: falcon.Request) -> dict[str, Any]:
    """The JSON object that an activity was POSTed, else 400; printed either way."""
    body = request.bounded_stream.read().decode("utf-8", errors="replace")
    # One write a line: the lines of many threads must not run into one another.
    sys.stdout.write(f"[Request :: {activity}] {' '.join(body.splitlines())}\n")
    sys.stdout.flush()
    return parse(body)


def parse(body: str) -> dict[str, Any]:
    """The JSON object in `body`, else 400."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        raise falcon.HTTPBadRequest(description="the body is not JSON") from None
    if not isinstance(payload, dict):
        raise falcon.HTTPBadRequest(description="the body is JSON, but not an object")
    return payload


def error_as_json(_request: falcon.Request, response: falcon.Response, error: falcon.HTTPError) -> None:
    response.content_type = falcon.MEDIA_JSON
    response.text = json.dumps({"error": error.description or error.title})


def create_app(service: Service) -> falcon.App[falcon.Request, falcon.Response]:
    app: falcon.App[falcon.Request, falcon.Response] = falcon.App()
    app.set_error_serializer(error_as_json)
    acts = [f"act_{number}" for number in range(1, 6)]
    app.add_route(f"{PREFIX}/start", Activity(service, "start", "whois", None, tuple(acts)))
    for act in acts:
        following = ("act_5_sub_1",) if act == "act_5" else ()
        app.add_route(f"{PREFIX}/activity/{act}", Activity(service, act, f"foo_{act}", BAR, following))
    app.add_route(f"{PREFIX}/activity/act_5_sub_1", Activity(service, "act_5_sub_1", "foo_act_5_sub_1", GRAULT))
    app.add_route(f"{TICKETS}/bar/start/{{key:path}}", Step(service, "bar", ("kar", "xar")))
    for step in ("kar", "xar"):
        app.add_route(f"{TICKETS}/{step}/{{key:path}}", Step(service, step))
    return app


def bind(app: falcon.App[falcon.Request, falcon.Response], host: str, port: str) -> Any:
    """waitress on that address; ends the program with a word about it where that cannot be had."""
    if not port.isdecimal() or int(port) > 65_535:
        sys.exit(f"FOO_WORKFLOW_PORT must be a port number, not {port!r}")
    try:
        # One thread an activity call of a busy Cameron; poll, for its select() ends at descriptor 1024.
        return create_server(app, host=host, port=int(port), threads=32, connection_limit=4096, asyncore_use_poll=True)
    except (OSError, ValueError) as error:
        sys.exit(f"cannot listen on {host}:{port} ({error}): stop what listens there, or set FOO_WORKFLOW_HOST and FOO_WORKFLOW_PORT")


def stop(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def main() -> None:
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it warns of every call that waits for a thread
    host = os.environ.get("FOO_WORKFLOW_HOST", "127.0.0.1")
    service = Service()
    server = bind(create_app(service), host, os.environ.get("FOO_WORKFLOW_PORT", "9292"))
    port = server.effective_listen[0][1] if hasattr(server, "effective_listen") else server.effective_port
    if host in ("127.0.0.1", "localhost", "::1"):
        service.authority = f"localhost:{port}"
    signal.signal(signal.SIGTERM, stop)
    print(f"foo listens on http://{service.authority or f'{host}:{port}'}{PREFIX}", flush=True)
    server.run()


if __name__ == "__main__":
    main()
