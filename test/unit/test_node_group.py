"""How many nodes a group has, and what each is told; the programs themselves run in the acceptance tests."""

import os
from pathlib import Path

import pytest

from cameron import config, cores, node_group, tree
from cameron.errors import ConfigError

ALL = cores.usable()
URL = "redis://127.0.0.1:1/0"


def read(tmp_path: Path, **settings: str) -> config.Config:
    """The configuration of `test` with these settings, named without `CAMERON_`, on a Redis that nobody looks for."""
    (tmp_path / "priv/definitions").mkdir(parents=True, exist_ok=True)
    return config.load("test", {f"CAMERON_{name}": value for name, value in ({"REDIS_URL": URL} | settings).items()}, tmp_path)


def environments(tmp_path: Path, nodes: int, **settings: str) -> list[dict[str, str]]:
    return node_group.environments({"HOME": "/home/ann"}, tree.assemble(read(tmp_path, **settings)), 4321, nodes)


def test_there_are_as_many_nodes_as_configured_and_one_by_default(tmp_path: Path) -> None:
    assert node_group.count(read(tmp_path)) == 1
    assert node_group.count(read(tmp_path, WEB_NODES="3")) == 3


def test_0_nodes_are_one_for_each_core_that_may_be_used(tmp_path: Path) -> None:
    assert node_group.count(read(tmp_path, WEB_NODES="0")) == cores.worth(ALL)
    assert node_group.count(read(tmp_path, WEB_NODES="0", NODE_CORES=str(ALL[0]))) == 1


def test_cores_that_are_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="CAMERON_NODE_CORES"):
        node_group.count(read(tmp_path, WEB_NODES="0", NODE_CORES=str(ALL[-1] + 1)))


def test_each_node_is_one_alone_that_shares_the_port(tmp_path: Path) -> None:
    told = environments(tmp_path, len(ALL) + 1, WEB_PORT="0")
    assert len(told) == len(ALL) + 1
    assert all(
        one == {"HOME": "/home/ann", "CAMERON_WEB_NODES": "1", "CAMERON_WEB_PORT": "4321", "CAMERON_WEB_SHARE_PORT": "yes"} for one in told
    )
    again = config.load("test", told[0], tmp_path)
    assert (again.web.nodes, again.web.port, again.web.shares_port) == (1, 4321, True)


def test_where_there_is_a_node_for_each_core_each_has_its_own(tmp_path: Path) -> None:
    told = environments(tmp_path, len(ALL))
    assert [one["CAMERON_NODE_CORES"] for one in told] == [str(core) for core in ALL]
    assert all("CAMERON_NODE_CORES" not in one for one in environments(tmp_path, len(ALL) + 1))


def test_nodes_that_may_use_all_cores_are_kept_to_none(tmp_path: Path) -> None:
    assert all("CAMERON_NODE_CORES" not in one for one in environments(tmp_path, len(ALL), NODE_CORES="all"))


def test_cores_that_are_chosen_are_shared_out_where_they_are_as_many_as_nodes(tmp_path: Path) -> None:
    chosen = str(ALL[-1])
    assert [one["CAMERON_NODE_CORES"] for one in environments(tmp_path, 1, NODE_CORES=chosen)] == [chosen]
    assert all("CAMERON_NODE_CORES" not in one for one in environments(tmp_path, 2, NODE_CORES=chosen))


def test_the_nodes_are_told_of_the_redis_that_comes_along_and_of_no_other(tmp_path: Path) -> None:
    told = environments(tmp_path, 3, REDIS_URL="", REDIS_PORT="4322", REDIS_DIR=str(tmp_path / "data"))
    assert {one["CAMERON_REDIS_URL"] for one in told} == {"redis://127.0.0.1:4322/0"}
    assert all("CAMERON_REDIS_URL" not in one for one in environments(tmp_path, 3))


def test_a_name_is_continued_by_the_number(tmp_path: Path) -> None:
    assert [one["CAMERON_NODE_NAME"] for one in environments(tmp_path, 3, NODE_NAME="red")] == ["red-1", "red-2", "red-3"]


def test_a_name_that_leaves_no_room_for_the_number_is_told(tmp_path: Path) -> None:
    assert len(environments(tmp_path, 9, NODE_NAME="x" * 62)) == 9
    with pytest.raises(ConfigError, match=r"name under \[node\].* too long for several nodes"):
        environments(tmp_path, 10, NODE_NAME="x" * 62)


def test_what_cannot_be_used_is_told_before_anything_is_started(tmp_path: Path) -> None:
    broken = read(tmp_path, WEB_NODES="2", PROCESSES_FILE=str(tmp_path / "nowhere.config"))
    with pytest.raises(ConfigError, match=r"nowhere\.config"):
        node_group.serve(broken, tree.BOTH, ["/nowhere/python"])
    assert os.listdir(tmp_path) == ["priv"]
