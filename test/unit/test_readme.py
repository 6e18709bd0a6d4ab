"""What the README claims, held against the code: whoever changes the one is told of the other.

A figure needs a command and a sentence a reader; what can be looked up here is looked up.
"""

import ast
import importlib
import json
import re
import tomllib
from dataclasses import fields
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import typer.main

from cameron import cli, config, fault, tree
from cameron.activities.task_call import job_headers, task_call, task_command
from cameron.clock import Clock
from cameron.core.event import (
    CommandLine,
    Failure,
    Growth,
    HttpRequest,
    JobEnded,
    JobStarted,
    Success,
    TaskCalled,
    TaskDelayed,
    TaskReplied,
)
from cameron.core.explain.explanation import Node, Place, Situation, explain
from cameron.core.explain.reason import State
from cameron.core.history import read as read_event
from cameron.core.job import SUSPICION, apply, new_job
from cameron.core.process import Activity, CommandCall, HttpCall, Limits, Process, RetryPolicy, in_space
from cameron.core.status import ENDED, LEGAL, Status
from cameron.definitions import Settings, dialects, load, load_folder
from cameron.definitions.cameron import CameronDialect
from cameron.definitions.dialect import JobRequest
from cameron.definitions.manner import Manner
from cameron.definitions.options import FAILURES, OPTIONS
from cameron.engine import Engine, EngineSettings
from cameron.otp import Actor, ChildSpec, Supervisor
from cameron.otp import Node as Program
from cameron.process_catalog import Catalog
from cameron.store import keys
from cameron.web.errors import CODE, STATUS
from cameron.web.routes import routes
from cameron.web.waiting_room import WaitingRoom

PROJECT = Path(__file__).resolve().parents[2]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
PAGES = "\n".join(path.read_text(encoding="utf-8") for path in sorted((PROJECT / "docs").glob("*.md")))
FENCES: list[tuple[str, str]] = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
INDENTED = "\n".join(re.findall(r"^ {4}(.*)$", re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL), re.MULTILINE))
SPANS = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL))
MANNERS = [dialect.manner for dialect in dialects(Settings()).values()]
CODE_TEXT = "\n".join([INDENTED, *SPANS, *(text for _, text in FENCES)])


def block(language: str) -> str:
    """The one fenced block of that language."""
    (text,) = [text for name, text in FENCES if name == language]
    return text


def rows(heading: str) -> list[list[str]]:
    """The cells of the table whose first row begins with `heading`."""
    table = README[README.index(f"\n| {heading} |") + 1 :].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table[2:]]


