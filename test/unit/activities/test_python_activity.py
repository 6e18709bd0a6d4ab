"""An activity's run: whatever its code does is a Result."""

import json
import logging
from typing import Any

import pytest

from cameron.activities.call import Failure
from cameron.activities.python_activity import ERROR_MAX, PythonTask, Result, perform
from cameron.activities.session import MemorySession
from cameron.errors import StoreUnavailable

from .packages import Discovered

TASK = PythonTask("foo", "k", "123", "charge", 2, b'{"amount":5}', b'{"a":1}', 1000)


class AwaySession(MemorySession):
    """One whose Redis does not answer."""

    def get(self, key: str) -> str | None:
        """Always raises."""
        raise StoreUnavailable("redis does not answer")


@pytest.fixture
def run(discovered: Discovered) -> Any:
    """`run(text, name, session=..., **changes of the task)`: the Result of the activity of that name in a module of that text."""

    def perform_it(text: str, name: str = "charge", session: Any = None, **changes: Any) -> Result:
        package = discovered({"pay.py": text})
        assert package.problems == ()
        return perform(package.activities[name], TASK._replace(**changes), session or MemorySession())

    return perform_it


FUNCTION = """
from dataclasses import dataclass
from cameron.activities.activity import Context, PermanentFailure, TemporaryFailure, activity

@dataclass
class Order:
    amount: int

@activity
"""
CLASS = """
from cameron.activities.base_activity import BaseActivity

class Charge(BaseActivity):
"""


# Functions


def test_a_function_is_given_the_data_and_what_it_returns_is_the_body(run: Any) -> None:
    assert run(FUNCTION + "def charge(data): return {'paid': data['amount']}") == Result(b'{"paid":5}')


def test_by_its_annotations_it_is_given_what_they_say(run: Any) -> None:
    assert run(FUNCTION + "def charge(data: Order) -> Order: return Order(data.amount + 1)") == Result(b'{"amount":6}')


def test_the_context_tells_whose_run_it_is(run: Any) -> None:
    parts = ", ".join(f"context.{name}" for name in ("process", "job", "key", "task", "attempt", "config", "idempotency_key"))
    text = FUNCTION + f"def charge(data, context: Context): return [{parts}]"
    assert json.loads(run(text).body) == ["foo", "123", "k", "charge", 2, {"a": 1}, "123/charge"]


def test_a_function_shares_strings_by_its_context(run: Any) -> None:
    session = MemorySession({"a": "1"})
    text = FUNCTION + "def charge(data, context):\n    context.session_set('b', '2')\n    return context.session_get('a')"
    assert (run(text, session=session), session.values) == (Result(b'"1"'), {"a": "1", "b": "2"})


@pytest.mark.parametrize(
    ("body", "failure", "error"),
    [
        ("raise TemporaryFailure('try later')", Failure.TEMPORARY, "charge: try later (PACKAGE/pay.py:11)"),
        ("raise PermanentFailure('no such card')", Failure.PERMANENT, "charge: no such card (PACKAGE/pay.py:11)"),
        ("1 / 0", Failure.EXCEPTION, "charge raised ZeroDivisionError: division by zero (PACKAGE/pay.py:11)"),
        ("import json; json.loads('{')", Failure.EXCEPTION, "charge raised json.decoder.JSONDecodeError: Expecting property name"),
        ("raise KeyError", Failure.EXCEPTION, "charge raised KeyError (PACKAGE/pay.py:11)"),
        ("import sys; sys.exit(3)", Failure.EXCEPTION, "charge called sys.exit(3) (PACKAGE/pay.py:11)"),
        ("raise SystemExit", Failure.EXCEPTION, "charge called sys.exit() (PACKAGE/pay.py:11)"),
        ("raise KeyboardInterrupt", Failure.EXCEPTION, "charge raised KeyboardInterrupt (PACKAGE/pay.py:11)"),
        ("raise GeneratorExit", Failure.EXCEPTION, "charge raised GeneratorExit (PACKAGE/pay.py:11)"),
        ("raise MemoryError", Failure.EXCEPTION, "charge raised MemoryError (PACKAGE/pay.py:11)"),
        ("raise BaseException('of the lowest kind')", Failure.EXCEPTION, "charge raised BaseException: of the lowest kind"),
        ("return charge(data)", Failure.EXCEPTION, "charge raised RecursionError: maximum recursion depth exceeded"),
        ("raise ValueError('\\ud800')", Failure.EXCEPTION, "charge raised ValueError: \\ud800 (PACKAGE/pay.py:11)"),
        (
            "return {'a': float('nan')}",
            Failure.INVALID_DATA,
            "charge returned what is no JSON, or not what its annotation says: a number too",
        ),
        ("return '\\ud800'", Failure.INVALID_DATA, "a lone surrogate, which is no character (PACKAGE/pay.py:9)"),
        ("return object()", Failure.INVALID_DATA, "charge returned what is no JSON, or not what its annotation says: "),
        ("return (one for one in data)", Failure.INVALID_DATA, "charge returned what is no JSON"),
        ("return 'x' * 999", Failure.TOO_LARGE, "charge returned 1,001 bytes of JSON, and may return 1,000: keep it elsewhere"),
    ],
)
def test_whatever_a_function_does_is_its_result(run: Any, body: str, failure: Failure, error: str) -> None:
    result = run(FUNCTION + f"def charge(data):\n    {body}")
    assert (result.body, result.failure) == (b"", failure)
    prefix, _, rest = error.partition("PACKAGE")
    assert prefix in result.error
    assert rest in result.error


