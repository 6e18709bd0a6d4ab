"""Settings: what wins over what, and what a person is told about one that cannot be used."""

import dataclasses
import re
from pathlib import Path

import pytest

from cameron import config
from cameron.errors import ConfigError

CHECKOUT = Path(__file__).resolve().parent.parent.parent


def write(root: Path, text: str, environment: str = "test") -> Path:
    folder = root / "priv" / "config"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{environment}.toml").write_text(text, encoding="utf-8")
    return folder / f"{environment}.toml"


def test_defaults_of_development_are_the_documented_ones(tmp_path: Path) -> None:
    expected = config.Config(
        environment="development",
        root=tmp_path,
        node=config.NodeConfig(name="", lease_s=10.0, max_jobs=10_000, max_jobs_per_process=8000, shutdown_s=10.0, cores="auto"),
        web=config.WebConfig(
            host="127.0.0.1",
            port=8080,
            threads=8,
            nodes=1,
            share_port="no",
            max_body_bytes=1_048_576,
            accept_timeout_s=5.0,
            max_wait_s=60.0,
            public_url="",
        ),
        redis=config.RedisConfig(url="", dir=tmp_path / "var/redis/development", port=6380, timeout_s=5.0),
        processes=config.ProcessesConfig(file=tmp_path / "priv/processes/development.config"),
        definitions=config.DefinitionsConfig(dir=tmp_path / "priv/definitions"),
        templates=config.TemplatesConfig(env=""),
        http=config.HttpConfig(
            max_calls=4096, max_calls_per_host=256, connect_timeout_s=5.0, call_timeout_s=300.0, max_reply_bytes=1_048_576, proxy=""
        ),
        commands=config.CommandsConfig(allowed_binaries="", max_commands=64, timeout_s=300.0, max_output_bytes=1_048_576, kill_after_s=3.0),
        python=config.PythonConfig(
            activities_package="activities",
            path=tmp_path / "priv",
            max_threads=32,
            max_processes=8,
            max_zombies=100,
            timeout_s=300.0,
            kill_after_s=3.0,
            max_memory_bytes=1_073_741_824,
        ),
        rabbitmq=config.RabbitmqConfig(
            url="", exchange="start_workflow", queue="workflow_starter", dead_letter_queue="workflow_starter.dead", prefetch=100
        ),
        retry=config.RetryConfig(attempts=3, delay_s=0.5, factor=2.0, cap_s=30.0),
        job=config.JobConfig(
            timeout_s=604_800.0,
            max_tasks=10_000,
            max_depth=1000,
            max_stored_bytes=67_108_864,
            max_backlog=1_000_000,
            max_crashes=5,
            callback_timeout_s=86_400.0,
            retention_s=604_800.0,
            idempotency_s=86_400.0,
        ),
        log=config.LogConfig(level="info", format="console", syslog=""),
    )
    assert config.load("development", {}, tmp_path) == expected


@pytest.mark.parametrize(
    ("environment", "host", "port", "redis_port", "log_format", "syslog"),
    [
        ("development", "127.0.0.1", 8080, 6380, "console", ""),
        ("test", "127.0.0.1", 8008, 0, "console", ""),
        ("production", "0.0.0.0", 8001, 0, "json", "/dev/log"),
    ],
)
def test_environments_differ_where_the_document_says(
    tmp_path: Path, environment: str, host: str, port: int, redis_port: int, log_format: str, syslog: str
) -> None:
    read = config.load(environment, {}, tmp_path)
    assert (read.web.host, read.web.port, read.redis.port, read.log.format, read.log.syslog) == (host, port, redis_port, log_format, syslog)


def test_production_has_a_node_for_each_core_and_the_others_have_one(tmp_path: Path) -> None:
    nodes = {environment: config.load(environment, {}, tmp_path).web.nodes for environment in config.ENVIRONMENTS}
    assert nodes == {"development": 1, "test": 1, "production": 0}


@pytest.mark.parametrize(("text", "shares"), [("yes", True), ("no", False)])
def test_a_port_is_shared_where_somebody_says_so(tmp_path: Path, text: str, shares: bool) -> None:
    assert config.load("test", {"CAMERON_WEB_SHARE_PORT": text}, tmp_path).web.shares_port is shares


@pytest.mark.parametrize("text", ["auto", "all", "0", "2-3,6", "0,1,2", "10-11"])
def test_cores_are_numbers_and_ranges(tmp_path: Path, text: str) -> None:
    assert config.load("test", {"CAMERON_NODE_CORES": text}, tmp_path).node.cores == text


