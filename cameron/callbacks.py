"""The URLs by which a task's outcome comes later: nobody can guess one, and every node knows its own and the others'."""

import hashlib
import hmac
from collections.abc import Callable
from urllib.parse import quote

from cameron.store.secret import Secret

SEGMENT_SAFE = "(),:@!$&'*;=~-._+"  # what may stand in a segment of a path as it is; the web API encodes its own alike


class Callbacks:
    """For any thread. `base_url` tells where this node's API is reached: `http://host:port`, or what stands before it."""

    def __init__(self, secret: Secret, base_url: Callable[[], str]) -> None:
        self._secret, self._base_url = secret, base_url

    def learn(self) -> None:
        """Know the secret as Redis has it now. Blocks for a round trip or two; raises StoreUnavailable."""
        self._secret.keep()

    def token(self, process: str, uuid: str, task: str, retries: str = "") -> str:
        """64 hex digits that the secret makes of the task's name, and of how often its job was retried: the record's `retries`.

        Never blocks; raises RuntimeError before the first `learn`.
        """
        secret = self._secret.known
        if not secret:
            raise RuntimeError("the secret of the callback URLs is not known yet: call learn() before anything runs")
        return hmac.new(secret.encode(), f"{process} {uuid} {retries} {task}".encode(), hashlib.sha256).hexdigest()

    def url(self, process: str, key: str, uuid: str, task: str, retries: str = "") -> str:
        """Where the task's callback is POSTed; as `token`."""
        token = self.token(process, uuid, task, retries)
        segments = ("process", process, "key", key, "job", uuid, "task", task, "callback", token)
        return "/".join((f"{self._base_url().rstrip('/')}/api", *(quote(segment, safe=SEGMENT_SAFE) for segment in segments)))

    def is_right(self, process: str, uuid: str, task: str, token: str, retries: str = "") -> bool:
        """Whether the token is that task's. Never blocks; False for all before the first `learn`."""
        return bool(self._secret.known) and token.isascii() and hmac.compare_digest(self.token(process, uuid, task, retries), token)
