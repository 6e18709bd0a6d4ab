"""`cameron tree`: the actors of a node."""

from typing import Annotated

import typer

from cameron.cli.options import LOCALLY, Url, Watch


def tree(
    url: Url = LOCALLY,
    watch: Watch = False,
    limit: Annotated[int, typer.Option("--limit", help="How many runners to show; the rest is counted.", min=0, max=10_000)] = 10,
) -> None:
    """Show the supervision tree of a node: each actor's state, restarts, mailbox and work, and how it last crashed."""
    from cameron.cli.screen import show
    from cameron.client import Client
    from cameron.tree_view import TreeView

    view = TreeView()
    with Client(url) as client:
        show(lambda: view.render(client.tree(limit)), watch)
