"""The web server as an actor."""

import contextlib
import http.client
from queue import SimpleQueue
from typing import Any

import pytest

from cameron.errors import ConfigError
from cameron.misconfigured import Misconfigured
from cameron.otp import Crash, Reason, Shutdown, StartFailed
from cameron.web.listener import listen
from cameron.web.server import Listening, WebServer, WhichAddress


class Watched(WebServer):
    """Puts its reason of ending where a test can wait for it."""

    ends: SimpleQueue[Reason]

    def terminate(self, reason: Reason) -> None:
        super().terminate(reason)
        self.ends.put(reason)


@pytest.fixture(autouse=True)
def ends() -> SimpleQueue[Reason]:
    Watched.ends = SimpleQueue()
    return Watched.ends


def status_of(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_started_server_listens_and_tells_where(app: Any, ends: SimpleQueue[Reason], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "cameron.web.server")
    told: list[Listening] = []
    ref = Watched.start(app, "127.0.0.1", 0, 2, on_listening=told.append)
    port = ref.ask(WhichAddress(), timeout=10).port
    assert told == [Listening("127.0.0.1", port)]
    assert f"listening on http://127.0.0.1:{port}" in caplog.text
    assert status_of(port, "/api") == 200
    ref.exit()
    assert ends.get(timeout=10) == Shutdown()


def test_a_stopped_server_can_be_started_on_the_same_port_at_once(app: Any, ends: SimpleQueue[Reason]) -> None:
    first = Watched.start(app, "127.0.0.1", 0, 2)
    port = first.ask(WhichAddress(), timeout=10).port
    assert status_of(port, "/api") == 200
    first.exit()
    ends.get(timeout=10)
    second = Watched.start(app, "127.0.0.1", port, 2)
    assert status_of(port, "/api") == 200
    second.exit()
    ends.get(timeout=10)


def test_a_taken_port_fails_the_start_with_what_to_do(app: Any) -> None:
    sock = listen("127.0.0.1", 0)
    port = sock.getsockname()[1]
    with pytest.raises(StartFailed) as failed:
        Watched.start(app, "127.0.0.1", port, 2)
    sock.close()
    assert isinstance(failed.value.reason, Misconfigured)
    assert isinstance(failed.value.reason.error, ConfigError)
    assert f"port {port} on 127.0.0.1 is already taken" in str(failed.value.reason.error)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_server_whose_loop_dies_crashes(app: Any, ends: SimpleQueue[Reason]) -> None:
    ref = Watched.start(app, "127.0.0.1", 0, 2)
    actor = ref.actor_inbox.actor
    assert isinstance(actor, WebServer)
    assert actor._listener is not None
    actor._listener._connections[99999999] = object()  # what poll() cannot watch ends the loop
    port = ref.ask(WhichAddress(), timeout=10).port
    status_of_nothing(port)
    reason = ends.get(timeout=10)
    assert isinstance(reason, Crash)
    assert str(reason.error) == "the web server's loop ended by itself"
    listen("127.0.0.1", port).close()  # free for its successor


def status_of_nothing(port: int) -> None:
    """Wake the loop; whether it still answers is not the point."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        status_of(port, "/api")


def test_a_killed_server_gives_its_port_back(app: Any) -> None:
    ref = Watched.start(app, "127.0.0.1", 0, 2, drain_s=1.0)
    actor = ref.actor_inbox.actor
    assert isinstance(actor, WebServer)
    assert actor._listener is not None
    ref.kill()
    actor._listener._thread.join(10)
    listen("127.0.0.1", actor._listener.address[1]).close()
