"""The port of the API: bound for one program, or for several that share it."""

import errno
import socket

from cameron.errors import ConfigError


def bind(host: str, port: int, *, is_shared: bool = False) -> socket.socket:
    """A bound socket, IPv4 first where `host` has both. Raises ConfigError saying which setting to change.

    Where it `is_shared`, others of the same user that share it too may be bound to the same port: the system gives each connection to one
    of those that listen.
    """
    try:
        found = sorted(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE))
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"cannot find the address {host!r} to listen on ({error}): {_mend('host')}") from error
    family, kind, protocol, _, address = found[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, is_shared)
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise refusal(host, port, error) from error
    return sock


def reserve(host: str, port: int, *, is_shared: bool = False) -> socket.socket:
    """A socket that holds the port for programs that share it, as long as it is open; it must never listen. Raises ConfigError.

    It is bound alone, so that a port that somebody else has is refused, and only then shared. From then on nobody gets the port who does
    not share it, also while none of those listens for whom it is held: hence no SO_REUSEADDR, which only its binding needs.
    """
    sock = bind(host, port, is_shared=is_shared)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    return sock


def refusal(host: str, port: int, error: OSError) -> ConfigError:
    """What to tell a person about a port that cannot be had."""
    if error.errno == errno.EADDRINUSE:
        return ConfigError(f"port {port} on {host} is already taken: stop the program that listens there, or {_mend('port')}")
    if error.errno == errno.EACCES:
        return ConfigError(f"port {port} on {host} needs more rights than this program has: {_mend('port')}, above 1023")
    return ConfigError(f"cannot listen on {host}:{port} ({error.strerror}): {_mend('host')}")


def _mend(key: str) -> str:
    return f"set {key} under [web] in priv/config/<environment>.toml, or CAMERON_WEB_{key.upper()}"