def test_what_is_as_large_as_may_be_is_taken(run: Any) -> None:
    assert run(FUNCTION + "def charge(data): return 'x' * 998").failure is None


@pytest.mark.parametrize(
    ("signature", "data", "error"),
    [
        ("data: Order", b'{"amount":"5"}', "charge cannot take the data it was given: Expected `int`, got `str` - at `$.amount` ("),
        ("data: int", b"null", "charge cannot take the data it was given: Expected `int`, got `null` ("),
        ("data) -> (int", b'"a"', "charge returned what is no JSON, or not what its annotation says: Expected `int`, got `str` ("),
    ],
)
def test_what_is_not_as_annotated_is_refused(run: Any, signature: str, data: bytes, error: str) -> None:
    result = run(FUNCTION + f"def charge({signature}): return data", data=data)
    assert result.failure == Failure.INVALID_DATA
    assert result.error.startswith(error)


@pytest.mark.parametrize("changes", [{"data": b"{"}, {"data": b"NaN"}, {"config": b"{"}])
def test_what_is_no_json_never_reaches_it(run: Any, changes: dict[str, bytes]) -> None:
    result = run(FUNCTION + "def charge(data): return data", **changes)
    assert result.failure == Failure.INVALID_DATA
    assert result.error.startswith("charge cannot take the data it was given, or its config: ")


NASTY = """
class Nasty(Exception):
    def __str__(self): raise SystemExit(1)
    __repr__ = __str__
"""


def test_an_exception_that_cannot_be_shown_is_one_all_the_same(run: Any) -> None:
    result = run(NASTY + FUNCTION + "def charge(data): raise Nasty")
    assert result.failure == Failure.EXCEPTION
    assert result.error.startswith("charge raised an exception that cannot be shown (")


def test_a_value_that_cannot_be_shown_is_one_all_the_same(run: Any) -> None:
    text = NASTY + CLASS + "    def do_activity(self): return Nasty()"
    assert run(text, "Charge").failure == Failure.EXCEPTION


def test_of_a_long_text_the_beginning_is_told(run: Any) -> None:
    result = run(FUNCTION + "def charge(data): raise ValueError('x' * 1_000_000)")
    told, _, where = result.error.partition(" (")
    assert (len(told), told[:40], where[-11:]) == (ERROR_MAX, "charge raised ValueError: " + "x" * 14, "/pay.py:10)")


def test_the_place_is_the_last_one_in_the_package_however_deep_the_exception_was_raised(discovered: Discovered) -> None:
    package = discovered(
        {
            "a/one.py": FUNCTION + "def charge(data):\n    from ..two import parsed\n    parsed(data)",
            "two.py": "import json\ndef parsed(data):\n    json.loads(data)",
        }
    )
    result = perform(package.activities["charge"], TASK, MemorySession())
    assert result.error.endswith(f"({package.name}/two.py:3)")


def test_the_traceback_is_logged_and_none_for_what_an_activity_says_itself(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "cameron.activities"):
        run(FUNCTION + "def charge(data): raise TemporaryFailure('later')")
        run(FUNCTION + "def charge(data): 1 / 0")
    [told] = [record.getMessage() for record in caplog.records]
    assert told.startswith("charge, attempt 2 of task 'charge' of job 123, raised:\nTraceback")
    assert "ZeroDivisionError" in told