def spans(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def targets(makefile: Path) -> set[str]:
    return set(re.findall(r"^([A-Za-z_][\w./]*):", makefile.read_text(), re.MULTILINE))


def test_every_make_command_is_in_the_makefile() -> None:
    named = set(re.findall(r"\bmake ([a-z_]+)\b", CODE_TEXT))
    assert {"demo", "run_dev", "run_test", "run", "compile_prod", "compile_test", "test", "lint", "soak", "bench", "help"} <= named
    assert named - targets(PROJECT / "Makefile") == set()


def test_the_sample_service_is_started_in_its_folder_as_shown() -> None:
    assert "cd test/foo_workflow\nmake ./bin/run" in INDENTED
    assert "bin/run" in targets(PROJECT / "test/foo_workflow/Makefile")


def test_every_relative_link_leads_to_a_file_or_a_heading() -> None:
    headings = {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in re.findall(r"^#+ (.*)$", README, re.MULTILINE)}
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links, "there are links"
    broken = [link for link in links if (link[1:] not in headings if link.startswith("#") else not (PROJECT / link).exists())]
    assert broken == []


def test_every_file_and_folder_named_exists() -> None:
    named = {path.removeprefix("./") for path in re.findall(r"(?:\./)?\b(?:cameron|test|priv)/[\w./<>{}-]+|\.ci/\w+", CODE_TEXT)}
    named = {path for path in named if not path.startswith("test/foo_workflow/v")}
    assert {"cameron/tree.py", "cameron/core/status.py", "test/script/request_for_foo.sh", ".ci/run"} <= named
    missing = [path for path in named for name in ("development", "production") if not (PROJECT / fill(path, name)).exists()]
    assert missing == []


def fill(path: str, environment: str) -> str:
    return path.replace("<environment>", environment)


# how it works


def state_diagram() -> str:
    """The table of legal states as mermaid text."""
    lines = ["stateDiagram-v2", f"    [*] --> {next(iter(LEGAL))}"]
    lines += [f"    {old} --> {new}" for old, allowed in LEGAL.items() for new in Status if new in allowed]
    lines += [f"    {status} --> [*]" for status in LEGAL if status in ENDED]
    return "\n".join(lines) + "\n"


def test_the_state_diagram_is_the_table_of_legal_states() -> None:
    assert block("mermaid") == state_diagram()


def test_the_tree_shown_is_the_one_in_the_code() -> None:
    shown = block("text")
    assert shown in re.sub(r"^ {4}", "", tree.__doc__ or "", flags=re.MULTILINE)
    names = set(re.findall(r"^ *(\w+)", shown, re.MULTILINE))
    source = (PROJECT / "cameron/tree.py").read_text(encoding="utf-8")
    assert names == {*re.findall(r'ChildSpec\(\s*"(\w+)"', source), "root"}


# the API


class AnyEngine:
    """Routes do not ask it anything but the dialects' manners until a request comes."""

    def manners(self) -> list[Manner]:
        """Of all dialects."""
        return MANNERS


def resources(folder: Path) -> list[tuple[str, Any]]:
    engine: Any = AnyEngine()
    return routes(engine, config.load("test", {}, folder), WaitingRoom(1))


def test_every_route_is_described_and_every_route_described_exists(tmp_path: Path) -> None:
    exist = {
        (method, template)
        for template, resource in resources(tmp_path)
        for method in ("GET", "POST", "PUT", "DELETE")
        if hasattr(resource, f"on_{method.lower()}")
    }
    request = r"`(GET|POST|PUT|DELETE) (/[^`\s?]*)[^`]*`"
    headings = set(re.findall(request, "\n".join(re.findall(r"^### .*$", README, re.MULTILINE))))
    assert headings - exist == set()
    behind_each_job = {("GET", "/explain"), ("GET", "/events"), ("POST", "/cancel"), ("POST", "/retry")}  # as the README says
    described = headings | {(method, manner.job + path) for manner in MANNERS for method, path in behind_each_job}
    named = {(method, of_any(path)) for method, path in [*described, *re.findall(request, PAGES)]}
    assert {(method, of_any(template)) for method, template in exist} - named == set()


def of_any(template: str) -> str:
    """The path whatever its fields are called."""
    return re.sub(r"\{\w+\}", "{}", template)


def test_every_request_shown_is_answered_by_a_route(tmp_path: Path) -> None:
    patterns = [re.sub(r"\{\w+\}", "[^/]+", template) for template, _ in resources(tmp_path)]
    paths = re.findall(r"(?:http://localhost:8080|(?:GET|POST|DELETE) )(/[^\s'`\"?]+)", CODE_TEXT + PAGES)
    assert [path for path in paths if not any(re.fullmatch(pattern, path) for pattern in patterns)] == []


def test_the_tree_shown_has_the_fields_that_the_engine_gives() -> None:
    engine = Engine(Catalog(Settings()), Clock(), EngineSettings("redis://localhost:9/0", 1.0, 1.0))
    root = Supervisor.start([ChildSpec("worker", Actor.start)], name="root")
    try:
        given = engine.tree()
    finally:
        root.kill()
    (shown,) = [document for document in documents() if "tree" in document]
    assert shown.keys() == given.keys()
    (child,), (given_child,) = shown["tree"]["children"], given["tree"]["children"]
    assert shown["tree"].keys() == child.keys() == given["tree"].keys() == given_child.keys()


def documents() -> list[Any]:
    """The JSON documents shown."""
    return [json.loads(text) for language, text in FENCES if language == "json"]


def sources() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in (PROJECT / "cameron").rglob("*.py"))


