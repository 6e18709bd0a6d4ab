"""Paths as they may be logged."""

import pytest

from cameron.web.paths import without_token

JOB = "/api/process/foo/key/k/job/0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "end", ["/callback/TOK", "/callback/TOK/", "/callback/TOK/x", "//callback//TOK", "/callback///TOK//", "/callback%2FTOK"]
)
@pytest.mark.parametrize("start", [f"{JOB}/task/wait", f"{JOB}/task/callback", f"{JOB}/task", "", "/s/wait"])
def test_a_callbacks_token_is_not_logged_however_its_url_is_misspelt(start: str, end: str) -> None:
    logged = without_token(start + end)
    assert "TOK" not in logged
    assert logged.startswith(start)
    assert logged.endswith("/callback/...")


@pytest.mark.parametrize(
    "path",
    [
        "/api/process/callback/start",
        "/api/process/foo/key/callback/job/0123456789abcdef0123456789abcdef",
        "/api/workflow/callback/0123456789abcdef0123456789abcdef",
        "/e/callback/0123456789abcdef0123456789abcdef",
        f"{JOB}/task/wait/callback",
        f"{JOB}/task/wait/callback/",
        "/status",
    ],
)
def test_all_other_paths_are_logged_as_they_are(path: str) -> None:
    assert without_token(path) == path


def test_the_token_of_a_job_whose_key_is_callback_is_not_logged_either() -> None:
    job = "/api/process/callback/key/callback/job/0123456789abcdef0123456789abcdef"
    assert without_token(f"{job}/task/wait/callback/TOK") == f"{job}/task/wait/callback/..."