def test_production_reads_no_examples(tmp_path: Path) -> None:
    folders = {environment: config.load(environment, {}, tmp_path).definitions.dir.name for environment in config.ENVIRONMENTS}
    assert folders == {"development": "definitions", "test": "definitions", "production": "definitions.production"}
    packages = {environment: config.load(environment, {}, tmp_path).python.activities_package for environment in config.ENVIRONMENTS}
    assert packages == {"development": "activities", "test": "activities", "production": ""}


@pytest.mark.parametrize("environment", config.ENVIRONMENTS)
def test_every_default_shown_in_a_shipped_file_is_the_true_one(tmp_path: Path, environment: str) -> None:
    shipped = (CHECKOUT / f"priv/config/{environment}.toml").read_text(encoding="utf-8")
    shown = re.sub(r"^# (?=[a-z_]+ = )", "", shipped, flags=re.MULTILINE)
    assert shown != shipped
    unwritten = config.load(environment, {}, tmp_path)
    write(tmp_path, shown, environment)
    assert config.load(environment, {}, tmp_path) == unwritten


def test_a_project_whose_definitions_are_all_in_files_of_their_own_needs_no_config_file(tmp_path: Path) -> None:
    (tmp_path / "priv/definitions").mkdir(parents=True)
    assert config.load("test", {}, tmp_path).processes_file is None
    named = config.load("test", {"CAMERON_PROCESSES_FILE": "other.config"}, tmp_path)
    assert named.processes_file == tmp_path / "other.config"
    (tmp_path / "priv/processes").mkdir()
    written = tmp_path / "priv/processes/test.config"
    written.touch()
    assert config.load("test", {}, tmp_path).processes_file == written


def test_where_there_are_no_definitions_at_all_the_config_file_is_asked_for(tmp_path: Path) -> None:
    assert config.load("test", {}, tmp_path).processes_file == tmp_path / "priv/processes/test.config"


@pytest.mark.parametrize("environment", config.ENVIRONMENTS)
def test_a_shipped_file_loads(environment: str) -> None:
    assert config.load(environment, {}, CHECKOUT).processes.file.is_file()


def test_the_file_wins_over_defaults_and_a_variable_over_the_file(tmp_path: Path) -> None:
    write(tmp_path, '[web]\nport = 9000\nthreads = 3\n[node]\nlease_s = 2\n[log]\nlevel = "debug"')
    read = config.load("test", {"CAMERON_WEB_PORT": "9001", "CAMERON_NODE_NAME": "red"}, tmp_path)
    assert (read.web.port, read.web.threads, read.node.lease_s, read.node.name, read.log.level) == (9001, 3, 2.0, "red", "debug")


def test_every_setting_can_be_given_as_a_variable_and_keeps_its_type(tmp_path: Path) -> None:
    plain = config.load("production", {}, tmp_path)
    environ = {
        f"CAMERON_{section}_{key}".upper(): str(value)
        for section, table in dataclasses.asdict(plain).items()
        if isinstance(table, dict)
        for key, value in table.items()
    }
    assert len(environ) >= 61
    assert config.load("production", environ, tmp_path) == plain
    assert isinstance(config.load("test", {"CAMERON_NODE_LEASE_S": "3"}, tmp_path).node.lease_s, float)


def test_relative_paths_are_of_the_project_and_absolute_ones_stay(tmp_path: Path) -> None:
    environ = {"CAMERON_REDIS_DIR": "here", "CAMERON_PROCESSES_FILE": "/there/x.config", "CAMERON_DEFINITIONS_DIR": "defs"}
    read = config.load("test", environ, tmp_path)
    assert (read.redis.dir, read.processes.file, read.definitions.dir) == (tmp_path / "here", Path("/there/x.config"), tmp_path / "defs")


def test_the_project_is_the_current_folder_if_it_has_priv_else_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert config.load("test", {}).root == CHECKOUT
    (tmp_path / "priv").mkdir()
    assert config.load("test", {}).root == tmp_path