def test_the_explanation_shown_is_what_such_a_job_is_told() -> None:
    (shown,) = [document for document in documents() if "sentence" in document]
    now_ms = 1_795_225_034_532
    start, *steps = (Activity(name, HttpCall("http://localhost/")) for name in ("start", "act_1", "act_2", "act_3"))
    job = new_job(Process("foo", "cameron", (start,), "", ""), shown["key"], shown["uuid"], b"", now_ms - 10_000 + 604_800_000)
    for event in (
        JobStarted(),
        TaskCalled("start"),
        TaskReplied("start", Success("null", Growth(tuple(steps), False), "")),
        TaskCalled("act_1"),
        TaskReplied("act_1", Failure("http_503", "")),
        TaskDelayed("act_1", now_ms + 3500),
    ):
        job, _ = apply(job, event)
    node = Node(shown["node"]["node"], 8800, 10_000)
    situation = Situation(Place.HELD, node=node, running_nodes=2, owner=node.name, since_ms=now_ms - 9990, accepted_ms=now_ms - 10_000)
    state, sentence, details = explain(job, situation, now_ms)
    assert shown == {"process": "foo", "uuid": job.uuid, "key": job.key, "state": state, "sentence": sentence, **details}


def test_every_state_of_an_explanation_is_listed() -> None:
    assert sorted(state for states, _, _ in rows("`state`") for state in spans(states)) == sorted(State)


def test_the_fields_of_the_documents_shown_are_named_in_the_code() -> None:
    """Those of services' replies are, too; the tree, the explanation and the definition have tests of their own."""
    code = sources()
    tested = {"tree", "sentence", "start_activity_url"}
    named = {name for document in documents() if not tested & document.keys() for name in names_in(document)}
    free = {"any", "who_id", "foo", "localhost:9292", *Status}  # what clients and definitions have named; counts are by status
    assert {"counts", "lease_age_s", "crash", "a_crash_can_lose"} <= named
    assert [name for name in named - free if f'"{name}"' not in code] == []


def names_in(document: Any) -> list[str]:
    """The names of a JSON document's fields, of those in its depth too."""
    if isinstance(document, list):
        return [name for part in document for name in names_in(part)]
    return [*document, *names_in(list(document.values()))] if isinstance(document, dict) else []


def test_every_error_listed_is_one_that_the_code_gives() -> None:
    code_text = sources()
    by_falcon = {re.sub(r"\W", "_", status.phrase.lower()): str(status.value) for status in HTTPStatus}
    by_us = {code: STATUS[kind][:3] for kind, code in CODE.items()}
    listed = {code: status for status, codes, _ in rows("status") for code in spans(codes)}
    assert by_us.items() <= listed.items()
    unknown = [code for code, status in listed.items() if by_falcon.get(code) != status and f'"{code}"' not in code_text]
    assert unknown == []


def test_every_error_of_the_request_is_listed() -> None:
    pattern = r'(?:InvalidRequest|super\(\)\.__init__)\(\s*"(\w+)"'
    files = [path for folder in ("web", "definitions", "store") for path in (PROJECT / "cameron" / folder).glob("*.py")]
    raised = {code for file in files for code in re.findall(pattern, file.read_text(encoding="utf-8"))}
    assert raised - {code for _, codes, _ in rows("status") for code in spans(codes)} == set()


def test_every_command_and_option_shown_exists() -> None:
    group: Any = typer.main.get_command(cli.app)
    for name, rest in re.findall(r"^cameron (\w+)(.*)$", CODE_TEXT, re.MULTILINE):
        options = {option for parameter in group.commands[name].params for option in parameter.opts}
        assert set(re.findall(r"--[\w-]+", rest)) - options == set()
    shown = set(re.findall(r"^cameron (\w+)", CODE_TEXT, re.MULTILINE))
    assert shown == set(group.commands)


def test_the_python_shown_can_be_compiled_and_its_imports_exist() -> None:
    for node in ast.walk(ast.parse(block("python"))):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module or "")
            assert all(hasattr(module, alias.name) for alias in node.names)


# the contract with activities, and with operators


def test_every_header_of_a_call_is_described_and_no_other() -> None:
    activity = Activity("start", HttpCall("http://localhost/"))
    job = new_job(Process("foo", "cameron", (activity,), "", "", Limits()), "key", "0" * 32, b"", 0)
    receiver: Any = None
    call = task_call(job, job_headers(job), job.tasks["start"], HttpRequest(activity.call.target, b""), receiver, 1, "http://callback")
    sent = {header.partition(":")[0] for header in call.headers}
    assert {name for names, _ in rows("header") for name in spans(names)} == sent


