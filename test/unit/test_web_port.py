"""The port on real sockets: who gets it beside whom."""

import re
import socket
from collections.abc import Iterator

import pytest

from cameron.errors import ConfigError
from cameron.web.listener import listen
from cameron.web_port import bind, reserve

HOST = "127.0.0.1"


@pytest.fixture
def reserved() -> Iterator[socket.socket]:
    with reserve(HOST, 0) as held:
        yield held


def port_of(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


def is_taken(port: int, *, is_shared: bool) -> bool:
    try:
        listen(HOST, port, is_shared=is_shared).close()
    except ConfigError as error:
        return re.search(rf"port {port} on {HOST} is already taken: .*CAMERON_WEB_PORT", str(error)) is not None
    return False


def test_a_reserved_port_is_for_those_alone_who_share_it_whether_one_listens_or_not(reserved: socket.socket) -> None:
    port = port_of(reserved)
    assert is_taken(port, is_shared=False)
    with listen(HOST, port, is_shared=True), listen(HOST, port, is_shared=True):
        assert is_taken(port, is_shared=False)
    assert is_taken(port, is_shared=False)
    assert not is_taken(port, is_shared=True)


def test_connections_go_to_those_who_listen_and_none_to_who_holds_the_port(reserved: socket.socket) -> None:
    port = port_of(reserved)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, port), timeout=10)
    with listen(HOST, port, is_shared=True) as one, listen(HOST, port, is_shared=True) as other:
        clients = [socket.create_connection((HOST, port), timeout=10) for _ in range(100)]
        taken = [accepted(one), accepted(other)]
        for client in clients:
            client.close()
    assert sum(taken) == 100
    assert min(taken) > 0


def accepted(sock: socket.socket) -> int:
    """How many connections wait there."""
    sock.setblocking(False)
    for count in range(1000):
        try:
            sock.accept()[0].close()
        except BlockingIOError:
            return count
    raise AssertionError("more connections than were made")


def test_a_port_that_somebody_listens_on_cannot_be_reserved_though_he_shares_it() -> None:
    with listen(HOST, 0, is_shared=True) as other:
        with pytest.raises(ConfigError, match="already taken"):
            reserve(HOST, port_of(other))
        with reserve(HOST, port_of(other), is_shared=True):
            assert not is_taken(port_of(other), is_shared=True)


def test_a_port_is_had_again_at_once_though_old_connections_linger() -> None:
    with listen(HOST, 0) as first:
        port = port_of(first)
        client = socket.create_connection((HOST, port), timeout=10)
        first.accept()[0].close()  # whoever closes first is left with the lingering
        client.close()
    for is_shared in (False, True, False):
        with reserve(HOST, port, is_shared=is_shared), listen(HOST, port, is_shared=True):
            client = socket.create_connection((HOST, port), timeout=10)
            client.close()
    bind(HOST, port).close()


def test_an_unknown_host_is_an_error_that_names_the_setting() -> None:
    with pytest.raises(ConfigError, match=r"'no such host'.*CAMERON_WEB_HOST"):
        reserve("no such host", 0)
