"""How the broker is reached, and what is told where it is not. The first use of it imports pika."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pika
from pika.exceptions import (
    AuthenticationError,
    ChannelClosedByBroker,
    ConnectionClosedByBroker,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)

from cameron.errors import ConfigError
from cameron.rabbitmq.tables import tolerate_odd_values

CONNECT_S = 5.0  # for one address, and as long again for the handshake
DEFAULTS = {"heartbeat": 20, "socket_timeout": CONNECT_S, "stack_timeout": CONNECT_S, "blocked_connection_timeout": 30}
CONNECTION_NAME = {"connection_name": "cameron"}  # for who looks at the broker
REFUSED, INEQUIVALENT, NOT_ALLOWED = 403, 406, 530  # AMQP's reply codes

logging.getLogger("pika").setLevel(logging.CRITICAL)  # it logs each failure several times, with tracebacks; ours says what it comes to
tolerate_odd_values()


class BrokerAway(Exception):
    """The connection does not come about, or is lost: what it was given and has not acknowledged will be given again."""


@contextmanager
def telling(url: str) -> Iterator[None]:
    """Whatever pika raises is BrokerAway, in words that say what to do: a broker's oddities are not to end the node."""
    try:
        yield
    except BrokerAway:
        raise
    except Exception as error:
        raise BrokerAway(f"{place(url)}: {told(error)}") from None


def declare_queue(channel: Any, name: str, setting: str) -> None:
    """A durable queue; `setting` has its name. Raises BrokerAway where it is another one."""
    with declaring("queue", name, setting):
        channel.queue_declare(name, durable=True)


@contextmanager
def declaring(kind: str, name: str, setting: str) -> Iterator[None]:
    """What is there already in another form is BrokerAway, which says what to do."""
    try:
        yield
    except ChannelClosedByBroker as error:
        if error.reply_code != INEQUIVALENT:
            raise
        raise BrokerAway(
            f"the {kind} {name!r} is there already, declared with other properties ({error.reply_text}): "
            f"delete it, or set {setting} to another name"
        ) from None


def parameters_of(url: str) -> pika.URLParameters:
    """pika's form of the address, with deadlines where it has none. Raises ConfigError."""
    try:
        parameters = pika.URLParameters(url)
        for name in DEFAULTS.keys() - parse_qs(urlsplit(url).query).keys():
            setattr(parameters, name, DEFAULTS[name])
        parameters.client_properties = {**CONNECTION_NAME, **(parameters.client_properties or {})}
    except Exception:  # pika checks each part in its own way, and its words may hold a piece of the password
        raise ConfigError(
            "rabbitmq.url cannot be used: write it as amqp://user:password@host:5672/%2F, special characters of user, password and virtual "
            "host percent-encoded, and after a ? no other settings than pika's URLParameters has"
        ) from None
    return parameters


def place(url: str) -> str:
    """The address without its password, for people's eyes."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"


def told(error: BaseException) -> str:
    """What went wrong, and what to do where that is not to wait."""
    cause = _innermost(error)
    said = str(getattr(cause, "reply_text", "") or cause) or type(cause).__name__
    code = getattr(cause, "reply_code", 0)
    if isinstance(error, (ProbableAuthenticationError, AuthenticationError)):
        return f"the broker refuses the user or its password: correct them in rabbitmq.url ({said})"
    if isinstance(error, ProbableAccessDeniedError) or (isinstance(cause, ConnectionClosedByBroker) and code == NOT_ALLOWED):
        return f"the broker refuses the virtual host: correct it in rabbitmq.url, or give the user access to it ({said})"
    if isinstance(cause, ChannelClosedByBroker) and code == REFUSED:
        return f"the user of rabbitmq.url lacks a permission: it has to configure, write and read there ({said})"
    return said


def _innermost(error: BaseException) -> BaseException:
    """pika wraps what has happened, up to three times."""
    while True:
        inner = getattr(error, "exception", None) or next(iter(error.args), None)
        if not isinstance(inner, BaseException):
            return error
        error = inner
