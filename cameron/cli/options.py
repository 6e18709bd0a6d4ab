"""The arguments and options that several commands take."""

import re
from typing import Annotated

import typer

from cameron.errors import WrongUse

LOCALLY = "http://localhost:8080"
_FIELD = re.compile(r"\{(\w+)\}")
_UUID = "[0-9a-f]{32}"


def _location(text: str) -> str:
    """Raises WrongUse for what cannot be a job's of any dialect, such as its uuid alone."""
    from cameron.definitions import Settings, dialects

    shapes = "|".join(_shape(dialect.manner.job) for dialect in dialects(Settings()).values())
    if not re.fullmatch(f"(?:.*/)?(?:{shapes})", text):
        raise WrongUse(f"{text!r} is no LOCATION: give what `cameron start` or `cameron jobs` printed, or what a start was answered with")
    return text


def _shape(path: str) -> str:
    """A pattern for the paths of a template, without the slash at their front: each field takes one segment."""
    literals_and_fields = enumerate(_FIELD.split(path.lstrip("/")))
    return "".join(re.escape(part) if at % 2 == 0 else _UUID if part == "uuid" else "[^/?#]+" for at, part in literals_and_fields)


Environment = Annotated[str, typer.Option("--env", "-e", help="development, test or production.")]
Url = Annotated[str, typer.Option("--url", envvar="CAMERON_URL", help="Where Cameron listens; a whole LOCATION is asked where it says.")]
Location = Annotated[
    str, typer.Argument(help="A job's, of any dialect: as `cameron start` or `cameron jobs` printed it.", callback=_location)
]
ProcessName = Annotated[str, typer.Argument(help="The process's name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Look again every second, until Ctrl-C.")]
Limit = Annotated[int, typer.Option("--limit", "-n", help="How many to show at most.", min=1)]
