"""How the broker is reached, and what is told where it is not."""

import sys

import pytest
from pika.adapters.utils.connection_workflow import AMQPConnectorAMQPHandshakeError, AMQPConnectorSocketConnectError
from pika.exceptions import (
    AMQPConnectionError,
    ChannelClosedByBroker,
    ConnectionClosedByBroker,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
    StreamLostError,
)

from cameron import rabbitmq
from cameron.errors import ConfigError
from cameron.rabbitmq.broker import parameters_of, place, told


def test_every_wait_for_the_broker_has_a_bound() -> None:
    parameters = parameters_of("amqp://bob:secret@broker:5673/here")
    assert (parameters.host, parameters.port, parameters.virtual_host) == ("broker", 5673, "here")
    bounds = (parameters.heartbeat, parameters.socket_timeout, parameters.stack_timeout, parameters.blocked_connection_timeout)
    assert bounds == (20, 5.0, 5.0, 30)
    assert parameters.client_properties == {"connection_name": "cameron"}


def test_the_address_may_say_otherwise() -> None:
    parameters = parameters_of("amqps://broker/%2F?heartbeat=7&socket_timeout=1.5")
    assert (parameters.port, parameters.virtual_host, parameters.heartbeat, parameters.socket_timeout) == (5671, "/", 7, 1.5)
    assert parameters.ssl_options is not None


@pytest.mark.parametrize(
    "url", ["amqp://broker:port/", "amqp://bob:sec/ret@broker/", "amqp://broker/%2F?heartbeat=often", "amqp://broker/%2F?nonsense=1"]
)
def test_an_address_that_cannot_be_used_is_a_config_error_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError, match=r"rabbitmq\.url cannot be used: write it as amqp://user:password@host:5672/%2F") as raised:
        rabbitmq.check(url)
    assert "sec" not in str(raised.value)


def test_without_pika_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pika", None)
    with pytest.raises(ConfigError, match=r"pip install pika, or in a checkout of Cameron pip install '\.\[rabbitmq\]'"):
        rabbitmq.check("amqp://broker/")


def test_people_are_shown_an_address_without_its_password() -> None:
    assert place("amqp://bob:secret@broker:5673/here?heartbeat=7") == "amqp://broker:5673/here"
    assert place("amqps://broker") == "amqps://broker"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (AMQPConnectionError(AMQPConnectorSocketConnectError(ConnectionRefusedError(111, "Connection refused"))), "Connection refused"),
        (AMQPConnectorAMQPHandshakeError(StreamLostError("it is gone")), "it is gone"),
        (TimeoutError(), "TimeoutError"),
        (ProbableAuthenticationError(ConnectionClosedByBroker(403, "NO")), "correct them in rabbitmq.url (NO)"),
        (ProbableAccessDeniedError(StreamLostError("gone")), "the broker refuses the virtual host: correct it in rabbitmq.url"),
        (ConnectionClosedByBroker(530, "NOT_ALLOWED"), "the broker refuses the virtual host"),
        (ChannelClosedByBroker(403, "ACCESS_REFUSED"), "lacks a permission: it has to configure, write and read there (ACCESS_REFUSED)"),
        (ChannelClosedByBroker(404, "NOT_FOUND - no queue"), "NOT_FOUND - no queue"),
        (ConnectionClosedByBroker(320, "CONNECTION_FORCED"), "CONNECTION_FORCED"),
    ],
)
def test_what_went_wrong_is_told_by_its_innermost_cause(error: BaseException, words: str) -> None:
    assert words in told(error)
