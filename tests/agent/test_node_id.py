"""The ID of a node: one from the machine, or one that was kept."""

from pathlib import Path

import pytest

from pyconsul.agent import agent
from pyconsul.config.loading import load

ID = "333a158e-0d38-e425-ad6a-b7db4732c648"


def node_id(hcl: str = "", /, **flags: object) -> str:
    """What an agent with this configuration calls itself."""
    return agent.node_id_of(load({"hcl": [hcl], "bind": "127.0.0.1", **flags}).runtime)


def test_the_host_gives_an_id_where_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent of the reference on a machine with this ID told it."""
    monkeypatch.setattr(agent, "host_id", lambda: "3d1219c7-c4c5-404a-aa1f-6d2a48adfda4")
    assert node_id("disable_host_node_id = false", dev=True) == ID
    assert node_id(dev=True) != ID


def test_a_kept_id_is_read_in_lower_case(tmp_path: Path) -> None:
    """Somebody may have written the file."""
    (tmp_path / "node-id").write_text(ID.upper() + "\n")
    assert node_id(**{"data-dir": str(tmp_path), "server": True}) == ID
