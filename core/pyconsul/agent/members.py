"""The members of the gossip pools as the API shows them. A single server knows itself; gossip will add the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

from msgspec import Meta

from pyconsul.structs.wire import WireStruct

if TYPE_CHECKING:
    from pyconsul.agent.agent import Agent

__all__ = ["ALIVE", "Member", "lan_members", "local_member", "wan_members"]

ALIVE: Final = 1

_Byte: TypeAlias = Annotated[int, Meta(extra={"go": "uint8"})]


class Member(WireStruct, frozen=True, kw_only=True):
    """One member; ``Status``: 1 alive, 2 leaving, 3 left, 4 failed. Protocol numbers are memberlist's and Serf's."""

    Name: str
    Addr: Annotated[str, Meta(extra={"go": "net.IP"})]
    Port: Annotated[int, Meta(extra={"go": "uint16"})]
    Tags: dict[str, str]
    Status: int = ALIVE
    ProtocolMin: _Byte = 1
    ProtocolMax: _Byte = 5
    ProtocolCur: _Byte = 2
    DelegateMin: _Byte = 2
    DelegateMax: _Byte = 5
    DelegateCur: _Byte = 4


def local_member(agent: Agent) -> Member:
    """This agent in the LAN pool."""
    config = agent.config
    tags = _tags(agent)
    if config.serf_advertise_wan is not None:
        tags["wan_join_port"] = str(config.serf_advertise_wan.port)
    where = config.serf_advertise_lan
    return Member(Name=agent.node_name, Addr=where.host, Port=where.port, Tags=dict(sorted(tags.items())))


def lan_members(agent: Agent) -> list[Member]:
    """All members of this datacenter."""
    return [local_member(agent)]


def wan_members(agent: Agent) -> list[Member]:
    """The servers of all datacenters; none while the WAN pool is off."""
    where = agent.config.serf_advertise_wan
    if where is None:
        return []
    name = f"{agent.node_name}.{agent.datacenter}"
    return [Member(Name=name, Addr=where.host, Port=where.port, Tags=dict(sorted(_tags(agent).items())))]


def _tags(agent: Agent) -> dict[str, str]:
    config = agent.config
    tags = {
        "acls": "1" if config.acl.enabled else "0",
        "build": f"{config.version}:{config.revision[:8]}",
        "dc": config.datacenter,
        "ft_fs": "1",
        "ft_si": "1",
        "id": agent.node_id,
        "port": str(config.rpc_advertise.port),
        "raft_vsn": "3",
        "role": "consul",
        "segment": config.segment,
        "vsn": str(config.protocol),
        "vsn_max": "3",
        "vsn_min": "2",
    }
    if config.bootstrap:
        tags["bootstrap"] = "1"
    if config.bootstrap_expect:
        tags["expect"] = str(config.bootstrap_expect)
    if config.ports.grpc > 0:
        tags["grpc_port"] = str(config.ports.grpc)
    if config.ports.grpc_tls > 0:
        tags["grpc_tls_port"] = str(config.ports.grpc_tls)
    if config.read_replica:
        tags["nonvoter"] = tags["read_replica"] = "1"
    if config.tls.internal_rpc.ca_file or config.tls.internal_rpc.ca_path:
        tags["use_tls"] = "1"
    return tags
