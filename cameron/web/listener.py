"""The socket the API listens on, and waitress's loop on it: one thread for all connections, `threads` for the requests."""

import logging
import socket
import threading
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any

from waitress import wasyncore
from waitress.server import create_server

from cameron.web.channel import ApiChannel
from cameron.web_port import bind, refusal

log = logging.getLogger(__name__)

LOOP_TIMEOUT_S = 1.0  # how often the loop looks after idle connections; a stop wakes it at once
DRAIN_STEP_S = 0.05  # how often a stopping loop looks at its clock
PARTIAL_GRACE_S = 1.0  # a stopping server waits this long for the rest of a request that has only begun to come
MAX_CONNECTIONS = 1000
READ_AHEAD = 4  # bodies up to this many times the limit are read, so that a client that is still sending gets to see its 413
RESERVE_BYTES = 65536  # room above a very small limit


def listen(host: str, port: int, *, is_shared: bool = False) -> socket.socket:
    """A listening socket. Raises ConfigError saying which setting to change."""
    sock = bind(host, port, is_shared=is_shared)
    try:
        sock.listen(1024)
    except OSError as error:
        sock.close()
        raise refusal(host, port, error) from error
    return sock


class Listener:
    """A WSGI application served on `sock` by daemon threads, from `start` to `stop`.

    `on_death` is called in the loop's thread when the loop ends without having been asked to, with its error. Once `is_wanted`
    (asked at each turn of the loop) says no, the loop ends as from `stop`: whoever was to stop it is gone. However it ends,
    `on_stopping` is called first, in the same thread: requests that wait for something are to be answered as things are.
    Only that thread touches waitress's connections: it is also the one that drains and closes them.
    """

    def __init__(
        self,
        app: Any,
        sock: socket.socket,
        threads: int,
        max_body_bytes: int,
        drain_s: float,
        on_death: Callable[[BaseException], None],
        is_wanted: Callable[[], bool] = lambda: True,
        on_stopping: Callable[[], None] = lambda: None,
        max_callback_bytes: int = 0,
    ) -> None:
        for name in ("waitress", "waitress.queue"):  # "Task queue depth is 1" is nothing to tell a person
            logging.getLogger(name).setLevel(logging.ERROR)
        self._sock, self._drain_s, self._on_death, self._is_wanted = sock, drain_s, on_death, is_wanted
        self._on_stopping = on_stopping
        self._stopping = threading.Event()
        self._gate, self._closed = threading.Lock(), False  # a closed trigger's descriptor may be somebody else's by now
        self._connections: dict[int, Any] = {}
        self._server = create_server(
            app,
            map=self._connections,
            sockets=[sock],
            threads=threads,
            ident="Cameron",
            backlog=1024,
            connection_limit=MAX_CONNECTIONS,
            max_request_body_size=max(READ_AHEAD * max_body_bytes, max_callback_bytes) + RESERVE_BYTES,
            clear_untrusted_proxy_headers=False,  # nothing here reads X-Forwarded-*, and clearing them costs every request
            asyncore_use_poll=True,  # select() fails on descriptors above 1023, and calls to activities take thousands
        )
        self._server.channel_class = partial(ApiChannel, max_body_bytes=max_body_bytes, max_callback_bytes=max_callback_bytes)
        self._thread = threading.Thread(target=self._run, name="web-loop", daemon=True)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port as bound."""
        return str(self._server.effective_host), int(self._server.effective_port)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Accept nothing more, let what was accepted end for `drain_s`, close all and free the port. Any thread but the loop's."""
        self._stopping.set()
        with self._gate:
            if not self._closed:
                self._server.pull_trigger()
        self._thread.join(self._drain_s + 2 * LOOP_TIMEOUT_S)
        if self._thread.is_alive():
            log.error("the web server's loop did not end within %.0f s and is abandoned", self._drain_s + 2 * LOOP_TIMEOUT_S)
            self._sock.close()

    def _run(self) -> None:
        died: BaseException | None = None
        try:
            while self._is_wanted() and not self._stopping.is_set():
                wasyncore.poll2(LOOP_TIMEOUT_S, self._connections)
            self._on_stopping()
            self._drain(monotonic() + self._drain_s)
        except BaseException as error:
            died = error
            self._on_stopping()
        finally:
            self._close()
        if died is not None:
            self._on_death(died)

    def _drain(self, deadline: float) -> None:
        """Let the requests that have come be answered, and close each connection as soon as it owes nothing."""
        self._server.del_channel()
        self._sock.close()
        wasyncore.poll2(0, self._connections)  # take in what already waits in the sockets
        partial_deadline = min(deadline, monotonic() + PARTIAL_GRACE_S)
        while (now := monotonic()) < deadline:
            owing = [c for c in self._channels() if c.answering or (c.receiving and now < partial_deadline)]
            for channel in owing:  # first: a client who sees another connection closed may already read its answer on this one
                channel.say_goodbye()
            for channel in set(self._channels()).difference(owing):
                channel.handle_close()
            if not owing:
                return
            wasyncore.poll2(DRAIN_STEP_S, self._connections)
        log.warning("%d request(s) were still unanswered after %.1f s; their connections are closed", len(self._channels()), self._drain_s)

    def _channels(self) -> list[ApiChannel]:
        return list(self._server.active_channels.values())

    def _close(self) -> None:
        for channel in self._channels():
            channel.handle_close()
        self._sock.close()
        requests = self._server.task_dispatcher
        requests.shutdown(timeout=LOOP_TIMEOUT_S)
        if requests.threads:  # one still stuck in a request may yet pull the trigger, so that stays open for as long
            threading.Thread(target=self._close_trigger, args=(requests,), name="web-close", daemon=True).start()
        else:
            self._close_trigger(requests)

    def _close_trigger(self, requests: Any) -> None:
        with requests.lock:
            while requests.threads:
                requests.thread_exit_cv.wait()
        with self._gate:
            self._closed = True
        wasyncore.close_all(self._connections, ignore_all=True)
