"""Which URLs are called, and as what."""

import pytest

from cameron.activities.call import InvalidCall
from cameron.activities.target import target


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://foo/start", ("http://foo/start", "foo:80", "http://foo/start", True)),
        ("https://foo", ("https://foo", "foo:443", "https://foo", True)),
        ("HTTP://Foo:9292/A?b=c", ("HTTP://Foo:9292/A?b=c", "foo:9292", "HTTP://Foo:9292/A?b=c", True)),
        ("http://[::1]:80/", ("http://[::1]:80/", "[::1]:80", "http://[::1]:80/", False)),
        ("http://127.0.0.1/", ("http://127.0.0.1/", "127.0.0.1:80", "http://127.0.0.1/", False)),
        ("http://foo/(id,007)%2F", ("http://foo/(id,007)%2F", "foo:80", "http://foo/(id,007)%2F", True)),
        ("http://foo/a b?q=é ü", ("http://foo/a%20b?q=%C3%A9%20%C3%BC", "foo:80", "http://foo/a b?q=é ü", True)),
        ("http://bücher.de:81/é", ("http://xn--bcher-kva.de:81/%C3%A9", "xn--bcher-kva.de:81", "http://bücher.de:81/é", True)),
        ("http://me:secret@foo/x", ("http://me:secret@foo/x", "foo:80", "http://foo/x", True)),
        ("http://mé:s@foo/x", ("http://m%C3%A9:s@foo/x", "foo:80", "http://foo/x", True)),
    ],
)
def test_a_url_becomes_ascii_and_names_its_host(url: str, expected: tuple[str, str, str, bool]) -> None:
    assert target(url) == expected


@pytest.mark.parametrize(
    "url",
    ["", "foo", "/start", "http://", "http:///x", "ftp://foo/x", "file:///etc/passwd", "http://foo:99999/", "http://foo:x/", "http://[::1/",
     "http://foo/\r\nHost: bar", "http://foo/\x00", "http://fo\to/", " http:// /", "javascript:1", "http://" + "é" * 70 + "/", "http://foo/\ud800"],
)  # fmt: skip
def test_what_is_no_http_url_is_refused_with_a_text(url: str) -> None:
    with pytest.raises(InvalidCall, match="URL"):
        target(url)


def test_a_password_is_not_shown_in_an_error() -> None:
    with pytest.raises(InvalidCall) as error:
        target("ftp://me:secret@foo/x")
    assert "secret" not in str(error.value)
