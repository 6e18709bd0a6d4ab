"""Where a request goes. Scheme and host are the definition's own and the environment's: no input and no reply may have a request, and the
secrets in it, sent elsewhere. So what they give stands behind the host and a `/`, `?` or `#`.
"""

import re
from typing import Final, NamedTuple

from cameron.core.template import TemplateFault, names_in, render
from cameron.definitions.filling import Filling

_OPENING: Final = re.compile(r"\$?\$\{")
_HOST_BEGINS: Final = re.compile(r"[^/?#]*//")
_WITH_HOST: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]+[/?#]")


class Address(NamedTuple):
    """The templates of a URL: up to the first name that is not of the environment, and from there on."""

    own: str
    rest: str

    def fill(self, filling: Filling) -> str:
        """The URL. Raises TemplateFault."""
        own = filling.text(self.own)
        if self.rest and not _WITH_HOST.match(own):
            raise TemplateFault(told(self.rest))
        return own + filling.text(self.rest)


class _Sample:
    """Stands for any value of the environment."""

    def look_up(self, path: tuple[str, ...]) -> str:
        return "e"


def address_of(uri: str) -> Address:
    """Raises TemplateFault where a name in it cannot be read."""
    names_in(uri)
    at = 0
    while opening := _OPENING.search(uri, at):
        at = opening.end()
        if opening[0] == "$${":
            continue
        at = uri.index("}", at) + 1
        [name] = names_in(uri[opening.start() : at])
        if name.path[0] != "env":
            return Address(uri[: opening.start()], uri[opening.start() :])
    return Address(uri, "")


def address_fault(uri: str) -> str | None:
    """What is wrong with a URL whose host others than the definition would choose; None: nothing, or no name in it can be read."""
    try:
        address = address_of(uri)
        own = render(address.own, _Sample())
    except TemplateFault:
        return None
    opened = _HOST_BEGINS.match(own)
    behind = own[opened.end() :] if opened else own  # without //, a variable has to hold all up to the host
    closed = re.search("[/?#]", behind)
    return told(address.rest) if address.rest and not (closed and closed.start()) else None


def told(rest: str) -> str:
    """What is told of the name that `rest` begins with."""
    name = names_in(rest)[0]
    how = f"put a / between the host and it, as in http://service/{name}; where the host itself is to differ, write ${{env.NAME}}"
    return f"{name} would choose the host, to which all is sent, and no input and no reply may: {how}"
