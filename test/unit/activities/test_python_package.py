"""What is found in a package, and what is told of what is not."""

import sys
from pathlib import Path

from cameron.activities.python_activity import PythonActivity
from cameron.activities.python_package import PythonPackage, discover

from .packages import Discovered, Written

FUNCTION = "from cameron.activities.activity import activity\n@activity{}\ndef {}(data): ...\n"
CLASS = "from cameron.activities.base_activity import BaseActivity\nclass {}(BaseActivity):\n    def do_activity(self): ...\n"


def function(name: str, options: str = "") -> str:
    """A module's text."""
    return FUNCTION.format(options, name)


def test_no_name_is_no_package(tmp_path: Path) -> None:
    before = list(sys.path)
    assert discover("", tmp_path) == PythonPackage("", tmp_path, {}, ())
    assert sys.path == before


def test_functions_and_classes_of_all_modules_below_it_are_found_with_their_places(discovered: Discovered) -> None:
    found = discovered(
        {
            "__init__.py": function("top"),
            "one.py": CLASS.format("Charge"),
            "sub/__init__.py": "",
            "sub/two.py": "\n\n" + function("pay", "(name='pay-it', timeout_s=5, isolation='process')"),
            "bare/three.py": function("deep"),
        }
    )
    name = found.name
    assert found.problems == ()
    assert found.activities == {
        "top": PythonActivity("top", name, "top", 0.0, "", f"{name}/__init__.py:2"),
        "Charge": PythonActivity("Charge", f"{name}.one", "Charge", 0.0, "", f"{name}/one.py:2"),
        "pay-it": PythonActivity("pay-it", f"{name}.sub.two", "pay", 5.0, "process", f"{name}/sub/two.py:4"),
        "deep": PythonActivity("deep", f"{name}.bare.three", "deep", 0.0, "", f"{name}/bare/three.py:2"),
    }


def test_one_module_may_be_all_of_it(written: Written, tmp_path: Path) -> None:
    package = written({"one.py": function("pay")})
    assert discover(f"{package}.one", tmp_path).activities.keys() == {"pay"}


def test_what_is_merely_imported_has_another_name_or_does_nothing_is_no_other_activity(discovered: Discovered) -> None:
    found = discovered(
        {
            "base.py": CLASS.format("Paid") + "class Common(BaseActivity): ...\nAgain = Paid\n",
            "one.py": "from .base import Common, Paid, BaseActivity\nclass Mine(Paid): ...\nclass Other:\n    do_activity = 1\n",
            "two.py": CLASS.format("Yours").replace("(BaseActivity)", "(Common)").replace("\n", "\nfrom .base import Common\n", 1),
        }
    )
    assert (sorted(found.activities), found.problems) == (["Mine", "Paid", "Yours"], ())


def test_a_class_that_is_abstract_is_none(discovered: Discovered) -> None:
    text = "from abc import ABC, abstractmethod\n" + CLASS.format("A").replace("(BaseActivity)", "(BaseActivity, ABC)")
    found = discovered({"one.py": text.replace("    def", "    @abstractmethod\n    def")})
    assert (found.activities, found.problems) == ({}, ())
    assert found.hints == {"A": f"the class A at {found.name}/one.py:3 is abstract: implement what it declares"}


def test_a_class_that_does_nothing_and_is_nobodys_base_is_told(discovered: Discovered) -> None:
    found = discovered({"one.py": CLASS.format("Idle").replace("do_activity", "do_activty")})
    place = f"{found.name}/one.py:2"
    assert found.problems == (f"{place}: Idle is left out: it has no do_activity(self): write one",)
    assert found.hints == {"Idle": f"the class Idle is at {place}, but it has no do_activity(self): write one"}


