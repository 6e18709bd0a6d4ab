"""`cameron check`."""

import json
from pathlib import Path

from .run import cameron


def check(folder: Path, config: str = "{processes, []}.", **settings: str) -> tuple[int, str, list[str]]:
    """Exit status, stdout and the lines of stderr, with these definitions alone."""
    file = folder / "p.config"
    file.write_text(config)
    places = {"CAMERON_PROCESSES_FILE": str(file), "CAMERON_DEFINITIONS_DIR": str(folder), "CAMERON_PYTHON_PATH": str(python(folder))}
    status, out, err = cameron("check", "--env", "test", **places, **settings)
    return status, out, err.splitlines()


def python(folder: Path) -> Path:
    """Where the package of activities lies: beside the folder, in which definitions are."""
    return folder.with_name(f"{folder.name}-python")


def define(folder: Path, name: str, text: str, dialect: str = "cameron") -> Path:
    file = folder / dialect / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


def row(out: str, name: str) -> str:
    return next(line for line in out.splitlines() if name in line.split())


def test_check_lists_the_processes_of_all_dialects_with_their_places(tmp_path: Path) -> None:
    mender = {"name": "door", "tasks": [{"name": "open", "type": "cli", "taskdef": {"command": ["/bin/true"]}}]}
    yaml = define(tmp_path, "bar.yaml", "name: bar\nstart_point_url: http://localhost/{key}", "tickets")
    file = define(tmp_path, "door.json", json.dumps(mender), "mender")
    config = '{processes, [{foo, {start_activity_url, "http://localhost:9292/foo/v0.0.1/start"}}]}.\n'
    status, out, err = check(tmp_path, config, CAMERON_COMMANDS_ALLOWED_BINARIES="/bin/true")
    assert (status, err) == (0, [])
    assert row(out, "foo").split() == ["foo", "cameron", "http://localhost:9292/foo/v0.0.1/start", str(tmp_path / "p.config")]
    assert row(out, "workflow:bar").split() == ["workflow:bar", "tickets", "http://localhost/{key}", str(yaml)]
    assert row(out, "door").split() == ["door", "mender", "/bin/true", str(file)]
    assert out.splitlines()[-1] == "3 processes, no problems"


def test_check_tells_each_problem_on_a_line_with_its_place(tmp_path: Path) -> None:
    define(tmp_path, "sound.json", '{"name": "sound", "start_activity_url": "http://a/"}')
    text = define(tmp_path, "text.json", '{\n  "name" "text"}')
    value = define(tmp_path, "value.json", '{"name": "value", "start_activity_url": "a"}')
    status, out, err = check(tmp_path)
    assert status == 1
    assert "sound" in out
    assert out.splitlines()[-1] == "1 process, 2 problems"
    assert err[0].startswith(f"{text}:2:10: ")
    assert err[1].startswith(f"{value}: $.start_activity_url: ")
    assert len(err) == 2


def test_check_tells_a_problem_of_the_config_file_with_its_place_and_goes_on(tmp_path: Path) -> None:
    define(tmp_path, "sound.json", '{"name": "sound", "start_activity_url": "http://a/"}')
    status, out, err = check(tmp_path, "{processes,\n  [}.\n")
    assert status == 1
    assert [line.startswith(f"{tmp_path}/p.config:2:4") for line in err] == [True]
    assert "sound" in out
    assert out.splitlines()[-1] == "1 process, 1 problem"


def test_what_a_file_is_called_cannot_steer_the_terminal(tmp_path: Path) -> None:
    define(tmp_path, "a\x1b[2J\n.json", "{")
    status, _, err = check(tmp_path)
    assert (status, len(err)) == (1, 1)
    assert "\x1b" not in err[0]


def test_check_tells_a_bad_setting() -> None:
    status, _, err = cameron("check", CAMERON_WEB_PORT="lots")
    assert status == 2
    assert "CAMERON_WEB_PORT" in err


