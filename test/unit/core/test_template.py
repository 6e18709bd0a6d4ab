"""`{key}` in URLs."""

import pytest

from cameron.core.template import UnknownName, fill_url


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("http://service/plain", "http://service/plain"),
        ("http://service/{key}", "http://service/a%2Fb%20%C3%A4%3F"),
        ("http://service/{key}/{id}?of={key}", "http://service/a%2Fb%20%C3%A4%3F/7?of=a%2Fb%20%C3%A4%3F"),
        ("http://service/{}/{not a name}", "http://service/{}/{not a name}"),
    ],
)
def test_names_are_replaced_by_their_values_percent_encoded(template: str, filled: str) -> None:
    assert fill_url(template, {"key": "a/b ä?", "id": "7"}) == filled


def test_a_value_is_not_itself_a_template() -> None:
    assert fill_url("http://service/{key}", {"key": "{id}", "id": "7"}) == "http://service/%7Bid%7D"


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(UnknownName, match=r"\{kye\}.* id, key"):
        fill_url("http://service/{kye}", {"key": "", "id": ""})
    with pytest.raises(UnknownName, match="no names at all"):
        fill_url("http://service/{kye}", {})
