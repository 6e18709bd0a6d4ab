"""Where this folder is on PYTHONPATH, `http://foobar.com` is the port FOOBAR_PORT of this machine: the name alone is resolved otherwise."""

import os
import socket
from typing import Any

NAME = "foobar.com"
resolve = socket.getaddrinfo


def resolve_here(host: Any, port: Any, *more: Any, **options: Any) -> Any:
    """As `socket.getaddrinfo`."""
    if host == NAME:
        host, port = "127.0.0.1", int(os.environ["FOOBAR_PORT"])
    return resolve(host, port, *more, **options)


socket.getaddrinfo = resolve_here
