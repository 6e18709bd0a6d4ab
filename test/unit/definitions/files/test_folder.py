"""The folder of definitions: what is read, and that what cannot be used is told with its file and takes nothing else down."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from cameron.core.process import Process
from cameron.definitions import Loaded, Settings, load, load_folder, read_document
from cameron.definitions.files.folder import FAULTS_MAX, MAX_BYTES, Found, read_folder
from cameron.errors import ConfigError

PROJECT = Path(__file__).resolve().parents[4]


INDENTED = ": check the indentation, and put text that holds a colon in quotes"


def put(folder: Path, name: str, document: object, dialect: str = "cameron") -> Path:
    """A definition file, of text or of JSON."""
    file = folder / dialect / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return file


def definition(name: str, url: str = "http://a/start", **members: object) -> dict[str, object]:
    return {"name": name, "start_activity_url": url, **members}


def ticket(name: str, url: str = "http://a/{key}", **members: object) -> dict[str, object]:
    return {"name": name, "start_point_url": url, **members}


def targets(loaded: Loaded) -> dict[str, str]:
    return {process.name: process.start_target for process in loaded.processes}


def config(folder: Path, **urls: str) -> Path:
    file = folder / "test.config"
    entries = ", ".join(f'{{{name}, {{start_activity_url, "{url}"}}}}' for name, url in urls.items())
    file.write_text(f"{{processes, [{entries}]}}.")
    return file


# What is read


def test_json_and_yaml_of_all_dialects_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    put(tmp_path, "b.yaml", "name: b\nstart_activity_url: http://b/start\n")
    put(tmp_path, "a.json", definition("z"))
    put(tmp_path, "c.yml", "{name: c, start_activity_url: 'http://c/start'}")
    put(tmp_path, "D.JSON", "\ufeff" + json.dumps(definition("d")))
    put(tmp_path, "t.json", ticket("a"), "tickets")
    loaded = load_folder(tmp_path)
    assert loaded.problems == []
    assert [process.name for process in loaded.processes] == ["d", "z", "b", "c", "workflow:a"]
    assert loaded.places["b"] == str(tmp_path / "cameron" / "b.yaml")


def test_options_are_those_of_the_process(tmp_path: Path) -> None:
    put(tmp_path, "a.json", definition("a", options={"retry.attempts": 7, "retention_s": "forever", "max_jobs": 5}))
    [process] = load_folder(tmp_path).processes
    assert (process.activities[0].retry.attempts, process.retention_ms, process.max_jobs) == (7, 0, 5)


@pytest.mark.parametrize(("dialect", "document"), [("cameron", definition("a")), ("tickets", ticket("a"))])
def test_options_may_be_nested_and_are_the_same(tmp_path: Path, dialect: str, document: dict[str, object]) -> None:
    flat, nested = (
        {"retry.attempts": 7, "retry.on": ["timeout"], "max_jobs": 5},
        {"max_jobs": 5, "retry": {"attempts": 7, "on": ["timeout"]}},
    )
    processes = []
    for options in (flat, nested):
        put(tmp_path, "a.json", document | {"options": options}, dialect)
        loaded = load_folder(tmp_path)
        assert loaded.problems == []
        processes += loaded.processes
    assert processes[0] == processes[1]
    assert processes[0].activities[0].retry.attempts == 7


def test_an_option_that_is_given_in_both_forms_is_refused(tmp_path: Path) -> None:
    broken = put(tmp_path, "a.json", definition("a", options={"retry.attempts": 7, "retry": {"attempts": 7}}))
    assert load_folder(tmp_path).problems == [f"{broken}: $.options: retry.attempts is given twice, once within retry: remove one"]


def test_what_is_wrong_within_nested_options_is_told_there(tmp_path: Path) -> None:
    broken = put(tmp_path, "a.json", definition("a", options={"retry": {"atempts": 7}}))
    assert load_folder(tmp_path).problems == [f"{broken}: $.options.retry.atempts: 'atempts' is unknown; did you mean 'attempts'?"]


@pytest.mark.parametrize(("dialect", "document"), [("cameron", definition("a")), ("tickets", ticket("a"))])
def test_a_process_of_a_file_is_stored_and_read_again_as_the_same(tmp_path: Path, dialect: str, document: dict[str, object]) -> None:
    put(tmp_path, "a.json", document | {"version": 3, "description": "for people", "options": {"max_jobs": 5}}, dialect)
    [process] = load_folder(tmp_path).processes
    assert read_document(process.document, Settings()) == process


def test_it_makes_no_difference_where_a_process_is_defined(tmp_path: Path) -> None:
    put(tmp_path, "a.json", definition("a"))
    assert load_folder(tmp_path).processes == load(config(tmp_path, a="http://a/start")).processes


def test_the_highest_version_of_a_name_is_taken_whichever_file_it_is_in(tmp_path: Path) -> None:
    put(tmp_path, "1.json", definition("a", "http://none/"))
    put(tmp_path, "2.json", definition("a", "http://eleven/", version=11))
    put(tmp_path, "3.json", definition("a", "http://two/", version=2))
    loaded = load_folder(tmp_path)
    assert (targets(loaded), loaded.problems) == ({"a": "http://eleven/"}, [])
    assert loaded.places["a"].endswith("2.json")


def test_a_broken_higher_version_leaves_the_lower_one(tmp_path: Path) -> None:
    put(tmp_path, "1.json", definition("a", "http://one/"))
    broken = put(tmp_path, "2.json", definition("a", "two", version=2))
    loaded = load_folder(tmp_path)
    assert targets(loaded) == {"a": "http://one/"}
    assert [problem.startswith(f"{broken}: $.start_activity_url: ") for problem in loaded.problems] == [True]


def test_leftovers_of_editors_and_other_files_are_not_read(tmp_path: Path) -> None:
    put(tmp_path, "a.json", definition("a"))
    for name in ("a.json~", ".#a.json", "#a.json#", ".a.json.swp", ".hidden.json", "README.md", "a.json.bak", "4913"):
        put(tmp_path, name, "{")
    (tmp_path / ".git").mkdir()
    (tmp_path / "README.md").write_text("definitions")
    put(tmp_path, "later.json", "{", "cameron/drafts")
    loaded = load_folder(tmp_path)
    assert (list(targets(loaded)), loaded.problems) == (["a"], [])


def test_a_link_to_a_file_is_read(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.txt"
    elsewhere.write_text(json.dumps(definition("a")))
    (tmp_path / "definitions" / "cameron").mkdir(parents=True)
    (tmp_path / "definitions" / "cameron" / "a.json").symlink_to(elsewhere)
    assert list(targets(load_folder(tmp_path / "definitions"))) == ["a"]


def test_a_folder_that_is_not_there_or_is_empty_defines_nothing(tmp_path: Path) -> None:
    assert load_folder(tmp_path / "nowhere") == load_folder(tmp_path) == Loaded([], [], {})


def test_the_shipped_definitions_have_no_problems() -> None:
    loaded = load(PROJECT / "priv/processes/development.config", None, PROJECT / "priv/definitions")
    assert loaded.problems == []
    assert "decommission_device" in targets(loaded)


# Problems


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.json", '{\n  "name": "a",,\n}', ":2:15: it is no JSON: expecting property name enclosed in double quotes"),
        ("a.json", '{"name": "a", "name": "b", "start_activity_url": "http://a/"}', ": $.name: is given twice: remove one"),
        ("a.yaml", "name: a\nname: b\n", ":2:1: 'name' is given twice: remove one"),
        ("a.yaml", "name: a\n  start_activity_url: b\n", ":2:21: mapping values are not allowed here" + INDENTED),
        ("a.yaml", "a: &a [x]\nb: *a\n", ":2:4: the alias *a is not taken: write out what it stands for"),
        ("a.json", "[]", ": $: must be an object, not an empty list"),
        ("a.yaml", "# later\n", ": $: must be an object, not null"),
        ("a.yaml", "", ": the file is empty: write a definition, or remove it"),
        ("a.json", '{"name": "a", "start_activity_url": 5}', ": $.start_activity_url: must be a string, not 5"),
        ("a.json", '{"name": "a", "start_activity_url": "http://a/", "version": 1.5}', ": $.version: must be a whole number, not 1.5"),
        (
            "a.json",
            '{"name": "a", "start_activity_url": "http://a/", "options": {"max_job": 5}}',
            ": $.options.max_job: 'max_job' is unknown; did you mean 'max_jobs'?",
        ),
        (
            "a.json",
            '{"name": "a\\n", "start_activity_url": "http://a/"}',
            ": $.name: 'a\\n' will not do: the name by which the process is started: "
            "1 to 64 letters, digits, '_', '.' or '-', and no id (32 hex digits)",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_its_place_and_takes_no_other_down(tmp_path: Path, name: str, text: str, told: str) -> None:
    broken = put(tmp_path, name, text)
    put(tmp_path, "sound.json", definition("sound"))
    loaded = load_folder(tmp_path)
    assert loaded.problems == [f"{broken}{told}"]
    assert list(targets(loaded)) == ["sound"]


def test_a_url_with_what_is_no_name_is_told_by_the_dialect(tmp_path: Path) -> None:
    broken = put(tmp_path, "a.json", ticket("a", "http://a/{kye}"), "tickets")
    [problem] = load_folder(tmp_path).problems
    assert problem.startswith(f"{broken}: ")
    assert "kye" in problem


def test_all_that_is_wrong_with_a_file_is_told_at_once(tmp_path: Path) -> None:
    """What the schema says, and what it cannot say."""
    wrong = {"uri": "http://a/${workflow.input.a}", "payload": {"b": "${workflow.input.b}", "c": "${c.json"}, "body": "1", "methd": "GET"}
    tasks = [{"name": "first", "type": "http", "http": wrong}, {"name": "second", "type": "http", "requires": ["${d.json}"]}]
    broken = put(tmp_path, "a.json", {"name": "a", "tasks": tasks}, "mender")
    problems = load_folder(tmp_path).problems
    assert [problem.removeprefix(f"{broken}: ").split(": ")[0] for problem in problems] == [
        "$.tasks[0].http.methd",
        "$.tasks[0].http.body",
        "$.tasks[0].http.uri",
        "$.tasks[0].http.payload.b",
        "$.tasks[0].http.payload.c",
        "$.tasks[1].taskdef",
        "$.tasks[1].requires[0]",
    ]


def test_of_one_place_only_what_the_schema_says_is_told(tmp_path: Path) -> None:
    broken = put(tmp_path, "a.json", {"name": "a", "tasks": [{"name": "a,b", "type": "delay", "delay": {"delaySeconds": 1}}]}, "mender")
    [problem] = load_folder(tmp_path).problems
    assert problem.startswith(f"{broken}: $.tasks[0].name: 'a,b' will not do")


def test_of_many_faults_of_one_file_the_first_are_told(tmp_path: Path) -> None:
    broken = put(tmp_path, "a.json", definition("a") | {f"member_{number}": 1 for number in range(FAULTS_MAX + 5)})
    problems = load_folder(tmp_path).problems
    assert len(problems) == FAULTS_MAX + 1
    assert problems[-1] == f"{broken}: and more"
    assert all(problem.startswith(f"{broken}: $.member_") for problem in problems[:-1])


def test_what_is_no_readable_file_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "cameron"
    folder.mkdir()
    (folder / "a_folder.json").mkdir()
    (folder / "latin.json").write_bytes(b'{"name": "caf\xe9"}')
    (folder / "large.json").write_bytes(b" " * (MAX_BYTES + 1))
    (folder / "loop.json").symlink_to(folder / "loop.json")
    (folder / "nowhere.json").symlink_to(tmp_path / "nowhere")
    os.mkfifo(folder / "pipe.json")
    put(tmp_path, "sound.json", definition("sound"))
    loaded = load_folder(tmp_path)
    assert loaded.problems == [
        f"{folder}/a_folder.json: is no file: rename or remove it",
        f"{folder}/large.json: has more than {MAX_BYTES} bytes: a definition may have {MAX_BYTES} at most",
        f"{folder}/latin.json: not UTF-8 at byte 13",
        f"{folder}/loop.json: cannot be read: Too many levels of symbolic links",
        f"{folder}/nowhere.json: a link to what is not there",
        f"{folder}/pipe.json: is no file: rename or remove it",
    ]
    assert list(targets(loaded)) == ["sound"]


def test_a_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    text = json.dumps(definition("a"))
    put(tmp_path, "a.json", text + " " * (MAX_BYTES - len(text)))
    assert load_folder(tmp_path).problems == []


def test_a_folder_of_no_dialect_is_told_with_what_was_meant(tmp_path: Path) -> None:
    put(tmp_path, "a.json", {}, "camerno")
    [problem] = load_folder(tmp_path).problems
    assert problem.startswith(f"{tmp_path}/camerno: there is no dialect 'camerno' (did you mean cameron?)")


def test_a_definition_beside_the_dialects_folders_is_told_where_to_go(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    [problem] = load_folder(tmp_path).problems
    assert problem.startswith(f"{tmp_path}/a.json: lies in no dialect's folder: move it to cameron/ or ")


def test_a_file_where_the_folder_should_be_is_told(tmp_path: Path) -> None:
    file = tmp_path / "definitions"
    file.write_text("")
    assert load_folder(file).problems == [f"{file}: Not a directory"]


def test_a_dialect_without_files_says_so(tmp_path: Path) -> None:
    broken = put(tmp_path, "a.json", {}, "machinery")
    [problem] = load_folder(tmp_path).problems
    assert (
        problem == f"{broken}: definitions of the dialect 'machinery' are not read from files: register them: curl -d @FILE URL/s, or URL/w"
    )


class Faulty:
    """A dialect with a fault of its own."""

    def from_file(self, document: dict[str, Any], where: str) -> Process:
        raise LookupError("no luck")


def test_a_dialects_own_fault_is_a_problem_of_that_file_alone(tmp_path: Path) -> None:
    broken = put(tmp_path, "a.json", definition("a"))
    assert read_folder(tmp_path, {"cameron": Faulty()}) == Found([], [f"{broken}: cannot be used: LookupError: no luck"])


# Names


def test_a_version_of_a_name_that_comes_twice_is_told_and_the_first_stays(tmp_path: Path) -> None:
    first = put(tmp_path, "1.json", definition("a", "http://first/", version=2))
    second = put(tmp_path, "2.json", definition("a", "http://second/", version=2))
    loaded = load_folder(tmp_path)
    assert targets(loaded) == {"a": "http://first/"}
    assert loaded.problems == [f"{second}: a second version 2 of 'a', beside {first}: give it another version"]


def test_a_name_in_two_dialects_is_told_and_the_first_stays(tmp_path: Path) -> None:
    first = put(tmp_path, "a.json", definition("a"))
    task = {"name": "call", "type": "http", "taskdef": {"uri": "http://b/"}}
    second = put(tmp_path, "a.json", {"name": "a", "version": 5, "tasks": [task]}, "mender")
    loaded = load_folder(tmp_path)
    assert targets(loaded) == {"a": "http://a/start"}
    assert loaded.problems == [f"{second}: a second process named 'a', which {first} defines: names must differ"]


def test_tickets_have_names_of_their_own(tmp_path: Path) -> None:
    put(tmp_path, "a.json", definition("a"))
    put(tmp_path, "a.json", ticket("a"), "tickets")
    loaded = load_folder(tmp_path)
    assert (list(targets(loaded)), loaded.problems) == (["a", "workflow:a"], [])


def test_what_the_config_file_defines_stays_whatever_the_folder_says(tmp_path: Path) -> None:
    folder = tmp_path / "definitions"
    folder.mkdir()
    second = put(folder, "a.json", definition("a", "http://second/", version=9))
    put(folder, "b.json", definition("b", "http://b/"))
    file = config(tmp_path, a="http://first/")
    loaded = load(file, None, folder)
    assert targets(loaded) == {"a": "http://first/", "b": "http://b/"}
    assert loaded.problems == [f"{second}: a second process named 'a', which {file} defines: names must differ"]
    assert loaded.places == {"a": str(file), "b": str(folder / "cameron" / "b.json")}


def test_a_broken_config_file_is_an_error_as_before(tmp_path: Path) -> None:
    (tmp_path / "test.config").write_text("{processes, [")
    with pytest.raises(ConfigError, match=r"test\.config:1:"):
        load(tmp_path / "test.config", None, tmp_path)


def test_a_stored_definition_of_a_later_cameron_asks_for_an_upgrade() -> None:
    with pytest.raises(ConfigError, match="dialect 'cobol', which is unknown here: upgrade this node"):
        read_document('{"dialect": "cobol"}', Settings())
