"""What is known of a node's link to the broker."""

from cameron.broker_link import BrokerLink

URL = "amqp://broker:5672/%2F"
SECOND = 1000


def test_a_node_without_a_broker_has_nothing_to_tell() -> None:
    assert (BrokerLink().shown(), BrokerLink().problem) == (None, "")


def test_a_link_that_is_just_being_made_is_no_problem() -> None:
    link = BrokerLink()
    link.retrying(URL, SECOND)
    assert link.shown() == {"url": URL, "state": "retrying", "since": "1970-01-01T00:00:01.000Z", "error": None}
    assert link.problem == ""


def test_why_there_is_none_is_told_since_the_first_failure() -> None:
    link = BrokerLink()
    link.consuming(URL, 1 * SECOND)
    link.retrying(URL, 2 * SECOND, "connection reset")
    link.retrying(URL, 3 * SECOND, "connection refused")
    assert link.shown() == {"url": URL, "state": "retrying", "since": "1970-01-01T00:00:02.000Z", "error": "connection refused"}
    assert link.problem == "no jobs are started by message: connection refused; tried again until it works"


def test_a_link_that_works_again_forgets_its_trouble() -> None:
    link = BrokerLink()
    link.retrying(URL, 2 * SECOND, "connection reset")
    link.consuming(URL, 4 * SECOND)
    assert link.shown() == {"url": URL, "state": "consuming", "since": "1970-01-01T00:00:04.000Z", "error": None}
    assert link.problem == ""
