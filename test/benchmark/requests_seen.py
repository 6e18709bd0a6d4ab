"""What a foo job's calls look like on the wire: a node runs one job against the service that remembers them."""

from pathlib import Path
from typing import Any

import service
from clients import accepted, connect, start_request
from ending import await_end
from programs import start_node

MOST_BYTES = 65536


def requests_seen(folder: Path, store: Any, redis_url: str) -> dict[str, str]:
    """Raw HTTP by path. `store` is a client of the Redis at that URL, which is left with the job in it. Raises where the job fails."""
    folder.mkdir()
    with service.start(folder, "python") as remembering:
        node, port = start_node(folder, redis_url, remembering.start_url, {}, None)
        with node, connect(port) as connection:
            connection.sendall(start_request(port))
            answer = b""
            while not accepted(answer):
                answer += connection.recv(MOST_BYTES)
            await_end(store, node)
            seen = remembering.requests()
            if uncalled := [path for path, text in seen.items() if "X-Cameron-Task: " not in text]:  # called by its check alone
                raise RuntimeError(f"the job has not called {', '.join(uncalled)}:\n{node.log.read_text(errors='replace')[-4000:]}")
            return seen
