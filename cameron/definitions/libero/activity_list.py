"""The list of activities of Libero Flow's workflows: what a definition says of each, and which of them waits for which.

{"name": "ChargeActivity", "independent": false, "required": true, "config": {"currency": "EUR"}, "max_retries": 5}
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

from cameron.core.process import TEMPORARY, Activity, Calling, RetryPolicy
from cameron.core.strict_json import NotJson, compact
from cameron.definitions.kinds import WrongMember, read_call
from cameron.definitions.settings import Settings

Document = Mapping[str, Any]

KIND: Final = "python"  # of an activity that does not say
MAX_RETRIES: Final = 3  # of one that does not say
ENGINES_OWN: Final = ("max_retries", "retry_delay_s", "timeout_s", "isolation")  # settings that may stand beside the name and in a config
NEAR: Final = 0.75  # of 1, how alike two names are of which one may be meant for the other: a `location` is no `isolation`
_OF_A_KIND: Final = ("kind", "activity", "isolation", "url", "command", "delay_s")


class Own(NamedTuple):
    """What the dialect keeps with an activity, besides what all dialects have."""

    name: str  # as the definition has it
    independent: bool
    config: bytes  # the workflow's with the activity's over it, a JSON object


def read_activities(document: Document, settings: Settings) -> tuple[Activity, ...]:
    """The activities of a definition that fits the schema. Raises NotJson, which begins with the place."""
    listed, common = document["activities"], document.get("config", {})
    names = task_names([said["name"] for said in listed])
    after = waits([said.get("independent", False) for said in listed])
    activities: list[Activity] = []
    for at, (name, said) in enumerate(zip(names, listed, strict=True)):
        try:
            activities.append(_activity(name, tuple(names[earlier] for earlier in after[at]), said, common, settings))
        except WrongMember as error:
            raise NotJson(f"$.activities[{at}].{error.member}: {error.told}") from None
        except NotJson as error:
            raise NotJson(f"$.activities[{at}]: {error}") from None
    return tuple(activities)


def near_misses(document: Document) -> Iterator[tuple[str, str, str]]:
    """Members of configs that are called nearly as a setting of the engine's is: the config's path, the member, the setting."""
    listed = [(f"$.activities[{at}].config", said.get("config", {})) for at, said in enumerate(document["activities"])]
    for path, config in [("$.config", document.get("config", {})), *listed]:
        for member in sorted(config.keys() - set(ENGINES_OWN)):
            for near in get_close_matches(member, ENGINES_OWN, n=1, cutoff=NEAR):
                yield path, member, near


def task_names(names: Sequence[str]) -> list[str]:
    """What the tasks are called: a second activity of a name is `NAME#2`."""
    seen: Counter[str] = Counter()
    called: list[str] = []
    for name in names:
        seen[name] += 1
        called.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return called


def waits(independent: Sequence[bool]) -> list[range]:
    """Whom each of the list waits for, by position: nobody where it is independent, else all before it.

    The last one before it that is not independent has waited for all before itself; so that one and those since will do.
    """
    edges: list[range] = []
    since = 0
    for at, is_independent in enumerate(independent):
        edges.append(range(0) if is_independent else range(since, at))
        if not is_independent:
            since = at
    return edges


def _activity(name: str, after: tuple[str, ...], said: Document, common: Document, settings: Settings) -> Activity:
    config = {**common, **said.get("config", {})}
    set_to = {member: value for member, value in {**config, **said}.items() if member in ENGINES_OWN}
    kind, timeouts = said.get("kind", KIND), settings.timeouts
    return Activity(
        name,
        _call(kind, said, set_to, settings),
        after,
        required=said.get("required", True),
        retry=_retry(kind, set_to, settings.retry),
        timeouts=timeouts._replace(call_s=float(set_to.get("timeout_s", timeouts.call_s))),
        own=Own(said["name"], said.get("independent", False), compact(config).encode()),
    )


def _call(kind: str, said: Document, set_to: Document, settings: Settings) -> Calling:
    members = {"name": said["name"]} | {member: said[member] for member in _OF_A_KIND if member in said}
    match kind:
        case "python":
            members = {"activity": said["name"], **set_to, **members}
        case "command" if "timeout_s" in set_to:
            members["timeout_s"] = set_to["timeout_s"]
        case "wait":
            members["timeout_s"] = set_to.get("timeout_s", settings.callback_timeout_s)
        case "delay" if "timeout_s" in said:
            members["timeout_s"] = said["timeout_s"]  # which is refused
    return read_call(members, default=KIND)


def _retry(kind: str, set_to: Document, policy: RetryPolicy) -> RetryPolicy:
    """Only what calls itself temporary is tried again, and in its place what HTTP says was not carried out."""
    policy = policy._replace(attempts=set_to.get("max_retries", MAX_RETRIES) + 1)
    if kind == "python":
        policy = policy._replace(on=frozenset({TEMPORARY}))
    if "retry_delay_s" in set_to:
        delay_s = float(set_to["retry_delay_s"])
        policy = policy._replace(delay_s=delay_s, cap_s=max(policy.cap_s, delay_s), jitter=False)
    return policy
