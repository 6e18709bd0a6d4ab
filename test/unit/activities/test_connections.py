"""Who looks for a connection that is left open."""

from cameron.activities.connections import MOST_KNOWN, Connections


def test_a_call_may_have_one_that_was_left_and_not_taken_since() -> None:
    connections = Connections()
    found = [connections.may_have("a:80")]
    for _ in range(2):
        connections.left("a:80")
    for _ in range(3):
        found.append(connections.may_have("a:80"))
        connections.taken("a:80")
    assert found == [False, True, True, False]


def test_hosts_have_their_own() -> None:
    connections = Connections()
    connections.left("a:80")
    connections.taken("b:80")
    assert (connections.may_have("a:80"), connections.may_have("b:80")) == (True, False)


def test_hosts_are_not_remembered_for_ever() -> None:
    connections = Connections()
    for number in range(MOST_KNOWN + 1):
        connections.left(f"host-{number}:80")
    assert not connections.may_have("host-0:80")
    assert connections.may_have(f"host-{MOST_KNOWN}:80")
