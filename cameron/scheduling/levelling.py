"""Which nodes give runs that wait to nodes that are idle: one by one from the fullest to the emptiest. Pure.

A node's fullness is its runs, under way and waiting, a place. What is given goes only to nodes that were idle, and makes none of them
fuller than whoever gives; so after all have given, as much as they saw, nobody gives anything back.
"""

from collections import Counter
from collections.abc import Mapping
from heapq import heapify, heappop, heapreplace

from cameron.store.node_load import Runs

AT_ONCE = 1000  # runs that change nodes in a round: whoever gets them has to read their jobs


def gifts(nodes: Runs) -> Counter[tuple[str, str]]:
    """How many of its waiting runs each node gives to which other one, by their names. Its own places stay full."""
    loads = {name: running + waiting for name, (running, waiting, _) in nodes.items()}
    idle = [name for name, (running, waiting, places) in nodes.items() if not waiting and running < places]
    emptiest = [(_fullness(nodes, loads, name, 1), name) for name in idle]
    fullest = [(-_fullness(nodes, loads, name), name) for name in loads if _may_give(nodes, loads, name)]
    heapify(emptiest)
    heapify(fullest)
    given = Counter[tuple[str, str]]()
    while fullest and emptiest and given.total() < AT_ONCE:
        (fullness, giver), (fullness_then, taker) = fullest[0], emptiest[0]
        if fullness_then >= -fullness:
            break
        loads[giver] -= 1
        loads[taker] += 1
        given[giver, taker] += 1
        heapreplace(emptiest, (_fullness(nodes, loads, taker, 1), taker))
        if _may_give(nodes, loads, giver):
            heapreplace(fullest, (-_fullness(nodes, loads, giver), giver))
        else:
            heappop(fullest)
    return given


def _may_give(nodes: Runs, loads: Mapping[str, int], name: str) -> bool:
    running, waiting, places = nodes[name]
    return waiting > 0 and loads[name] > max(running, places) and places > 0


def _fullness(nodes: Runs, loads: Mapping[str, int], name: str, more: int = 0) -> float:
    return (loads[name] + more) / nodes[name][2]
