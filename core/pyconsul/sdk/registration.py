"""Typed definitions of services and checks for ``agent.register_service`` and ``agent.register_check``.

Only what is set is sent; dicts in the HTTP API's form do as well. Durations are Go duration text: ``"10s"``; sizes are
bytes.
"""

from __future__ import annotations

from typing import Any

import msgspec


class CheckRegistration(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One check. Exactly one kind: TTL, HTTP, TCP, UDP, GRPC, H2PING, Args, DockerContainerID, OSService, Alias…

    Consul wants its ID in ``CheckID`` inside a service, in ``ID`` when the check is registered by itself.
    """

    ID: str = ""
    CheckID: str = ""
    Name: str = ""
    ServiceID: str = ""
    Notes: str = ""
    Status: str = ""
    TTL: str = ""
    HTTP: str = ""
    Method: str = ""
    Header: dict[str, list[str]] = {}
    Body: str = ""
    DisableRedirects: bool = False
    TCP: str = ""
    TCPUseTLS: bool = False
    UDP: str = ""
    GRPC: str = ""
    GRPCUseTLS: bool = False
    H2PING: str = ""
    H2PingUseTLS: bool = False
    Args: list[str] = []
    DockerContainerID: str = ""
    Shell: str = ""
    OSService: str = ""
    AliasNode: str = ""
    AliasService: str = ""
    Interval: str = ""
    Timeout: str = ""
    OutputMaxSize: int = 0
    TLSServerName: str = ""
    TLSSkipVerify: bool = False
    SuccessBeforePassing: int = 0
    FailuresBeforeWarning: int = 0
    FailuresBeforeCritical: int = 0
    DeregisterCriticalServiceAfter: str = ""


class ServiceRegistration(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One instance of a service. ``ID`` is ``Name`` where it is left out."""

    Name: str
    ID: str = ""
    Kind: str = ""
    Tags: list[str] = []
    Meta: dict[str, str] = {}
    Address: str = ""
    Port: int = 0
    SocketPath: str = ""
    TaggedAddresses: dict[str, dict[str, Any]] = {}
    Weights: dict[str, int] = {}
    EnableTagOverride: bool = False
    Check: CheckRegistration | None = None
    Checks: list[CheckRegistration] = []
    Proxy: dict[str, Any] = {}
    Connect: dict[str, Any] = {}
    Locality: dict[str, str] = {}
    Namespace: str = ""
    Partition: str = ""
