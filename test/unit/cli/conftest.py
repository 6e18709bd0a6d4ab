"""The scripted server on a free port, and commands run in the test's own process where that is all it takes."""

import sys
from collections.abc import Callable, Iterator

import pytest

from cameron import cli
from cameron.web.listener import Listener, listen

from .server import Server


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    listener = Listener(server, listen("127.0.0.1", 0), 2, 1 << 20, 5.0, lambda error: None)
    listener.start()
    server.url = f"http://127.0.0.1:{listener.address[1]}"
    yield server
    listener.stop()


@pytest.fixture
def here(server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command against the server in this process: exit status, stdout and stderr."""
    monkeypatch.setenv("CAMERON_URL", server.url)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["cameron", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run
