"""`cameron tree`."""

import signal
from typing import Any

from .run import cameron, command
from .server import Server, job

TREE = "GET /api/system/tree"


def tree(**fields: Any) -> dict[str, Any]:
    root = {"name": "root", "kind": "Supervisor", "state": "running", "restarts": 0, "mailbox": 0, "oldest_message_s": None, "handled": 0}
    return {"node": "web1-7-abc", "tree": {**root, "last_crash": None, "children": [], "more": 0, **fields}, "zombies": []}


def test_tree_prints_the_tree(server: Server) -> None:
    server.will(TREE, tree(restarts=3, last_crash="crash: OSError: gone"))
    status, out, err = cameron("tree", "--url", server.url)
    lines = [line.split() for line in out.splitlines()]
    assert (status, err) == (0, "")
    assert lines[0] == ["node", "web1-7-abc"]
    assert lines[2:] == [["root", "running", "3", "0", "0"], ["crash:", "OSError:", "gone"]]


def test_a_tree_of_a_server_that_is_none_of_ours_is_a_1_in_one_line(server: Server) -> None:
    server.will(TREE, job("done"))
    status, out, err = cameron("tree", "--url", server.url)
    assert (status, out) == (1, "")
    assert "check the URL" in err


def test_a_tree_of_nobody_is_a_1_that_says_how_to_start_one() -> None:
    status, out, err = cameron("tree", "--watch", "--url", "http://127.0.0.1:1")
    assert (status, out) == (1, "")
    assert err.startswith("cameron: no Cameron answers at http://127.0.0.1:1 (connection refused): start one with `cameron serve`")


def test_watching_the_tree_goes_on_over_a_failure_until_ctrl_c(server: Server) -> None:
    server.will(TREE, tree(), {"error": {"message": "it is stopping"}}, tree(), tree())
    with command("tree", "--watch", "--url", server.url) as process:
        assert server.last.wait(30)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")
    assert out.count("root") >= 2
    assert "\nit is stopping\n" in out