def test_what_is_nearly_an_activity_has_a_hint(discovered: Discovered) -> None:
    found = discovered(
        {
            "a.py": "def plain(data): ...\nclass Bare:\n    def do_activity(self): ...\n",
            "b.py": function("pay", "(name='pay-it')"),
            "c.py": "import not_there_at_all\n" + function("broken") + CLASS.format("Broken"),
            "d.py": "from .a import plain\n",
        }
    )
    n = found.name
    assert found.activities.keys() == {"pay-it"}
    [problem] = found.problems
    assert found.hints == {
        "plain": f"a function plain is at {n}/a.py:1: put @activity before it",
        "Bare": f"the class Bare at {n}/a.py:2 does not derive from BaseActivity: write class Bare(BaseActivity)",
        "pay": f"the function pay at {n}/b.py:2 is called 'pay-it'",
        "broken": problem,
        "Broken": problem,
    }


def test_code_that_imports_from_another_system_is_told_what_to_write(discovered: Discovered) -> None:
    found = discovered(
        {
            "a.py": "from libero_flow.activities.base_activity import BaseActivity\n",
            "b.py": "import libero_flow.activities.base_activity\n",
            "c.py": "from libero_flow.no_such_thing import nothing\n",
            "d.py": "import libero_flow\n",
        }
    )
    ends = [problem.partition(": No module named ")[2] for problem in found.problems]
    assert ends == ["'libero_flow': write cameron for libero_flow"] * 2 + ["'libero_flow'"] * 2


def test_each_module_is_told_before_it_is_imported(written: Written, tmp_path: Path) -> None:
    package, entered = written({"a.py": "1 / 0", "sub/__init__.py": "", "sub/b.py": ""}), list[str]()
    discover(package, tmp_path, entering=entered.append)
    assert entered == [package, *(f"{package}.{name}" for name in ("a", "sub", "sub.b"))]


def test_a_module_that_cannot_be_imported_is_told_with_its_line_and_the_others_go_on(discovered: Discovered) -> None:
    found = discovered(
        {
            "a.py": "import sys\nsys.exit(1)",
            "b.py": "def f(:",
            "c.py": "\nimport not_there_at_all",
            "d.py": "raise KeyboardInterrupt",
            "e.py": "class E(Exception):\n    def __str__(self): raise SystemExit\nraise E",
            "f.py": "from cameron.activities.activity import activity\n@activity\nasync def g(data): ...",
            "g/__init__.py": "1 / 0",
            "g/h.py": function("hidden"),
            "z.py": function("pay"),
        }
    )
    assert found.activities.keys() == {"pay"}
    n = found.name
    missing = "cannot be imported, and its activities are missing"
    for problem, start in zip(
        found.problems,
        [
            f"{n}/a.py:2: the module {n}.a {missing}: sys.exit(1)",
            f"{n}/b.py:1: the module {n}.b {missing}: SyntaxError: ",
            f"{n}/c.py:2: the module {n}.c {missing}: ModuleNotFoundError: No module named 'not_there_at_all'",
            f"{n}/d.py:1: the module {n}.d {missing}: KeyboardInterrupt",
            f"{n}/e.py:3: the module {n}.e {missing}: an exception that cannot be shown",
            f"{n}/f.py:2: the module {n}.f {missing}: TypeError: @activity cannot take g: it is `async`",
            f"{n}/g/__init__.py:1: the module {n}.g {missing}: ZeroDivisionError: division by zero",
        ],
        strict=True,
    ):
        assert problem.startswith(start)


def test_of_two_activities_of_one_name_none_is_taken(discovered: Discovered) -> None:
    found = discovered({"a.py": function("pay"), "b.py": CLASS.format("pay"), "c.py": function("other")})
    assert found.activities.keys() == {"other"}
    n = found.name
    assert found.problems == (f"the activity pay is there 2 times, at {n}/a.py:2 and {n}/b.py:2, and none of them is taken: rename one",)
    assert found.hints == {"pay": f"'pay' is there 2 times, at {n}/a.py:2 and {n}/b.py:2: rename one"}


