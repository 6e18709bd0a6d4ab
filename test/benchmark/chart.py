"""The figures of the last run as a picture.

    make chart        or: python test/benchmark/chart.py [--to docs/speed.svg] [--jobs 500]

Reads the last line of `bench.py` in var/bench.jsonl.
"""

import argparse
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from chart_svg import Bar, Panel, svg
from programs import PROJECT

RESULTS = PROJECT / "var" / "bench.jsonl"
PEERS_FLOOR = 1300.0
PEERS = (  # jobs/s of the same work, measured alike on another machine with two cores, at another time
    ("BullMQ flows", 310.0),
    ("Restate", 238.0),
    ("the Erlang original", 120.0),
    ("a loop on requests, 16 threads", 115.0),
    ("Dramatiq", 81.0),
    ("Celery", 50.0),
    ("DBOS", 33.0),
)
LEGEND = (
    "In brackets: share of the plain floor of the same run, a loop written by hand with pycurl and redis-py, without an engine.",
    "The hard floor replays the same from bytes packed beforehand, and parses nothing.",
)


class Results(NamedTuple):
    """What the picture shows."""

    main: Mapping[str, Any]  # a line of `bench.py`
    jobs: str  # of the rounds shown, as the line has them


def results(lines: Iterable[str], jobs: str = "") -> Results:
    """The last ones; of as many jobs a round as asked for, or the fewest. Raises LookupError where there are none."""
    main = None
    for line in map(json.loads, lines):
        if "alone_ms" in line and (not jobs or jobs in line["jobs"]):
            main = line
    if main is None:
        raise LookupError("no figures yet: make bench")
    return Results(main, jobs or min(main["jobs"], key=int))


def panels(found: Results) -> list[Panel]:
    """Ours and the peers', which are another run's on another machine; each beside the floor of its own run."""
    sides = found.main["jobs"][found.jobs]
    plain = sides["plain_floor"]["jobs_per_s"]
    ours = [Bar("Cameron, 1 node", sides["cameron"]["jobs_per_s"], plain, "cameron")]
    if nodes := sides.get("cameron_nodes"):
        ours.append(Bar(f"Cameron, {found.main['options']['nodes']} nodes", nodes["jobs_per_s"], plain, "cameron"))
    ours.append(Bar("plain floor", plain, plain, "floor"))
    ours.append(Bar("hard floor", sides["hard_floor"]["jobs_per_s"], plain, "floor"))
    theirs = [Bar(name, rate, PEERS_FLOOR, "peer") for name, rate in PEERS]
    theirs.append(Bar("plain floor there", PEERS_FLOOR, PEERS_FLOOR, "floor"))
    return [
        Panel(f"This run: {about(found.main)}", ours),
        Panel("Others, not of this run: measured earlier, on another machine with 2 cores", theirs),
    ]


def about(line: Mapping[str, Any]) -> str:
    """When, what and on what."""
    on, day = line["machine"], datetime.fromisoformat(line["date"])
    return f"{on['cpu']}, {on['cores']} cores, Python {on['python']}, {day:%B %Y}, {line['commit']}"


def picture(found: Results) -> str:
    """The SVG."""
    options, service = found.main["options"], found.main["service"].split()[0]
    service = "nginx" if service == "nginx" else "a static service"
    under = (
        f"{int(found.jobs):,} jobs of 7 HTTP calls to {service}, all recorded in Redis, {options['clients']} clients, all on the same cores"
    )
    return svg("Finished foo jobs a second", [under, *LEGEND], panels(found))


def write(results_file: Path, to: Path, jobs: str = "") -> None:
    """Make the picture anew."""
    with results_file.open(encoding="utf-8") as lines:
        to.write_text(picture(results(lines, jobs)), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=PROJECT / "docs" / "speed.svg")
    parser.add_argument("--jobs", default="", help="jobs a round; the fewest of the last run, if not said")
    given = parser.parse_args()
    try:
        write(RESULTS, given.to, given.jobs)
    except (FileNotFoundError, LookupError):
        parser.exit(1, "there are no figures to show; first: make bench\n")
    print(f"wrote {given.to}")


if __name__ == "__main__":
    main()
