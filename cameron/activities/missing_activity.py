"""What is told of an activity that a definition names and the package does not have."""

import difflib

from cameron.activities.python_package import PythonPackage

NEAR_MAX = 3  # names that may have been meant
AN_ACTIVITY = "an activity is a class that derives from BaseActivity, or a function with @activity"


def placed(package: PythonPackage) -> str:
    """The package, and where it lies: "'activities' (/srv/shop/priv)"."""
    return f"{package.name!r} ({package.folder})" if package.folder else repr(package.name)


def why_missing(name: str, package: PythonPackage) -> str:
    """For a person: there is no such one, and what speaks of it in the package."""
    if not package.name:
        return f"there is no Python activity {name!r}: name the package that has it as activities_package under [python]"
    text = f"there is no Python activity {name!r} in {placed(package)}"
    if package.absence:
        return f"{text}: {package.absence}"
    if hint := package.hints.get(name):
        return f"{text}: {hint}"
    near = difflib.get_close_matches(name, package.activities, n=NEAR_MAX)
    return f"{text}; did you mean {' or '.join(map(repr, near))}?" if near else f"{text}: {AN_ACTIVITY}"


def missing_on_node(name: str, package: PythonPackage) -> str:
    """The same for who looks at a job: problems that do not name it are in the node's log."""
    text, count = why_missing(name, package), len(package.problems)
    if not count or name in package.hints or package.absence:
        return text
    problems = "problem of the package is" if count == 1 else "problems of the package are"
    return f"{text}; {count} {problems} in the log (cameron check lists them)"