def test_check_of_an_unknown_environment_is_a_2() -> None:
    status, out, err = cameron("check", "--env", "prod")
    assert (status, out) == (2, "")
    assert err.startswith("cameron: there is no environment 'prod'")


def test_check_shows_the_options_of_a_process(tmp_path: Path) -> None:
    text = '{processes, [{foo, [{start_activity_url, "http://localhost/"}, {unique, key}, {retry, [{attempts, 5}]}]}]}.\n'
    status, out, err = check(tmp_path, text)
    assert (status, err) == (0, [])
    assert "retry.attempts 5; unique key" in out


def mender(*command: str, **more: object) -> str:
    return json.dumps({"name": "disk", "tasks": [{"name": "df", "type": "cli", "cli": {"command": command}}], **more})


def test_check_notes_a_program_that_the_environment_does_not_allow(tmp_path: Path) -> None:
    file = define(tmp_path, "disk.json", mender("/bin/df", "-P"), "mender")
    status, out, err = check(tmp_path, CAMERON_COMMANDS_ALLOWED_BINARIES="/bin/du")
    assert (status, err) == (0, [f"{file}: note: task 'df' runs /bin/df, which is not in commands.allowed_binaries of this environment"])
    assert out.splitlines()[-1] == "1 process, no problems, 1 note"
    assert check(tmp_path, CAMERON_COMMANDS_ALLOWED_BINARIES="/bin/du,/bin/df")[2] == []


def test_check_notes_each_variable_that_the_environments_templates_may_not_use(tmp_path: Path) -> None:
    text = mender("${env.PROGRAM}", "${env.A.B|none}", "$${env.NONE}", "${env.HOME} ${env.PROGRAM}", description="costs ${")
    file = define(tmp_path, "disk.json", text, "mender")
    status, _, err = check(tmp_path, CAMERON_TEMPLATES_ENV="HOME")
    told = "is a variable that is not in templates.env of this environment"
    assert (status, err) == (0, [f"{file}: note: ${{env.{name}}} {told}" for name in ("PROGRAM", "A.B")])
    assert check(tmp_path, CAMERON_TEMPLATES_ENV="HOME,PROGRAM")[2] == err[1:]


def test_where_texts_are_no_templates_nothing_is_noted(tmp_path: Path) -> None:
    define(tmp_path, "one.json", '{"name": "one", "start_activity_url": "http://h/${env.HOME}"}')
    assert check(tmp_path)[::2] == (0, [])


def test_notes_and_problems_are_told_side_by_side(tmp_path: Path) -> None:
    define(tmp_path, "disk.json", mender("/bin/df"), "mender")
    define(tmp_path, "text.json", "{")
    status, out, err = check(tmp_path)
    assert (status, len(err)) == (1, 2)
    assert out.splitlines()[-1] == "1 process, 1 problem, 1 note"


PAY = "from cameron import activity\n@activity\ndef {}(data): ...\n"


def package(folder: Path, **modules: str) -> None:
    """The package `activities` of these modules."""
    for name, text in {"__init__": "", **modules}.items():
        file = python(folder) / "activities" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def workflow(*activities: object, **more: object) -> str:
    return json.dumps({"name": "W", "activities": [said if isinstance(said, dict) else {"name": said} for said in activities], **more})


def test_check_counts_the_python_activities(tmp_path: Path) -> None:
    package(tmp_path, orders=PAY.format("charge") + PAY.format("send"))
    define(tmp_path, "w.json", workflow("charge"), "libero")
    status, out, err = check(tmp_path)
    assert (status, err, out.splitlines()[-1]) == (0, [], "1 process, 2 Python activities, no problems")


