"""What a configuration may ask in vain, of this version or of any: refused at the start, never quietly left out."""

from __future__ import annotations

from typing import Final

from pyconsul.config.runtime import RuntimeConfig
from pyconsul.primitives.dialing import errno_text
from pyconsul.primitives.listening import listen_tcp

_PROTOCOLS: Final = (2, 3)
_DEFAULT_POLICIES: Final = ("allow", "deny")
_LEAST_SNAPSHOT_INTERVAL: Final = 5_000_000  # ns, that of Consul's Raft
_DOWN_POLICIES: Final = ("allow", "deny", "async-cache", "extend-cache")


class NotCapable(ValueError):
    """The configuration asks for a capability that is not there yet; the text says which and what to do."""


def refuse_unbuilt(config: RuntimeConfig) -> None:
    """Raise NotCapable for settings that an agent without them would have to ignore at somebody's risk."""
    for asked, text in (
        (
            not config.server,
            "server: client agents are not available yet in this version of py-consul. Use -dev, or -server with "
            "-bootstrap-expect=1",
        ),
        (
            config.bootstrap_expect > 1,
            "bootstrap_expect: clusters of several servers are not available yet in this version of py-consul. Use "
            "-bootstrap-expect=1",
        ),
        (
            config.server and not config.dev_mode and not config.bootstrap and config.bootstrap_expect == 0,
            "bootstrap_expect: a server that waits for others to join is not available yet in this version of "
            "py-consul. Use -bootstrap-expect=1",
        ),
        (
            config.primary_datacenter != config.datacenter,  # it would write what only the other one may
            "primary_datacenter: federations of datacenters are not available yet in this version of py-consul. Leave "
            "it out, or name the agent's own datacenter",
        ),
    ):
        if asked:
            raise NotCapable(text)


def refuse_hasty_snapshots(config: RuntimeConfig) -> None:
    """Raise ValueError where the log would be looked at without a pause."""
    if config.raft_snapshot_interval and config.raft_snapshot_interval < _LEAST_SNAPSHOT_INTERVAL:
        raise ValueError("SnapshotInterval is too low")


def refuse_odd_servers(config: RuntimeConfig) -> None:
    """Raise ValueError for a protocol that nobody speaks, a policy that means nothing, or a haste that helps nobody.

    Consul's servers find these when they start, not before. They take any ``default_intention_policy``: it is for
    proxies alone.
    """
    least, most = _PROTOCOLS
    if not least <= config.protocol <= most:
        fault = "low" if config.protocol < least else "high"
        raise ValueError(
            f"Failed to start Consul server: Protocol version '{config.protocol}' too {fault}. "
            f"Must be in range: [{least}, {most}]"
        )
    for what, value, known in (
        ("default ACL policy", config.acl.default_policy, _DEFAULT_POLICIES),
        ("down ACL policy", config.acl.down_policy, _DOWN_POLICIES),
    ):
        if value not in known:
            raise ValueError(f"Failed to start Consul server: Unsupported {what}: {value}")
    try:
        refuse_hasty_snapshots(config)
    except ValueError as error:
        raise ValueError(f"Failed to start Consul server: Failed to start Raft: {error}") from error


def refuse_foreign_address(config: RuntimeConfig) -> None:
    """Raise OSError where ``bind_addr`` is none of this host's: what others are told would lead nowhere.

    Nothing listens there yet, so the port is not looked at. The sentence is Consul's.
    """
    where = config.rpc_bind
    try:
        listen_tcp(where.host, 0, 1).close()
    except OSError as error:
        text = f"Failed to start RPC layer: listen tcp {where}: bind: {errno_text(error)}"
        raise OSError(error.errno, f"Failed to start Consul server: {text}") from error