def test_a_config_cannot_be_changed(tmp_path: Path) -> None:
    read = config.load("test", {}, tmp_path)
    with pytest.raises(dataclasses.FrozenInstanceError):
        read.web.port = 1  # type: ignore[misc]  # this is what must not work


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[wev]\nport = 1", "unknown section [wev] (did you mean web?): the sections are node, web,"),
        ("port = 1", "unknown section [port]"),
        ("web = 1", "web must be a section: write [web] and its keys below"),
        ("[[web]]\nport = 1", "web must be a section"),
        ("[web]\nprot = 1", "[web] has no key 'prot' (did you mean port?): the keys are host, port, threads,"),
        ('[web]\nport = "8080"', "[web] port: must be a whole number from 0 to 65535, not '8080'"),
        ("[web]\nport = 80.5", "[web] port: must be a whole number"),
        ("[web]\nport = true", "[web] port: must be a whole number"),
        ("[web]\nport = 65536", "[web] port: must be a whole number from 0 to 65535, not 65536"),
        ("[web]\nport = {}", "[web] port: must be a whole number"),
        ("[node]\nlease_s = nan", "[node] lease_s: must be a number from 0.1 to 3600 seconds, not nan"),
        ("[node]\nlease_s = inf", "[node] lease_s: must be a number"),
        ("[node]\nlease_s = 0", "[node] lease_s: must be a number"),
        ("[job]\nmax_crashes = 0", "[job] max_crashes: must be a whole number from 1 to 1000, not 0"),
        ("[job]\nretention_s = 0.5", "[job] retention_s: must be a number from 1 to 3153600000 seconds, or 0 (for ever), not 0.5"),
        ("[job]\nretention_s = -1", "or 0 (for ever), not -1"),
        ("[web]\nmax_body_bytes = -1", "[web] max_body_bytes: must be a whole number from 1 to 1073741824 bytes, not -1"),
        ("[web]\nhost = 1", "[web] host: must be text in quotes, not 1"),
        ('[log]\nlevel = "loud"', "[log] level: must be debug, info, warning, error or critical, not 'loud'"),
        ('[log]\nformat = "xml"', "[log] format: must be console or json, not 'xml'"),
        ('[log]\nsyslog = "nowhere"', "[log] syslog: must be a socket such as /dev/log, host:port, or empty, not 'nowhere'"),
        ('[node]\nname = "a b"', "[node] name: must be up to 64 letters, digits,"),
        (
            '[node]\ncores = "0,"',
            "[node] cores: must be auto (one at a time, chosen by itself), all, or numbers of cores such as 0 or 2-3,6, not '0,'",
        ),
        ('[node]\ncores = "0 1"', "[node] cores: must be auto"),
        ("[node]\ncores = 0", "[node] cores: must be text in quotes, not 0"),
        (
            "[web]\nnodes = -1",
            "[web] nodes: must be a whole number from 1 to 1024, or 0 (one for each core that the program may use), not -1",
        ),
        ("[web]\nshare_port = true", "[web] share_port: must be text in quotes, not True"),
        ('[web]\nshare_port = "maybe"', "[web] share_port: must be yes or no, not 'maybe'"),
        ('[redis]\ndir = ""', "[redis] dir: must be a path"),
        ('[definitions]\ndir = ""', "[definitions] dir: must be a path"),
        ('[templates]\nenv = "HOME,1X"', "[templates] env: must be names of environment variables, comma-joined, such as HOME,LANG, not "),
        ('[templates]\nenv = "HOME LANG"', "[templates] env: must be names of environment variables"),
        ('[templates]\nenv = ["HOME"]', "[templates] env: must be text in quotes"),
        ('[commands]\nallowed_binaries = ["tar"]', "[commands] allowed_binaries: must be text in quotes, not ['tar']"),
        ('[commands]\nallowed_binarys = "tar"', "[commands] has no key 'allowed_binarys' (did you mean allowed_binaries?)"),
        ("[commands]\nmax_commands = 0", "[commands] max_commands: must be a whole number from 1 to 10000, not 0"),
        ('[web]\npublic_url = "cameron:8080"', "[web] public_url: must be an http:// or https:// address without ? and #, or empty, not "),
        ('[web]\npublic_url = "http://a/?x"', "[web] public_url: must be an http:// or https:// address"),
        ("[web]\nmax_wait_s = -1", "[web] max_wait_s: must be a number from 0 to 3600 seconds, not -1"),
        ("[web", "is not TOML: "),
        ("a = " + "[" * 5000, "is not TOML: "),
    ],
)
def test_an_unusable_file_is_told_by_file_key_and_what_is_allowed(tmp_path: Path, text: str, told: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError, match=re.escape(f"{path}: ") + ".*" + re.escape(told)):
        config.load("test", {}, tmp_path)


