"""The least that a web API on Falcon and waitress can do: every POST is answered 201 by an empty handler.

python test/benchmark/empty_server.py PATH THREADS        prints its port; ends when its standard input does
"""

import sys
import threading
from typing import Any

import falcon
from waitress.server import create_server


class Empty:
    """Does nothing."""

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Created, it says."""
        response.status = falcon.HTTP_201


def main() -> None:
    app: Any = falcon.App()
    app.add_route(sys.argv[1], Empty())
    server: Any = create_server(app, host="127.0.0.1", port=0, threads=int(sys.argv[2]))
    threading.Thread(target=server.run, daemon=True).start()
    print(server.effective_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
