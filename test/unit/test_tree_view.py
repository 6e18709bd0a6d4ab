"""The tree as a person sees it: aligned, within a hundred columns, with what is wrong in words."""

from io import StringIO
from typing import Any

from rich.console import Console, RenderableType

from cameron.tree_view import TreeView

RUNNER = "job 0123456789abcdef0123456789abcdef"


def actor(name: str, *children: dict[str, Any], **fields: Any) -> dict[str, Any]:
    usual = {"kind": "Actor", "state": "running", "restarts": 0, "mailbox": 0, "oldest_message_s": None, "handled": 0, "last_crash": None}
    return {"name": name, **usual, "children": list(children), "more": 0, **fields}


def answer(root: dict[str, Any], *zombies: str) -> dict[str, Any]:
    return {"node": "web1-7-abc", "tree": root, "zombies": list(zombies)}


def printed(view: RenderableType, **options: Any) -> list[str]:
    out = StringIO()
    Console(file=out, width=100, **options).print(view)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_each_actor_has_a_line_with_its_columns() -> None:
    root = actor("root", actor("web_server", restarts=2, mailbox=3, oldest_message_s=0.25, handled=17))
    assert printed(TreeView().render(answer(root))) == [
        "node web1-7-abc",
        "actor          state      restarts mailbox oldest  handled  per s",
        "root           running           0       0               0",
        "└── web_server running           2       3 250 ms       17",
    ]


def test_a_runner_at_its_depth_fits_into_a_hundred_columns() -> None:
    busy = {"state": "restarting", "restarts": 99_999, "mailbox": 999_999, "oldest_message_s": 604_800.0, "handled": 999_999}
    root = actor("root", actor("engine", actor("job_runner_sup", actor(RUNNER, **busy))))
    view = TreeView()
    view.render(answer(actor("root", actor("engine", actor("job_runner_sup", actor(RUNNER))))), now_s=0.0)
    lines = printed(view.render(answer(root), now_s=1.0))
    assert max(map(len, lines)) <= 100
    assert lines[-1].split()[-6:] == ["99999", "999999", "168", "h", "999999", "999999"]


def test_what_is_left_out_is_counted() -> None:
    assert printed(TreeView().render(answer(actor("root", actor("a"), more=4990))))[-1] == "└── and 4,990 more"


def test_the_last_crash_stands_below_the_actor_on_one_line_without_control_characters() -> None:
    root = actor("root", actor("http", last_crash="crash: OSError: \x1b[31mno\nfiles [bold]left"), actor("b"))
    lines = printed(TreeView().render(answer(root)))
    assert lines[4] == "│   crash: OSError: [31mno files [bold]left"


def test_states_have_colours() -> None:
    root = actor("root", actor("a", state="restarting"), actor("b", state="stopped"))
    text = "\n".join(printed(TreeView().render(answer(root)), force_terminal=True, color_system="standard"))
    assert [colour in text for colour in ("\x1b[1;32mroot", "\x1b[1;33ma", "\x1b[1;31mb")] == [True] * 3


def test_a_second_look_tells_what_was_handled_a_second() -> None:
    view = TreeView()
    view.render(answer(actor("root", actor("a", handled=10), actor("b", handled=50))), now_s=10.0)
    lines = printed(view.render(answer(actor("root", actor("a", handled=15), actor("b", handled=3))), now_s=12.0))
    assert [line.split()[-1] for line in lines[2:]] == ["0.0", "2.5", "1.5"]  # b was started again in between


def test_zombies_are_named() -> None:
    assert printed(TreeView().render(answer(actor("root"), "HttpCalls http")))[-1] == (
        "killed, but their threads have not come back: HttpCalls http"
    )