def test_a_file_that_is_not_text_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, "")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read as UTF-8 text"):
        config.load("test", {}, tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("CAMERON_WEB_PROT", "1", "CAMERON_WEB_PROT is unknown (did you mean CAMERON_WEB_PORT?): correct or unset it"),
        ("CAMERON_ENV", "test", "CAMERON_ENV is unknown: correct or unset it"),
        ("CAMERON_FROB_X", "1", "CAMERON_FROB_X is unknown: correct or unset it"),
        ("CAMERON_WEB_PORT", "eighty", "CAMERON_WEB_PORT: must be a whole number from 0 to 65535, not 'eighty'"),
        ("CAMERON_WEB_PORT", "", "CAMERON_WEB_PORT: must be a whole number"),
        ("CAMERON_WEB_PORT", "٣", "CAMERON_WEB_PORT: must be a whole number"),
        ("CAMERON_WEB_PORT", "9" * 10_000, "CAMERON_WEB_PORT: must be a whole number"),
        ("CAMERON_JOB_TIMEOUT_S", "nan", "CAMERON_JOB_TIMEOUT_S: must be a number from 0.001 to 315360000 seconds, not 'nan'"),
        ("CAMERON_JOB_TIMEOUT_S", "1e999", "CAMERON_JOB_TIMEOUT_S: must be a number"),
        ("CAMERON_HTTP_PROXY", "proxy:3128", "CAMERON_HTTP_PROXY: must be an http://, https:// or socks5:// address, or empty"),
    ],
)
def test_an_unusable_variable_is_told_by_name_and_what_is_allowed(tmp_path: Path, name: str, value: str, told: str) -> None:
    with pytest.raises(ConfigError, match="the environment variable " + re.escape(told)):
        config.load("test", {name: value}, tmp_path)


def test_a_retention_of_0_is_for_ever(tmp_path: Path) -> None:
    write(tmp_path, "[job]\nretention_s = 0")
    assert config.load("test", {}, tmp_path).job.retention_s == 0
    assert config.load("test", {"CAMERON_JOB_RETENTION_S": "0.0"}, tmp_path).job.retention_s == 0


@pytest.mark.parametrize(
    "name",
    [
        "CAMERON",
        "CAMERON_URL",
        "CAMERON_SOAK",
        "CAMERON_FAULT",
        "CAMERON_LEASH",
        "CAMERON_PORT",
        "CAMERON_JOB",
        "CAMERON_IDEMPOTENCY_KEY",
        "CAMERON_SERVICE_HOST",
        "CAMERON_PORT_8080_TCP_ADDR",
        "CAMERON_WEB_SERVICE_PORT",
    ],
)
def test_variables_that_are_not_settings_are_left_alone(tmp_path: Path, name: str) -> None:
    assert config.load("test", {name: "tcp://10.0.0.1:8080"}, tmp_path) == config.load("test", {}, tmp_path)


@pytest.mark.parametrize("name", ["CAMERON_REDIS_URL", "CAMERON_HTTP_PROXY"])
def test_an_address_that_may_hold_a_password_is_not_shown(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError) as raised:
        config.load("test", {name: "ftp://user:secret@host"}, tmp_path)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("url", ["", "redis://h:6379/0", "rediss://:pw@h", "unix:///run/redis.sock"])
def test_redis_is_reached_by_any_of_its_addresses(tmp_path: Path, url: str) -> None:
    assert config.load("test", {"CAMERON_REDIS_URL": url}, tmp_path).redis.url == url


@pytest.mark.parametrize("environment", ["developmnt", "", "../x", "Test"])
def test_an_unknown_environment_is_told_with_those_there_are(tmp_path: Path, environment: str) -> None:
    with pytest.raises(ConfigError, match=r"there is no environment .*: it is one of development, test, production"):
        config.load(environment, {}, tmp_path)


@pytest.mark.parametrize(
    ("settings", "reached_at"),
    [
        ({}, "http://127.0.0.1:8008"),
        ({"HOST": "0.0.0.0", "PORT": "80"}, "http://localhost:80"),
        ({"HOST": "::"}, "http://localhost:8008"),
        ({"HOST": "::1"}, "http://[::1]:8008"),
        ({"HOST": "cameron.example"}, "http://cameron.example:8008"),
        ({"PUBLIC_URL": "https://api.example/cameron/"}, "https://api.example/cameron"),
        ({"PUBLIC_URL": "http://api.example"}, "http://api.example"),
    ],
)
def test_services_reach_the_api_at_its_public_url_or_where_it_listens(tmp_path: Path, settings: dict[str, str], reached_at: str) -> None:
    environ = {f"CAMERON_WEB_{key}": value for key, value in settings.items()}
    assert config.load("test", environ, tmp_path).web.reached_at == reached_at


@pytest.mark.parametrize(
    ("text", "names"), [("", ()), ("HOME", ("HOME",)), (" HOME , LANG_2,_x ", ("HOME", "LANG_2", "_x")), ("HOME,", ("HOME",))]
)
def test_a_comma_joined_setting_is_a_list(tmp_path: Path, text: str, names: tuple[str, ...]) -> None:
    read = config.load("test", {"CAMERON_TEMPLATES_ENV": text, "CAMERON_COMMANDS_ALLOWED_BINARIES": text}, tmp_path)
    assert read.templates.env_names == names
    assert read.commands.allowed == frozenset(names)
