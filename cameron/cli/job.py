"""The commands that are about one job: `cameron job`, `explain`, `cancel`, `retry`."""

from cameron.cli.options import LOCALLY, AsJson, Location, Url


def job(location: Location, url: Url = LOCALLY) -> None:
    """Print everything that has happened in a job, as JSON."""
    from cameron.cli.screen import print_json
    from cameron.client import Client

    with Client(url) as client:
        print_json(client.job(location))


def explain(location: Location, url: Url = LOCALLY, as_json: AsJson = False) -> None:
    """Tell why a job is not moving: what it waits for, or who holds it."""
    from cameron.cli.screen import print_details, print_json, printable
    from cameron.client import Client

    with Client(url) as client:
        explanation = client.explain(location)
    if as_json:
        print_json(explanation)
    else:
        print(printable(explanation["sentence"]))
        print_details({name: value for name, value in explanation.items() if name not in ("sentence", "reasons")})


def cancel(location: Location, url: Url = LOCALLY) -> None:
    """End a job that waits or runs; prints `cancelled`, or `cancelling` where its node was told to."""
    from cameron.client import Client

    with Client(url) as client:
        print(client.cancel(location))


def retry(location: Location, url: Url = LOCALLY) -> None:
    """Run the failed tasks of a job that has ended again; what was done is kept."""
    from cameron.cli.screen import printable
    from cameron.client import Client

    with Client(url) as client:
        tasks = client.retry(location)
    print(printable(f"scheduled, to run again: {', '.join(tasks)}" if tasks else "scheduled"))
