"""What the tree makes of the configuration; the tree itself runs in the integration tests."""

from pathlib import Path

import pytest

from cameron import config
from cameron.core.process import Limits, RetryPolicy, Timeouts
from cameron.tree import OwnAddress, settings_of
from cameron.web.server import Listening


def read(tmp_path: Path, **settings: str) -> config.Config:
    """The configuration of `test` with these settings, named without `CAMERON_`."""
    return config.load("test", {f"CAMERON_{name}": value for name, value in settings.items()}, tmp_path)


def test_definitions_start_from_the_defaults_of_the_configuration(tmp_path: Path) -> None:
    settings = settings_of(read(tmp_path), {"HOME": "/home/ann"})
    assert (settings.retry, settings.timeouts, settings.limits) == (RetryPolicy(), Timeouts(), Limits())
    assert (settings.command_timeout_s, settings.callback_timeout_s) == (300.0, 86_400.0)
    assert (dict(settings.env), settings.allowed_binaries) == ({}, frozenset())


def test_templates_see_the_variables_that_are_allowed_and_there(tmp_path: Path) -> None:
    settings = settings_of(read(tmp_path, TEMPLATES_ENV="HOME,NOWHERE"), {"HOME": "/home/ann", "PASSWORD": "secret"})
    assert dict(settings.env) == {"HOME": "/home/ann"}
    with pytest.raises(TypeError):
        settings.env["PASSWORD"] = "taken"  # type: ignore[index]  # this is what must not work


def test_commands_and_callbacks_are_as_they_are_configured(tmp_path: Path) -> None:
    given = {"COMMANDS_ALLOWED_BINARIES": "/bin/tar, echo", "COMMANDS_TIMEOUT_S": "5", "JOB_CALLBACK_TIMEOUT_S": "60"}
    settings = settings_of(read(tmp_path, **given), {})
    assert settings.allowed_binaries == {"/bin/tar", "echo"}
    assert (settings.command_timeout_s, settings.callback_timeout_s) == (5.0, 60.0)


def test_services_reach_a_free_port_once_it_is_known(tmp_path: Path) -> None:
    address = OwnAddress(read(tmp_path, WEB_HOST="0.0.0.0", WEB_PORT="0").web)
    address.learn(Listening("0.0.0.0", 4321))
    assert address() == "http://localhost:4321"


def test_services_reach_the_public_url_whatever_is_listened_on(tmp_path: Path) -> None:
    address = OwnAddress(read(tmp_path, WEB_PUBLIC_URL="https://api.example/").web)
    assert address() == "https://api.example"
    address.learn(Listening("127.0.0.1", 4321))
    assert address() == "https://api.example"
