"""Where a URL leads: checked, made ASCII, and its host named, before libcurl sees it."""

import re
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

from cameron.activities.call import InvalidCall

PORTS = {"http": 80, "https": 443}
URL_CHARACTERS = "!#$%&'()*+,/:;=?@[]~"  # stay as they are when the rest is percent-encoded
USER = re.compile(r"(?<=//)[^/?#]*@")  # user and password, which no message shows


class Target(NamedTuple):
    """A URL that can be called."""

    url: str  # ASCII, as libcurl is given it
    host: str  # "host:port": calls are queued and limited by it
    shown: str  # the URL for messages, without user and password
    is_name: bool  # whether the host has to be looked up, being no IP address


@lru_cache(maxsize=4096)
def target(url: str) -> Target:
    """Check the URL and say where it leads; raises InvalidCall."""
    shown = USER.sub("", url, count=1)
    if not url.isprintable() and any(ord(character) < 32 or ord(character) == 127 for character in url):
        raise InvalidCall(f"the URL {shown!r} holds a control character: percent-encode it")
    try:
        parts = urlsplit(url)
        host = _host(parts.hostname or "")
        port = parts.port or PORTS.get(parts.scheme)
        wire = url if url.isascii() and " " not in url else _ascii(parts, host)
    except ValueError as error:
        raise InvalidCall(f"the URL {shown!r} cannot be read ({error}): give http://host[:port]/path") from error
    if parts.scheme not in PORTS:
        raise InvalidCall(f"the URL {shown!r} is not called: only http and https URLs are")
    if not host or " " in host:
        raise InvalidCall(f"the URL {shown!r} names no host: give http://host[:port]/path")
    return Target(wire, f"{host}:{port}", shown, not _is_address(host))


def _host(name: str) -> str:
    """The host in ASCII, an IPv6 address in brackets; raises ValueError (UnicodeError is one)."""
    if ":" in name:
        return f"[{name}]"
    return name if name.isascii() else name.encode("idna").decode("ascii")


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _ascii(parts: SplitResult, host: str) -> str:
    """The same URL percent-encoded; raises ValueError where it has no encoding."""
    user, at, _ = parts.netloc.rpartition("@")
    place = host if parts.port is None else f"{host}:{parts.port}"
    path, query = quote(parts.path, URL_CHARACTERS), quote(parts.query, URL_CHARACTERS)
    return urlunsplit((parts.scheme, f"{quote(user, URL_CHARACTERS)}{at}{place}", path, query, ""))
