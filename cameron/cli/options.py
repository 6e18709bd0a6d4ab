"""The arguments and options that several commands take."""

import re
from typing import Annotated

import typer

from cameron.errors import WrongUse

LOCALLY = "http://localhost:8080"
_LOCATION = re.compile(r"(?:.*/)?api/process/[^/]+/key/[^/]+/job/[^/?#]+")


def _location(text: str) -> str:
    """Raises WrongUse for what cannot be a job's, such as its uuid alone."""
    if not _LOCATION.fullmatch(text):
        raise WrongUse(f"{text!r} is no LOCATION: give what `cameron start` or `cameron jobs` printed")
    return text


Environment = Annotated[str, typer.Option("--env", "-e", help="development, test or production.")]
Url = Annotated[str, typer.Option("--url", envvar="CAMERON_URL", help="Where Cameron listens; a whole LOCATION is asked where it says.")]
Location = Annotated[str, typer.Argument(help="As `cameron start` or `cameron jobs` printed it.", callback=_location)]
ProcessName = Annotated[str, typer.Argument(help="The process's name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Look again every second, until Ctrl-C.")]
Limit = Annotated[int, typer.Option("--limit", "-n", help="How many to show at most.", min=1)]
