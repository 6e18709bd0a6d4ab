"""What is told of an activity that is not there."""

from pathlib import Path

from cameron.activities.missing_activity import AN_ACTIVITY, missing_on_node, placed, why_missing
from cameron.activities.python_activity import PythonActivity
from cameron.activities.python_package import PythonPackage, discover

CHARGE = PythonActivity("charge", "shop.orders", "charge", 0.0, "", "shop/orders.py:12")
PACKAGE = PythonPackage(
    "shop", Path("/srv/priv"), {"charge": CHARGE}, ("one", "two"), {"plain": "a function plain is at shop/a.py:5"}, "/srv/priv"
)
START = "there is no Python activity"


def test_without_a_package_it_says_where_to_name_one() -> None:
    for told in (why_missing, missing_on_node):
        assert told("pay", PythonPackage("", None)) == f"{START} 'pay': name the package that has it as activities_package under [python]"


def test_a_package_that_is_not_there_is_told(tmp_path: Path) -> None:
    found = discover("no_such_package", tmp_path, is_optional=True)
    for told in (why_missing, missing_on_node):
        assert told("pay", found) == f"{START} 'pay' in 'no_such_package': {found.absence}"


def test_what_is_known_of_the_name_is_all_that_is_told() -> None:
    for told in (why_missing, missing_on_node):
        assert told("plain", PACKAGE) == f"{START} 'plain' in 'shop' (/srv/priv): a function plain is at shop/a.py:5"


def test_a_slip_is_told_what_may_have_been_meant() -> None:
    assert why_missing("chargee", PACKAGE) == f"{START} 'chargee' in 'shop' (/srv/priv); did you mean 'charge'?"
    assert why_missing("Nonesuch", PACKAGE) == f"{START} 'Nonesuch' in 'shop' (/srv/priv): {AN_ACTIVITY}"


def test_whoever_looks_at_a_job_is_told_that_the_package_has_problems_but_not_which() -> None:
    more = "; 2 problems of the package are in the log (cameron check lists them)"
    assert missing_on_node("chargee", PACKAGE) == why_missing("chargee", PACKAGE) + more
    one = PACKAGE._replace(problems=("one",))
    assert missing_on_node("pay", one).endswith("; 1 problem of the package is in the log (cameron check lists them)")
    assert missing_on_node("pay", PACKAGE._replace(problems=())) == why_missing("pay", PACKAGE)


def test_a_package_is_told_with_its_folder_where_that_is_known() -> None:
    assert (placed(PACKAGE), placed(PACKAGE._replace(folder=""))) == ("'shop' (/srv/priv)", "'shop'")
