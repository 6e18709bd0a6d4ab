"""How this node's link to the message broker is: written by the actor that has it, read by those who tell of the node's health."""

from typing import Any, NamedTuple

from cameron.core.moment import rfc3339


class _State(NamedTuple):
    url: str
    state: str  # consuming | retrying
    since_ms: int
    error: str


class BrokerLink:
    """Belongs to a node and outlives the restarts of that actor. Any thread: what is known is replaced as a whole."""

    def __init__(self) -> None:
        self._known: _State | None = None

    def consuming(self, url: str, now_ms: int) -> None:
        """Messages come; `url` without its password."""
        self._known = _State(url, "consuming", now_ms, "")

    def retrying(self, url: str, now_ms: int, error: str = "") -> None:
        """There is no connection, and why; "": it is only just being made. The moment stays that of the first of such calls in a row."""
        was = self._known
        since_ms = was.since_ms if was and was.state == "retrying" else now_ms
        self._known = _State(url, "retrying", since_ms, error)

    @property
    def problem(self) -> str:
        """For a person; "": there is none."""
        error = self._known.error if self._known else ""
        return f"no jobs are started by message: {error}; tried again until it works" if error else ""

    def shown(self) -> dict[str, Any] | None:
        """`{"url", "state", "since", "error"}`, `since` in RFC 3339, `error` None where all is well; None where there is no link at all."""
        if self._known is None:
            return None
        url, state, since_ms, error = self._known
        return {"url": url, "state": state, "since": rfc3339(since_ms), "error": error or None}