def test_every_option_of_a_process_is_listed() -> None:
    listed = set()
    for cell, _, _ in rows("option"):
        group, colon, names = cell.rpartition(":")
        listed |= {f"{spans(group)[0]}.{name}" if colon else name for name in spans(names)}
    assert listed == set(OPTIONS)
    assert [kind for kind in FAILURES if f"`{kind}`" not in README] == []


def test_the_definitions_shown_are_read(tmp_path: Path) -> None:
    file = tmp_path / "shown.config"
    file.write_text(block("erlang"), encoding="utf-8")
    foo, bar = load(file).processes
    assert (foo.name, bar.name) == ("foo", "bar")
    [shown] = [text for _, text in FENCES if '"start_activity_url"' in text]
    (tmp_path / "cameron").mkdir()
    (tmp_path / "cameron" / "bar.json").write_text(shown, encoding="utf-8")
    assert load_folder(tmp_path) == ([bar], [], {"bar": str(tmp_path / "cameron" / "bar.json")})


def test_how_many_crashes_make_a_suspect_is_said() -> None:
    assert SUSPICION == 2
    assert "After the second crash the job is a suspect" in README


def test_the_failures_that_are_retried_are_named() -> None:
    (sentence,) = re.findall(r"\*\*Retries\.\*\* (.*?)\. At most", README, re.DOTALL)
    assert set(spans(sentence)) == RetryPolicy().on


def test_every_redis_key_is_described() -> None:
    job = keys.job("{name}", "{key}", "{uuid}")
    names = [
        job,
        keys.task_error(job, "{task}"),
        keys.record("{process}", "{uuid}"),
        keys.events("{process}", "{uuid}"),
        keys.session("{process}", "{uuid}"),
        keys.queue("{process}"),
        keys.dead("{process}"),
        keys.QUEUES,
        keys.jobs("{process}", "{status}"),
        keys.jobs_by_key("{process}"),
        keys.unique("{process}", "{key}"),
        keys.idempotency("{process}", "{token}"),
        keys.definition("{process}", "{digest}"),
        keys.node("{node}"),
        keys.inbox("{node}"),
        keys.NODES,
        *map(keys.misplaced, (keys.QUEUES, keys.NODES)),
        keys.PROBE,
        keys.REGISTERED,
        keys.REGISTERED_VERSION,
        keys.SECRET,
        "cameron:workflow:{name}:ticket:{ticket}",  # what is literal of another name space
        keys.queue(in_space("workflow", "{name}")),
    ]
    assert [name for name in names if f"`{name}`" not in README] == []
    described = {span for span in SPANS if re.fullmatch(r"cameron:[\w:{}]+", span)}
    assert described == set(names)


def test_every_field_of_a_finished_jobs_hash_is_described_and_no_other() -> None:
    activity = Activity("start", HttpCall("http://localhost/"))
    job = new_job(Process("foo", "cameron", (activity,), "", "", Limits()), "key", "0" * 32, b"", 0)
    written = CameronDialect(Settings()).layout.accepted(JobRequest("key", "data", "requestor", b""), "time")[::2]
    for event in (JobStarted(), TaskCalled("start"), TaskReplied("start", Success("null", None, "undefined")), JobEnded(Status.DONE)):
        job, changes = apply(job, event)
        written += CameronDialect(Settings()).layout.writes(job, changes, "time").fields[::2]
    described = {field for names, _ in rows("field") for field in spans(names)}
    of_statuses = {field.replace("{status}", status) for field in described for status in ("scheduled", "running", "done")}
    assert set(written) <= {field.replace("{task}", "start") for field in of_statuses}
    general = {re.sub(r"\.(scheduled|running|done)\.", ".{status}.", field) for field in written}
    assert {field.replace("task.start.", "task.{task}.") for field in general} == described


# configuration


def settings() -> set[str]:
    return {f"{section}.{key.name}" for section, kind in config.SECTIONS.items() for key in fields(kind)}