def test_what_nobody_would_await_or_understand_is_left_out(discovered: Discovered) -> None:
    late = "from __future__ import annotations\n" + function("late").replace("(data)", "(data: Order)") + "{}"
    found = discovered(
        {
            "a.py": CLASS.format("Waits").replace("    def", "    async def"),
            "b.py": late.format("class Order:\n    pass\n"),
            "c.py": late.format("").replace("late", "lost"),
            "d.py": late.format("import msgspec\nclass Order(msgspec.Struct):\n    a: int\n").replace("late", "fine"),
        }
    )
    n = found.name
    assert found.activities.keys() == {"fine"}
    assert found.problems == (
        f"{n}/a.py:2: Waits is left out: do_activity is `async` or a generator, and nobody would await it: write a plain `def`",
        f"{n}/b.py:3: late is left out: the annotation of data is of no use: JSON has no Order: write a dataclass, TypedDict, NamedTuple, "
        "or what they may hold (str, int, list, dict, ...), or none",
        f"{n}/c.py:3: lost is left out: an annotation names what is not there (name 'Order' is not defined): import it, also where no type "
        "checker looks",
    )


def test_a_module_whose_things_misbehave_when_they_are_looked_at_is_told(discovered: Discovered) -> None:
    text = "class Odd:\n    @property\n    def __class__(self): raise SystemExit(1)\nodd = Odd()\n"
    found = discovered({"a.py": text, "b.py": function("pay")})
    assert found.activities.keys() == {"pay"}
    assert len(found.problems) == 1
    assert found.problems[0].startswith(f"{found.name}/a.py:3: the module {found.name}.a cannot be imported")


def test_a_module_that_puts_something_else_in_its_place_costs_no_other(discovered: Discovered) -> None:
    texts = [f"import sys\nsys.modules[__name__] = {value}\n" for value in ("5", "sys", "type('T', (), {'__path__': 5})")]
    found = discovered({"a.py": texts[0], "b.py": texts[1], "c.py": texts[2], "d.py": function("pay")})
    assert found.activities.keys() == {"pay"}
    assert [problem.partition(":")[0] for problem in found.problems] == [
        f"what is below {found.name}.c cannot be listed, and its activities are missing",
        f"{found.name}.a",
    ]


def test_a_program_of_the_package_is_not_run(discovered: Discovered) -> None:
    assert discovered({"__main__.py": "1 / 0", "sub/__init__.py": "", "sub/__main__.py": "1 / 0"}).problems == ()


def test_a_package_that_is_not_there_says_where_it_was_looked_for(tmp_path: Path) -> None:
    for name in ("no_such_package", "no_such_package.below", "json.below"):
        found = discover(name, tmp_path)
        assert found.activities == {}
        assert found.problems == (
            f"the package {name} is not there: looked for in {tmp_path}, and wherever else Python looks; make one, or name another one in "
            "python.activities_package",
        )
        assert found.absence == found.problems[0]
        optional = discover(name, tmp_path, is_optional=True)
        assert (optional.problems, optional.absence) == ((), found.absence)
    assert discover("no_such_package", None).problems[0].startswith("the package no_such_package is not there: looked for in all")


def test_the_folder_in_which_it_lies_is_told(written: Written, tmp_path: Path) -> None:
    package = written({"sub/one.py": ""})
    assert [discover(name, tmp_path).folder for name in (package, f"{package}.sub", f"{package}.sub.one")] == [str(tmp_path)] * 3


def test_a_package_that_misses_something_is_another_matter(discovered: Discovered) -> None:
    found = discovered({"__init__.py": "import not_there_at_all"})
    assert found.problems == (
        f"{found.name}/__init__.py:1: the module {found.name} cannot be imported, and its activities are missing: "
        "ModuleNotFoundError: No module named 'not_there_at_all'",
    )


def test_its_folder_stands_first_on_pythons_path_once(written: Written, tmp_path: Path) -> None:
    package = written({})
    for _ in range(2):
        discover(package, tmp_path)
    assert (sys.path[0], sys.path.count(str(tmp_path))) == (str(tmp_path), 1)
