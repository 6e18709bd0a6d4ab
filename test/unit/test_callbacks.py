"""Callback URLs: nobody can guess one, and each is of one task."""

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameron.callbacks import SEGMENT_SAFE, Callbacks
from cameron.web import paths

UUID = "0123456789abcdef0123456789abcdef"
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)


class Shared:
    """Stands for the secret in Redis."""

    def __init__(self, standing: str = "s" * 64) -> None:
        self.standing, self.known = standing, ""

    def keep(self) -> str:
        """What stands there is known from now on."""
        self.known = self.standing
        return self.known


def callbacks(secret: Any = None, base: str = "http://host:8080") -> Callbacks:
    """Of a node that has learnt the secret."""
    made = Callbacks(secret or Shared(), lambda: base)
    made.learn()
    return made


def test_the_url_is_that_of_the_task_with_a_token_at_its_end() -> None:
    url = callbacks().url("foo", "(id,007)", UUID, "act_1")
    found = re.fullmatch(rf"http://host:8080/api/process/foo/key/\(id,007\)/job/{UUID}/task/act_1/callback/([0-9a-f]{{64}})", url)
    assert found
    assert callbacks().is_right("foo", UUID, "act_1", found[1])


@pytest.mark.parametrize("base", ["https://api.example.org/cameron", "https://api.example.org/cameron/"])
def test_the_url_begins_with_where_the_api_is_reached_now(base: str) -> None:
    assert callbacks(base=base).url("foo", "k", UUID, "t").startswith("https://api.example.org/cameron/api/process/foo/key/k/job/")


@given(process=st.sampled_from(["foo", "workflow:bar"]), key=TEXTS, task=TEXTS)
def test_each_part_of_the_path_is_encoded_once_as_the_web_api_does(process: str, key: str, task: str) -> None:
    segments = urlsplit(callbacks().url(process, key, UUID, task)).path.split("/")
    assert segments[3::2] == [paths.encode_segment(text) for text in (process, key, UUID, task, segments[-1])]
    assert [paths.decode_segment(segment) for segment in segments[3:11:2]] == [process, key, UUID, task]


def test_what_may_stand_in_a_path_is_the_same_here_and_in_the_web_api() -> None:
    assert SEGMENT_SAFE == paths.SEGMENT_SAFE


def test_a_token_is_the_same_on_every_node_and_at_every_time() -> None:
    assert callbacks().token("foo", UUID, "ü") == callbacks(base="http://other").token("foo", UUID, "ü")


@pytest.mark.parametrize(
    ("process", "uuid", "task"), [("bar", UUID, "t"), ("foo", UUID.replace("0", "1"), "t"), ("foo", UUID, "t2"), ("foo", UUID, "T")]
)
def test_a_token_is_of_one_task_alone(process: str, uuid: str, task: str) -> None:
    token = callbacks().token("foo", UUID, "t")
    assert not callbacks().is_right(process, uuid, task, token)


def test_a_token_of_another_secret_is_not_right() -> None:
    assert not callbacks().is_right("foo", UUID, "t", callbacks(Shared("z" * 64)).token("foo", UUID, "t"))


@pytest.mark.parametrize("token", ["", "0" * 64, "ü", "\ud800", "x" * 100_000])
def test_any_text_may_be_offered_as_a_token(token: str) -> None:
    assert not callbacks().is_right("foo", UUID, "t", token)


def test_a_right_token_in_capitals_or_cut_short_is_not_right() -> None:
    token = callbacks().token("foo", UUID, "t")
    assert not any(callbacks().is_right("foo", UUID, "t", wrong) for wrong in (token.upper(), token[:-1], token + "0"))


def test_before_the_secret_is_known_nothing_is_right_and_no_url_goes_out() -> None:
    ignorant = Callbacks(Shared(), lambda: "http://host")  # type: ignore[arg-type]
    assert not ignorant.is_right("foo", UUID, "t", callbacks().token("foo", UUID, "t"))
    with pytest.raises(RuntimeError, match=r"call learn\(\) before anything runs"):
        ignorant.url("foo", "k", UUID, "t")


def test_what_is_learnt_again_counts_from_then_on() -> None:
    secret = Shared()
    made = callbacks(secret)
    token = made.token("foo", UUID, "t")
    secret.standing = "z" * 64
    assert made.is_right("foo", UUID, "t", token)
    made.learn()
    assert (made.is_right("foo", UUID, "t", token), made.token("foo", UUID, "t") == token) == (False, False)
