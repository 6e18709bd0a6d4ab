"""`cameron health`: how a node and its Redis are."""

from typing import TYPE_CHECKING, Any

import typer

from cameron.cli.options import LOCALLY, AsJson, Url

if TYPE_CHECKING:
    from cameron.client import Client

PARTS = ("definitions", "python")  # that have problems of their own


def health(url: Url = LOCALLY, as_json: AsJson = False) -> None:
    """Tell how a node, its Redis, its Python activities and its broker are, and its processes; ends with 1 where it takes no requests."""
    from cameron.cli.screen import print_details, print_json, printable
    from cameron.client import Client

    with Client(url) as client:
        fit, found = client.health()
        if fit:
            found |= _processes(client)
    if as_json:
        print_json(found)
    else:
        print(printable(f"{found.get('node') or 'the node'}: {found['status']}"))
        print_details(_counted({name: value for name, value in found.items() if name not in ("node", "status", "problems")}))
        for problem in found["problems"]:
            print(printable(f"{problem['severity']}: {problem['text']}"))
        for part in PARTS:
            for text in found.get(part, {}).get("problems", ()):
                print(printable(f"{part}: {text}"))
    raise typer.Exit(0 if fit else 1)


def _counted(found: dict[str, Any]) -> dict[str, Any]:
    """With the numbers of the problems that are told below, each in a line of its own."""
    return {name: part | {"problems": len(part["problems"])} if name in PARTS else part for name, part in found.items()}


def _processes(client: "Client") -> dict[str, Any]:
    """What `/status` has to add, if it answers: Redis may have gone since."""
    from cameron.client import RequestFailed

    try:
        return {"processes": client.processes()}
    except RequestFailed:
        return {}
