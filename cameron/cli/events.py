"""`cameron events`: what has happened in a job and what was decided, a line an event."""

import sys
from typing import Annotated, Any

import typer

from cameron.cli.options import LOCALLY, Location, Url

WIDTH = len("task.attempt_failed")  # of the longest word
BARE = ("task", "text")  # what stands without its name: the one first, the other last


def events(
    location: Location,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")] = False,
    url: Url = LOCALLY,
    as_json: Annotated[bool, typer.Option("--json", help="Print each event as a JSON object on a line of its own, for programs.")] = False,
) -> None:
    """Print what has happened in a job and what was decided, in order."""
    import json

    from cameron.client import Client

    with Client(url) as client:
        is_told, before = False, dict[str, Any]()
        for page in client.event_pages(location, follow=follow):
            if page["dropped"] and not is_told:
                is_told = True
                print("cameron: the first events of this job are no longer kept", file=sys.stderr, flush=True)
            for event in page["events"]:
                print(json.dumps(event, ensure_ascii=False) if as_json else line(without_repeated(event, before)), flush=follow)
                before = event


def without_repeated(event: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """The event without a text that says no more than its decision does, or than the event before it of the same task."""
    is_repeated = "task" in event and all(event.get(member) == before.get(member) for member in ("task", "text"))
    is_decided = event["event"] == "decided" and "decision" in event
    return {name: value for name, value in event.items() if name != "text"} if is_repeated or is_decided else event


def line(event: dict[str, Any]) -> str:
    """When, what, and all else that is said of it, for a person."""
    from cameron.cli.screen import printable

    named = [f"{name} {value}" for name, value in event.items() if name not in ("id", "time", "event", *BARE)]
    about = ", ".join(text for text in (str(event.get("task", "")), *named, str(event.get("text", ""))) if text)
    return f"{printable(event['time'])}  {printable(event['event']):<{WIDTH}}  {printable(about)}".rstrip()
