"""The actor that serves the API: it holds the listening socket, and dies when the loop on it does."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cameron.errors import ConfigError
from cameron.misconfigured import Misconfigured
from cameron.otp import Reason, ThreadActor
from cameron.web.application import Application
from cameron.web.listener import Listener, listen

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WhichAddress:
    """Ask where the server listens; the reply is `Listening`."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the server listens, the port a real one also where 0 was configured."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class _LoopDied:
    error: BaseException


class WebServer(ThreadActor):
    """Serves `app` on waitress from its start to its end, under supervision.

    A port that cannot be bound fails the start as Misconfigured, its text naming the setting. When the server ends, whatever the cause,
    it accepts nothing more, lets nobody wait for a job any longer, gives accepted requests `drain_s` to be answered, and frees the port.
    A port that `is_shared` may be listened on by others of the same user that share it too.
    Give its child specification a shutdown time of `drain_s` and 3 s. `on_listening` is called at the end of a start, in the actor's
    thread; it must not raise.
    """

    def __init__(
        self,
        app: Application,
        host: str,
        port: int,
        threads: int = 8,
        max_body_bytes: int = 1 << 20,
        drain_s: float = 5.0,
        on_listening: Callable[[Listening], None] | None = None,
        is_shared: bool = False,
    ) -> None:
        super().__init__()
        self._app, self._host, self._port, self._is_shared, self._threads = app, host, port, is_shared, threads
        self._max_body_bytes, self._drain_s, self._on_listening = max_body_bytes, drain_s, on_listening
        self._listener: Listener | None = None

    def on_start(self) -> None:
        try:
            sock = listen(self._host, self._port, is_shared=self._is_shared)
        except ConfigError as error:
            self.exit(Misconfigured(error))
            return
        self._listener = Listener(
            self._app,
            sock,
            self._threads,
            self._max_body_bytes,
            self._drain_s,
            self._loop_died,
            lambda: not self.is_fenced,
            self._app.room.close,
            self._app.max_callback_bytes,
        )
        listening = self._listening()
        log.info("listening on http://%s:%d", f"[{listening.host}]" if ":" in listening.host else listening.host, listening.port)
        self._listener.start()
        if self._on_listening is not None:
            self._on_listening(listening)

    def on_receive(self, message: Any) -> Any:
        match message:
            case WhichAddress():
                return self._listening()
            case _LoopDied(error):
                raise RuntimeError("the web server's loop ended by itself") from error
            case _:
                return super().on_receive(message)

    def terminate(self, reason: Reason) -> None:
        if self._listener is not None:
            self._listener.stop()

    def _listening(self) -> Listening:
        assert self._listener is not None, "only a started server is asked"
        return Listening(*self._listener.address)

    def _loop_died(self, error: BaseException) -> None:
        """Loop's thread."""
        self.actor_ref.tell(_LoopDied(error))
