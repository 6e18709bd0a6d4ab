"""Whether the Redis of this node is fit to take jobs, and what a crash of it can lose: seen on connecting, by the clock, and on asking."""

import logging
from typing import Any

from cameron.store import keys
from cameron.store.durability import Problem, Rules, a_crash_can_lose, problems
from cameron.store.facts import QUESTIONS, Facts, facts_of
from cameron.store.redis import Command, Pipeline, StoreAway, StoreError, StoreRefused, place, redis_cli

log = logging.getLogger("cameron.redis")

REPORT_TIMEOUT_S = 2.0  # at most, for each answer: whoever asks for a node's health has little patience
ANCIENT = Facts(version="before 6.0")
PROBE: Command = ("SET", keys.PROBE, "1")


class Unfit(StoreError):
    """Nothing can be written to this Redis; the text says why, and what to do."""


class Health:
    """Belongs to a node and outlives the restarts of its actors. `connect` and `look` are job_data's, the rest is for any thread."""

    def __init__(self, url: str, timeout_s: float, rules: Rules) -> None:
        self._url, self._timeout_s = url, min(timeout_s, REPORT_TIMEOUT_S)
        self.rules = rules
        self.facts: Facts | None = None  # as last seen
        self.refusal = ""  # why no job may be accepted, as last seen
        self._told: set[Problem] = set()
        self._has_started = False

    def connect(self, pipeline: Pipeline) -> None:
        """Connect, and look. Raises one of StoreAway, or StoreError, of which Unfit is one."""
        try:
            pipeline.connect()
        except StoreRefused as error:
            if not _is_ancient(error):
                raise
            self._judge(ANCIENT)
        self.look(pipeline)

    def look(self, pipeline: Pipeline) -> None:
        """Find out how this Redis is set now. Raises one of StoreAway, or Unfit."""
        self._judge(facts_of(pipeline.run(QUESTIONS)))

    def stops_the_start(self) -> str:
        """Why the node must not start, said at its first start only: one that runs goes on, and accepts nothing meanwhile."""
        is_first, self._has_started = not self._has_started, True
        return f"redis at {place(self._url)} cannot be used: {self.refusal}" if is_first and self.refusal else ""

    def _judge(self, facts: Facts) -> None:
        found = self._problems(facts)
        self.facts = facts
        refused, self.refusal = self.refusal, "; ".join(problem.text for problem in found if problem.severity == "refuse")
        self._tell(set(found))
        if refused and not self.refusal:
            log.warning("redis at %s is fit again: jobs are accepted", place(self._url))
        if any(problem.is_unusable for problem in found):
            raise Unfit(self.refusal)

    def _problems(self, facts: Facts) -> list[Problem]:
        """Each with commands for this very Redis."""
        cli = f"`{redis_cli(self._url)} "
        return [problem._replace(text=problem.text.replace("`redis-cli ", cli)) for problem in problems(facts, self.rules)]

    def _tell(self, found: set[Problem]) -> None:
        """Log each problem once, as long as it lasts; why the node cannot start is its end's to tell."""
        for problem in found - self._told:
            if problem.severity == "warn":
                log.warning("redis at %s: %s", place(self._url), problem.text)
            elif self._has_started:
                log.error("redis at %s takes no jobs: %s", place(self._url), problem.text)
        self._told = found

    def report(self) -> tuple[bool, dict[str, Any]]:
        """Whether Redis takes jobs now, and `{"status", "redis", "durability", "problems"}`; asks Redis on a connection of its own."""
        pipeline = Pipeline(self._url, self._timeout_s)
        try:
            pipeline.open()
            written, *answers = pipeline.run([PROBE, *QUESTIONS])
        except (*StoreAway, StoreError) as error:
            if _is_ancient(error):
                return self._report(ANCIENT, self._problems(ANCIENT))
            return self._report(None, [Problem("refuse", f"redis does not answer ({error}): see that it runs at {place(self._url)}")])
        finally:
            pipeline.close()
        facts = facts_of(answers)
        found = self._problems(facts)
        if isinstance(written, Exception) and not any(problem.severity == "refuse" for problem in found):
            found.insert(0, Problem("refuse", f"redis refuses to write ({written}): see its memory, its disk and its log"))
        return self._report(facts, found)

    def _report(self, facts: Facts | None, found: list[Problem]) -> tuple[bool, dict[str, Any]]:
        loses = a_crash_can_lose(facts, self.rules) if facts else "unknown: redis does not answer"
        return not any(problem.severity == "refuse" for problem in found), {
            "status": "degraded" if found else "ok",
            "redis": {"url": place(self._url), **(_shown(facts) if facts else {})},
            "durability": {"mode": "strict" if self.rules.strict else "default", "a_crash_can_lose": loses},
            "problems": [{"severity": problem.severity, "text": problem.text} for problem in found],
        }


def _is_ancient(error: Exception) -> bool:
    """Whether that is what a Redis answers which does not know the greeting yet that a connection begins with."""
    return isinstance(error, StoreRefused) and "unknown command" in str(error) and "HELLO" in str(error)


def _shown(facts: Facts) -> dict[str, Any]:
    """The facts for people; what Redis does not tell is `unknown`."""
    appendonly = None if facts.appendonly is None else "yes" if facts.appendonly else "no"
    shown = {
        "server": facts.server,
        "version": facts.version,
        "role": "primary" if facts.is_primary else "replica",
        "appendonly": appendonly,
        "appendfsync": facts.appendfsync,
        "save": facts.save,
        "maxmemory": facts.maxmemory,
        "maxmemory_policy": facts.maxmemory_policy,
        "replicas": facts.replicas,
        "min_replicas_to_write": facts.min_replicas_to_write,
    }
    return {name: "unknown" if value is None else value for name, value in shown.items()}