def test_a_session_whose_redis_is_away_is_a_temporary_failure(run: Any) -> None:
    result = run(FUNCTION + "def charge(data, context): return context.session_get('a')", session=AwaySession())
    assert result.failure == Failure.TEMPORARY
    assert "redis does not answer" in result.error


def test_a_session_is_given_strings_alone(run: Any) -> None:
    result = run(FUNCTION + "def charge(data, context): context.session_set('a', 5)")
    assert result.failure == Failure.EXCEPTION
    assert result.error.startswith("charge raised TypeError: a session's value is a string, not int: convert it")


def test_out_of_memory_it_says_how_much_its_process_may_have(run: Any) -> None:
    result = run(FUNCTION + "def charge(data): raise MemoryError", max_memory_bytes=1 << 30)
    assert result.error.startswith("charge raised MemoryError (its process may have 1,073,741,824 bytes) (")


def test_an_activity_that_is_there_no_more_is_unknown(discovered: Discovered) -> None:
    package = discovered({"pay.py": FUNCTION + "def charge(data): ..."})
    for changed in ("gone", "Order", "dataclass"):
        result = perform(package.activities["charge"]._replace(qualname=changed), TASK, MemorySession())
        assert (result.failure, "has it changed since the node started?" in result.error) == (Failure.UNKNOWN_ACTIVITY, True)


def test_a_module_that_cannot_be_imported_any_more_is_an_exception(discovered: Discovered) -> None:
    package = discovered({"pay.py": FUNCTION + "def charge(data): ..."})
    result = perform(package.activities["charge"]._replace(module=f"{package.name}.gone"), TASK, MemorySession())
    assert result.failure == Failure.EXCEPTION
    assert result.error.startswith("charge raised ModuleNotFoundError: No module named ")


# Classes


@pytest.mark.parametrize(
    ("returned", "result"),
    [
        ("self.SUCCEEDED", (b'"Succeeded"', None, "")),
        ("self.TEMPORARY_FAILURE", (b"", Failure.TEMPORARY, "Charge returned 'Temporary Failure' (")),
        ("self.PERMANENT_FAILURE", (b"", Failure.PERMANENT, "Charge returned 'Permanent Failure' (")),
        ("None", (b"", Failure.INVALID_DATA, "Charge.do_activity() returned None: return self.SUCCEEDED, self.TEMPORARY_FAILURE or ")),
        ("True", (b"", Failure.INVALID_DATA, "Charge.do_activity() returned True: return")),
        ("'succeeded'", (b"", Failure.INVALID_DATA, "Charge.do_activity() returned 'succeeded': return")),
        ("'x' * 9999", (b"", Failure.INVALID_DATA, "Charge.do_activity() returned 'xxx")),
        ("[][0]", (b"", Failure.EXCEPTION, "Charge raised IndexError: list index out of range (")),
    ],
)
def test_a_class_says_by_a_word_what_it_came_to(run: Any, returned: str, result: tuple[bytes, Any, str]) -> None:
    found = run(CLASS + f"    def do_activity(self):\n        return {returned}", "Charge")
    assert (found.body, found.failure) == result[:2]
    assert found.error.startswith(result[2])


INITS = ["", "    def __init__(self, *args): self.input_data = None\n", "    def __init__(self, *args): super().__init__(*args)\n"]


@pytest.mark.parametrize("init", INITS)
def test_a_class_has_its_workflow_config_data_and_session_whatever_its_init_does(run: Any, init: str) -> None:
    session = MemorySession({"a": "1"})
    work = """
    def do_activity(self):
        import json
        self.session_set("seen", json.dumps([self.workflow_id, self.config, self.input_data, self.session_get("a")]))
        return self.SUCCEEDED
"""
    assert run(CLASS + init + work, "Charge", session=session).failure is None
    assert json.loads(session.values["seen"]) == ["123", {"a": 1}, {"amount": 5}, "1"]


def test_a_class_that_cannot_be_made_is_an_exception(run: Any) -> None:
    result = run(CLASS + "    def __init__(self): ...\n    def do_activity(self): ...", "Charge")
    assert result.failure == Failure.EXCEPTION
    assert "takes 1 positional argument but 4 were given" in result.error


def test_each_run_has_an_instance_and_a_config_of_its_own(discovered: Discovered) -> None:
    text = CLASS + "    def do_activity(self):\n        self.config['a'] += 1\n        return self.config['a'] == 2 and self.SUCCEEDED"
    package = discovered({"pay.py": text})
    results = [perform(package.activities["Charge"], TASK, MemorySession()) for _ in range(2)]
    assert results == [Result(b'"Succeeded"')] * 2
