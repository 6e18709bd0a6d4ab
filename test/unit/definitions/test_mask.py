"""What nobody is shown of the environment."""

import json
from html import escape
from urllib.parse import quote

import pytest

from cameron.definitions.mask import Mask

SECRET = 'to"k&n/1\n'


@pytest.mark.parametrize("form", [SECRET, quote(SECRET, safe=""), escape(SECRET), json.dumps(SECRET)[1:-1], repr(SECRET)[1:-1]])
def test_a_value_is_hidden_in_whatever_form_it_stands_there(form: str) -> None:
    assert Mask({"TOKEN": SECRET})(f"a {form}{form} b") == "a ****** b"


def test_short_values_stay_as_they_stand_in_any_text() -> None:
    assert Mask({"SHORT": "12345", "EMPTY": ""})("12345 and more") == "12345 and more"


def test_of_a_value_within_another_nothing_is_left() -> None:
    assert Mask({"A": "secret", "B": "my-secret-too"})("my-secret-too, secret") == "***, ***"


def test_a_value_that_is_no_text_in_json_is_hidden_too() -> None:
    assert Mask({"A": "secret\udcff"})("a secret\udcff") == "a ***"
