"""Pieces of configuration: a checked configuration that can be shown, or a ConfigError."""

from __future__ import annotations

import msgspec

from pyconsul.config import ConfigError, load
from pyconsul.config.sanitise import sanitised

SEEDS = [
    b'datacenter = "dc2" ports { http = 8600 grpc = -1 } dns_config { node_ttl = "5s" soa { retry = 5 } }',
    b'service { name = "web" port = 80 check { ttl = "5s" } connect { sidecar_service { port = 1 } } }',
    b'checks = [{ name = "c" args = ["x"] interval = "5s" }] node_meta { a = "b" } client_addr = "::1 unix:///x"',
    b'tls { defaults { verify_incoming = true } grpc { ca_file = "x" } } limits { rpc_rate = 5.5 }',
    b'telemetry { prefix_filter = ["+a", "-b"] } retry_join = ["provider=x key=y"]',
    b'acl { tokens { agent = "x" } } acl_ttl = "1s" log_level = "WARN" watches = [{ type = "key" }]',
]
TOKENS = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"=",
    b'"',
    b" ",
    b"\n",
    b"0",
    b"-1",
    b"1.5",
    b"true",
    b'"x"',
    b"[{}]",
    b"{}",
    b"ports",
    b"service",
    b"check",
    b"name",
    b"check",
    b"sidecar_service",
    b"{{ GetPrivateIP }}",
]


def run(data: bytes) -> None:
    """Load the piece into a development agent's configuration."""
    try:
        loaded = load({"dev": True, "hcl": [data.decode("utf-8", "surrogateescape")]}, {})
    except ConfigError as error:
        assert str(error)
        return
    msgspec.json.encode(sanitised(loaded.runtime))
