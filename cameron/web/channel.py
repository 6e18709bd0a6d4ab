"""waitress's connection, telling its own refusals (a broken header, a body without end) in our JSON form too."""

from typing import Any

from waitress.channel import HTTPChannel
from waitress.task import ErrorTask
from waitress.utilities import RequestEntityTooLarge

from cameron.web.body import CALLBACK_LIMIT, BodyTooLarge
from cameron.web.errors import error_json


class JsonErrorTask(ErrorTask):  # type: ignore[misc]  # an untyped class
    """Answers a request that never reached the application, then closes its connection."""

    def execute(self) -> None:
        refusal = self.request.error
        code, message = refusal.reason.replace(" ", "_").lower(), f"the request cannot be read as HTTP: {refusal.body}"
        if isinstance(refusal, RequestEntityTooLarge):
            too_large = self.channel.too_large(self.request.path)
            code, message = too_large.code, too_large.message
        body = error_json(code, message)
        self.status = f"{refusal.code} {refusal.reason}"
        self.response_headers.append(("Content-Type", "application/json"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class ApiChannel(HTTPChannel):  # type: ignore[misc]  # an untyped class
    """One client's connection; the limits are those that the client is told of."""

    error_task_class = JsonErrorTask

    def __init__(
        self, server: Any, sock: Any, addr: Any, adj: Any, map: Any = None, *, max_body_bytes: int, max_callback_bytes: int
    ) -> None:
        self._max_body_bytes, self._max_callback_bytes = max_body_bytes, max_callback_bytes
        super().__init__(server, sock, addr, adj, map=map)

    def too_large(self, path: str) -> BodyTooLarge:
        """What is wrong with a body that is not even read."""
        if "/callback/" in path:
            return BodyTooLarge(self._max_callback_bytes, CALLBACK_LIMIT)
        return BodyTooLarge(self._max_body_bytes)

    @property
    def answering(self) -> bool:
        """Whether a whole request is here whose answer has not been sent yet."""
        return bool(self.requests or self.total_outbufs_len)

    @property
    def receiving(self) -> bool:
        """Whether a part of a request has come."""
        return self.request is not None

    def say_goodbye(self) -> None:
        """Let the answers under way carry `Connection: close`, so that their client sends nothing more on this connection."""
        for request in list(self.requests):
            request.headers["CONNECTION"] = "close"