def test_check_tells_the_problems_of_the_package(tmp_path: Path) -> None:
    package(tmp_path, a="import not_there_at_all", b=PAY.format("charge"), c=PAY.format("charge"), d="print('printed')\n" + PAY.format("x"))
    status, out, err = check(tmp_path)
    assert (status, out.splitlines()[-1]) == (1, "no processes, 1 Python activity, 2 problems")
    assert "printed" not in out
    assert [line.split(": ")[0] for line in err] == [
        "activities/a.py:1",
        "the activity charge is there 2 times, at activities/b.py:2 and activities/c.py:2, and none of them is taken",
    ]


def test_check_tells_each_place_that_names_an_activity_that_is_not_there(tmp_path: Path) -> None:
    package(tmp_path, a=PAY.format("charge") + "def plain(data): ...\n")
    file = define(tmp_path, "o.json", workflow("chargee", "charge", {"name": "x", "activity": "plain"}, "chargee", "${odd}"), "libero")
    task = {"name": "t", "type": "python", "taskdef": {"activity": "chargee"}}
    other = define(tmp_path, "m.json", json.dumps({"name": "M", "tasks": [task]}), "mender")
    status, _, err = check(tmp_path)
    start = "there is no Python activity"
    missing = f"{start} 'chargee' in 'activities' ({python(tmp_path)}); did you mean 'charge'?"
    plain = f"{start} 'plain' in 'activities' ({python(tmp_path)}): a function plain is at activities/a.py:4: put @activity before it"
    assert status == 1
    assert sorted(err) == sorted(
        [
            f"{file}: $.activities[0].name: {missing}",
            f"{file}: $.activities[3].name: {missing}",
            f"{file}: $.activities[2].activity: {plain}",
            f"{other}: $.tasks[0].taskdef.activity: {missing}",
        ]
    )


def test_check_goes_on_though_the_package_ends_its_process(tmp_path: Path) -> None:
    package(tmp_path, a="import os\nos._exit(0)\n")
    define(tmp_path, "w.json", workflow("charge"), "libero")
    status, out, err = check(tmp_path)
    assert (status, out.splitlines()[-1]) == (1, "1 process, 1 problem")
    why = "its process ended by itself, with status 0, while activities.a was imported"
    assert err == [f"the package 'activities' could not be looked through: {why}"]


def test_a_package_that_nobody_has_named_may_be_missing(tmp_path: Path) -> None:
    assert check(tmp_path)[::2] == (0, [])
    status, _, err = check(tmp_path, CAMERON_PYTHON_ACTIVITIES_PACKAGE="acts")
    assert (status, [line.partition(":")[0] for line in err]) == (1, ["the package acts is not there"])
    file = define(tmp_path, "w.json", workflow("charge"), "libero")
    status, _, err = check(tmp_path)
    start = (
        f"{file}: $.activities[0].name: there is no Python activity 'charge' in 'activities': the package activities is not there: looked"
    )
    assert (status, [line.startswith(start) for line in err]) == (1, [True])


def test_without_a_package_check_notes_who_wants_one(tmp_path: Path) -> None:
    file = define(tmp_path, "w.json", workflow("a", "b", "c", "d", "e", "a"), "libero")
    define(tmp_path, "x.json", '{"name": "x", "start_activity_url": "http://a/"}')
    status, out, err = check(tmp_path, CAMERON_PYTHON_ACTIVITIES_PACKAGE="")
    why = "this environment has no package of them (activities_package under [python])"
    assert (status, err) == (0, [f"{file}: note: it names activities in Python (a, b, c and 2 more), and {why}"])
    assert out.splitlines()[-1] == "2 processes, no problems, 1 note"


def test_check_notes_what_may_be_a_slip(tmp_path: Path) -> None:
    package(tmp_path, a=PAY.format("charge"))
    file = define(tmp_path, "w.json", workflow("charge", config={"max_retry": 5}), "libero")
    told = "$.config.max_retry: is left to your activities; did you mean the engine's 'max_retries'?"
    assert check(tmp_path)[::2] == (0, [f"{file}: note: {told}"])
