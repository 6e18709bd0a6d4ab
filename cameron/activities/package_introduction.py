"""What is said of the package of activities once it is imported: in the node's log, and to those who ask how the node is."""

import logging

from cameron.activities.call import Package
from cameron.activities.missing_activity import placed
from cameron.activities.python_package import PythonPackage

log = logging.getLogger("cameron.activities.python")


def introduce(package: PythonPackage) -> Package:
    """Log what was found, and each problem as a warning of its own."""
    for problem in package.problems:
        log.warning("%s", problem)
    count = len(package.activities)
    if count:
        log.info("%s in %s", "1 Python activity" if count == 1 else f"{count} Python activities", placed(package))
    elif package.folder:
        log.warning(
            "there is no Python activity in %s: classes that derive from BaseActivity are, and functions with @activity", placed(package)
        )
    elif package.absence and not package.problems:  # nobody has named it: it is where the environment looks for one
        log.info("there are no Python activities: %s", package.absence)
    isolated = tuple(name for name, activity in package.activities.items() if activity.isolation == "process")
    return Package(package.name, count, package.problems, isolated)
