"""The table of commands: name → module and summary. Reading it imports no command.

A command without a module is a group; one whose module is LATER belongs to a capability that is not built yet.
"""

from __future__ import annotations

from typing import Final, NamedTuple

GROUP: Final = ""
LATER: Final = "later"


class Row(NamedTuple):
    """One command: its module below ``pyconsul.cli.commands``, and one line for the overview."""

    module: str
    summary: str


COMMANDS: Final[dict[str, Row]] = {
    "acl": Row(GROUP, "Tokens, policies, roles and auth methods of the ACL system"),
    "acl auth-method": Row(GROUP, "Auth methods, by which others' identities become tokens"),
    "acl auth-method create": Row("acl.auth_method_create", "Creates an auth method"),
    "acl auth-method delete": Row("acl.auth_method_delete", "Deletes an auth method"),
    "acl auth-method list": Row("acl.auth_method_list", "Lists auth methods"),
    "acl auth-method read": Row("acl.auth_method_read", "Shows one auth method"),
    "acl auth-method update": Row("acl.auth_method_update", "Changes an auth method"),
    "acl binding-rule": Row(GROUP, "Rules that give rights to those who log in"),
    "acl binding-rule create": Row("acl.binding_rule_create", "Creates a binding rule"),
    "acl binding-rule delete": Row("acl.binding_rule_delete", "Deletes a binding rule"),
    "acl binding-rule list": Row("acl.binding_rule_list", "Lists binding rules"),
    "acl binding-rule read": Row("acl.binding_rule_read", "Shows one binding rule"),
    "acl binding-rule update": Row("acl.binding_rule_update", "Changes a binding rule"),
    "acl bootstrap": Row("acl.bootstrap", "Creates the first management token"),
    "acl policy": Row(GROUP, "Policies: named sets of ACL rules"),
    "acl policy create": Row("acl.policy_create", "Creates a policy"),
    "acl policy delete": Row("acl.policy_delete", "Deletes a policy"),
    "acl policy list": Row("acl.policy_list", "Lists policies"),
    "acl policy read": Row("acl.policy_read", "Shows one policy"),
    "acl policy update": Row("acl.policy_update", "Changes a policy"),
    "acl role": Row(GROUP, "Roles: named sets of policies and identities"),
    "acl role create": Row("acl.role_create", "Creates a role"),
    "acl role delete": Row("acl.role_delete", "Deletes a role"),
    "acl role list": Row("acl.role_list", "Lists roles"),
    "acl role read": Row("acl.role_read", "Shows one role"),
    "acl role update": Row("acl.role_update", "Changes a role"),
    "acl set-agent-token": Row("acl.set_agent_token", "Gives a running agent one of its tokens"),
    "acl templated-policy": Row(GROUP, "Policies that Consul brings along"),
    "acl templated-policy list": Row("acl.templated_policy_list", "Lists templated policies"),
    "acl templated-policy preview": Row(
        "acl.templated_policy_preview", "Shows the rules that a templated policy makes"
    ),
    "acl templated-policy read": Row("acl.templated_policy_read", "Shows one templated policy"),
    "acl token": Row(GROUP, "Tokens: who may do what"),
    "acl token clone": Row("acl.token_clone", "Makes a token with the rights of another"),
    "acl token create": Row("acl.token_create", "Creates a token"),
    "acl token delete": Row("acl.token_delete", "Deletes a token"),
    "acl token list": Row("acl.token_list", "Lists tokens"),
    "acl token read": Row("acl.token_read", "Shows one token"),
    "acl token update": Row("acl.token_update", "Changes a token"),
    "agent": Row("agent", "Runs a Consul agent"),
    "catalog": Row(GROUP, "Datacenters, nodes and services of the catalog"),
    "catalog datacenters": Row("catalog.datacenters", "Lists the known datacenters"),
    "catalog nodes": Row("catalog.nodes", "Lists the nodes of a datacenter"),
    "catalog services": Row("catalog.services", "Lists the services of a datacenter"),
    "config": Row(GROUP, "Config entries, Consul's central configuration"),
    "config delete": Row("config.delete", "Deletes a config entry"),
    "config list": Row("config.list", "Lists config entries of one kind"),
    "config read": Row("config.read", "Shows one config entry"),
    "config write": Row("config.write", "Creates or changes a config entry"),
    "connect": Row(GROUP, "The service mesh"),
    "connect ca": Row(GROUP, "The mesh's certificate authority"),
    "connect ca get-config": Row("connect.ca_get_config", "Shows the configuration of the certificate authority"),
    "connect ca set-config": Row("connect.ca_set_config", "Changes the configuration of the certificate authority"),
    "connect envoy": Row(LATER, "Runs Envoy as a mesh proxy, or prints its bootstrap"),
    "connect envoy pipe-bootstrap": Row(LATER, "Hands Envoy its bootstrap through a pipe"),
    "connect expose": Row("connect.expose", "Lets an ingress gateway expose a service"),
    "connect proxy": Row(LATER, "Runs the built-in mesh proxy"),
    "connect redirect-traffic": Row(LATER, "Sets up traffic redirection for a transparent proxy"),
    "debug": Row("debug", "Records what an agent does for a while, for support"),
    "event": Row("event", "Fires a user event"),
    "exec": Row("exec", "Runs a command on many nodes"),
    "force-leave": Row("force_leave", "Makes a member of the cluster count as left"),
    "info": Row("info", "Shows figures of a running agent"),
    "intention": Row(GROUP, "Intentions: which service may call which"),
    "intention check": Row("intention.check", "Tells whether a connection is allowed"),
    "intention create": Row("intention.create", "Creates intentions"),
    "intention delete": Row("intention.delete", "Deletes an intention"),
    "intention get": Row("intention.get", "Shows one intention"),
    "intention list": Row("intention.list", "Lists intentions"),
    "intention match": Row("intention.match", "Lists the intentions that match a service"),
    "join": Row("join", "Makes an agent join a cluster"),
    "keygen": Row("keygen", "Makes a gossip encryption key"),
    "keyring": Row("keyring", "Manages the gossip encryption keys of a cluster"),
    "kv": Row(GROUP, "Reads and writes the key-value store"),
    "kv delete": Row("kv.delete", "Deletes a key, or all keys below a prefix"),
    "kv export": Row("kv.export", "Writes a part of the store as JSON"),
    "kv get": Row("kv.get", "Shows a value, or lists keys and values"),
    "kv import": Row("kv.import_", "Reads what kv export wrote"),
    "kv put": Row("kv.put", "Creates or changes a value"),
    "leave": Row("leave", "Makes an agent leave its cluster and stop"),
    "lock": Row("lock", "Runs a command while holding a lock"),
    "login": Row("login", "Turns another identity into a token"),
    "logout": Row("logout", "Destroys a token that login made"),
    "maint": Row("maint", "Takes a node or service out of service, and back"),
    "members": Row("members", "Lists the members of the cluster"),
    "monitor": Row("monitor", "Follows the log of an agent"),
    "operator": Row(GROUP, "Tools for those who run the servers"),
    "operator autopilot": Row(GROUP, "Automatic care of the servers"),
    "operator autopilot get-config": Row("operator.autopilot_get_config", "Shows Autopilot's configuration"),
    "operator autopilot set-config": Row("operator.autopilot_set_config", "Changes Autopilot's configuration"),
    "operator autopilot state": Row("operator.autopilot_state", "Shows how healthy the servers are"),
    "operator raft": Row(GROUP, "The servers' Raft configuration"),
    "operator raft list-peers": Row("operator.raft_list_peers", "Lists the Raft members"),
    "operator raft remove-peer": Row("operator.raft_remove_peer", "Removes a Raft member"),
    "operator raft transfer-leader": Row("operator.raft_transfer_leader", "Hands leadership to another server"),
    "operator usage": Row(GROUP, "How much is registered"),
    "operator usage instances": Row("operator.usage_instances", "Counts services, instances and nodes"),
    "peering": Row(GROUP, "Connections between clusters"),
    "peering delete": Row("peering.delete", "Ends a peering"),
    "peering establish": Row("peering.establish", "Accepts the peering token of another cluster"),
    "peering exported-services": Row("peering.exported_services", "Lists the services exported to a peer"),
    "peering generate-token": Row("peering.generate_token", "Makes a peering token for another cluster"),
    "peering list": Row("peering.list", "Lists peerings"),
    "peering read": Row("peering.read", "Shows one peering"),
    "reload": Row("reload", "Makes an agent read its configuration again"),
    "resource": Row(GROUP, "Version 2 resources"),
    "resource apply": Row(LATER, "Creates or changes a resource"),
    "resource apply-grpc": Row(LATER, "Creates or changes a resource over gRPC"),
    "resource delete": Row(LATER, "Deletes a resource"),
    "resource delete-grpc": Row(LATER, "Deletes a resource over gRPC"),
    "resource list": Row(LATER, "Lists resources of a type"),
    "resource list-grpc": Row(LATER, "Lists resources of a type over gRPC"),
    "resource read": Row(LATER, "Shows one resource"),
    "resource read-grpc": Row(LATER, "Shows one resource over gRPC"),
    "rtt": Row("rtt", "Estimates the round trip time between two nodes"),
    "services": Row(GROUP, "Services of the local agent"),
    "services deregister": Row("services.deregister", "Removes services from the local agent"),
    "services export": Row("services.export", "Exports a service to peers"),
    "services exported-services": Row("services.exported_services", "Lists exported services"),
    "services register": Row("services.register", "Registers services with the local agent"),
    "snapshot": Row(GROUP, "Backups of the servers' state"),
    "snapshot agent": Row("snapshot.agent", "Saves snapshots on a schedule"),
    "snapshot decode": Row("snapshot.decode", "Prints every record of a snapshot as JSON"),
    "snapshot inspect": Row("snapshot.inspect", "Shows what a snapshot holds"),
    "snapshot restore": Row("snapshot.restore", "Replaces the servers' state by a snapshot"),
    "snapshot save": Row("snapshot.save", "Saves the servers' state to a file"),
    "tls": Row(GROUP, "Certificates for agents"),
    "tls ca": Row(GROUP, "The certificate authority for agents"),
    "tls ca create": Row("tls.ca_create", "Creates a certificate authority"),
    "tls cert": Row(GROUP, "Certificates signed by it"),
    "tls cert create": Row("tls.cert_create", "Creates a certificate"),
    "troubleshoot": Row(GROUP, "Finds out why something does not connect"),
    "troubleshoot ports": Row("troubleshoot.ports", "Tells which of a server's ports are open"),
    "troubleshoot proxy": Row(LATER, "Examines a mesh proxy"),
    "troubleshoot upstreams": Row(LATER, "Lists the upstreams of a mesh proxy"),
    "validate": Row("validate", "Checks configuration files"),
    "version": Row("version", "Prints the version"),
    "watch": Row("watch", "Waits for changes and runs a command on each"),
}


def children(parent: str) -> dict[str, Row]:
    """The commands directly below ``parent`` ("" for the top), by their full names, in order."""
    prefix = f"{parent} " if parent else ""
    names = sorted(n for n in COMMANDS if n.startswith(prefix) and " " not in n[len(prefix) :])
    return {name: COMMANDS[name] for name in names if name != parent}


def longest_command(words: list[str]) -> str:
    """The longest name that ``words`` begin with, or an empty text."""
    for count in range(len(words), 0, -1):
        name = " ".join(words[:count])
        if name in COMMANDS:
            return name
    return ""
