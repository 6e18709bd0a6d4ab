"""The WSGI application: the routes, the errors, raw paths and one access line a request."""

import logging
from collections.abc import Iterable
from time import perf_counter
from typing import TYPE_CHECKING, Any

import falcon

from cameron.config import Config
from cameron.web.door import Engine
from cameron.web.errors import add_error_handlers
from cameron.web.paths import use_raw_path, without_token
from cameron.web.routes import apart, routes
from cameron.web.waiting_room import WaitingRoom

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

ACCESS_LOG = "cameron.web.access"


class Application(falcon.App[falcon.Request, falcon.Response]):
    """Falcon on raw paths; what it logs costs one level check where the access log is off.

    Whoever serves it closes its `room` before a stop, so that nobody's waiting holds that up.
    """

    def __init__(self, room: WaitingRoom, max_callback_bytes: int) -> None:
        super().__init__()
        self.room, self.max_callback_bytes = room, max_callback_bytes
        self._access = logging.getLogger(ACCESS_LOG)

    def __call__(self, env: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        use_raw_path(env)
        if self._access.isEnabledFor(logging.INFO):
            return self._logged(env, start_response)
        return super().__call__(env, start_response)

    def _logged(self, env: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        began = perf_counter()
        statuses: list[str] = []

        def noting(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            statuses.append(status)
            return start_response(status, headers, *rest)

        body = super().__call__(env, noting)
        fields = {
            "method": env["REQUEST_METHOD"],
            "path": without_token(env["PATH_INFO"]),
            "status": int(statuses[-1][:3]),
            "ms": round((perf_counter() - began) * 1000, 2),
            "bytes": sum(map(len, body)) if isinstance(body, list) else None,
        }
        self._access.info("request", extra={"fields": fields})
        return body


def create_app(engine: Engine, config: Config) -> Application:
    """The REST API of `engine` for any WSGI server; it may be called from any number of threads."""
    app = Application(WaitingRoom(config.web.threads // 2), config.http.max_reply_bytes)
    add_error_handlers(app, [manner.start for manner in apart(engine.manners())])
    for template, resource in routes(engine, config, app.room):
        app.add_route(template, resource)
    return app