def shown_value(loaded: config.Config, setting: str) -> object:
    """A setting's value as the README writes it: paths relative to the project."""
    section, _, key = setting.partition(".")
    value = getattr(getattr(loaded, section), key)
    return str(value.relative_to(loaded.root)) if isinstance(value, Path) else value


def test_every_setting_is_listed_with_its_default(tmp_path: Path) -> None:
    loaded = config.load("development", {}, tmp_path)
    listed = {spans(name)[0]: tomllib.loads(f"value = {spans(default)[0]}")["value"] for name, default, _ in rows("setting")}
    of_any = {name: fill(value, "development") if isinstance(value, str) else value for name, value in listed.items()}
    assert of_any == {setting: shown_value(loaded, setting) for setting in settings()}


def test_every_word_of_a_history_is_listed_with_what_stands_beside_it() -> None:
    source = (PROJECT / "cameron/core/history.py").read_text(encoding="utf-8")
    listed = {word: set(spans(beside)) for words, _, beside in rows("`event`") for word in spans(words)}
    assert set(listed) == set(re.findall(r'"((?:job|task)\.[a-z_]+|decided)"', source))
    given = {word: set(read_event(word, "x, y")) - {"event"} for word in listed}
    told = {word: {"until" if name == "until_ms" else name for name in names} for word, names in given.items()}
    assert {word for word in listed if not told[word] <= listed[word]} == set()


def test_every_setting_named_anywhere_exists() -> None:
    sections = "|".join(config.SECTIONS)
    others = {field for names, _ in rows("field") for field in spans(names)} | {
        word for words, _, _ in rows("`event`") for word in spans(words)
    }
    named = {span for span in SPANS if re.fullmatch(rf"(?:{sections})\.[a-z_]+", span)} - others
    assert named - settings() == set()


def test_every_variable_named_exists() -> None:
    variables = {f"CAMERON_{setting.replace('.', '_')}".upper() for setting in settings()}
    variables |= {"CAMERON_URL", "CAMERON_RABBITMQ_REQUIRED", fault.VARIABLE}
    job = new_job(Process("foo", "cameron", (Activity("start", CommandCall(("x",))),), "", "", Limits()), "key", "0" * 32, b"", 0)
    nobody: Any = None
    variables |= {name for name, _ in task_command(job, job.tasks["start"], CommandLine(("x",)), nobody).env}
    assert set(re.findall(r"\bCAMERON_[A-Z_]+\b", CODE_TEXT)) - variables == set()


@pytest.mark.parametrize("environment", config.ENVIRONMENTS)
def test_what_differs_in_an_environment_is_listed(environment: str, tmp_path: Path) -> None:
    heading = next(line for line in README.splitlines() if line.startswith("| environment |"))
    columns = spans(heading)
    differing = {f"{section}.{key}" for sections in config.ENVIRONMENTS.values() for section, keyed in sections.items() for key in keyed}
    assert set(columns) == differing
    (row,) = [row for row in rows("environment") if row[0] == environment]
    loaded = config.load(environment, {}, tmp_path)
    assert [cell.strip("`") for cell in row[2:]] == [str(shown_value(loaded, setting)) for setting in columns]
    (target,) = re.findall(r"make (\w+)", row[1])
    recipe = re.search(rf"^{target}: .*\n(\t.*\n)+", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    assert f"serve --env {environment}" in recipe[0]


def test_how_long_a_stop_may_take_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    bounds: list[float] = []

    class Bounded(Program):
        """A node that is not run."""

        def run(self) -> int:
            bounds.append(self._shutdown_s)
            return 0

    monkeypatch.setattr(tree, "Node", Bounded)
    tree.serve(config.load("production", {"CAMERON_REDIS_URL": "redis://localhost:9/0"}, PROJECT))
    assert f"({bounds[0]:g} s with the defaults)" in README


# development


def test_the_fault_shown_can_be_armed() -> None:
    (shown,) = re.findall(rf"{fault.VARIABLE}=(\S+)", CODE_TEXT)
    try:
        fault.arm(shown)
    finally:
        fault.arm("")
    assert [action for action in fault.ACTIONS[1:] if f"`={action}`" not in README] == []
