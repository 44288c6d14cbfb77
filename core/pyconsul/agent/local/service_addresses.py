"""What the agent looks at in a service before it keeps it: addresses by family, names that DNS cannot find."""

from __future__ import annotations

import ipaddress

import msgspec

from pyconsul.agent.dns.names import MAX_LABEL, UNFIT
from pyconsul.structs.catalog import NodeService, ServiceAddress
from pyconsul.structs.errors import InternalError
from pyconsul.telemetry import logger

__all__ = ["check_tagged_addresses", "warn_about_names", "with_tagged_addresses"]

_log = logger("agent")


def with_tagged_addresses(service: NodeService) -> NodeService:
    """The service with ``lan_*`` and ``wan_*`` addresses of its own address's family, where that is an IP."""
    try:
        version = ipaddress.ip_address(service.Address).version
    except ValueError:
        return service
    own = ServiceAddress(Address=service.Address, Port=service.Port or 0)
    given = service.TaggedAddresses or {}
    return msgspec.structs.replace(
        service, TaggedAddresses={f"lan_ipv{version}": own, f"wan_ipv{version}": own, **given}
    )


def warn_about_names(service: NodeService) -> None:
    """Log which names DNS will not be able to find."""
    name = service.Service
    if UNFIT.search(name):
        _log.warn(
            "Service name will not be discoverable via DNS due to invalid characters. Valid characters include "
            "all alpha-numerics and dashes.",
            service=name,
        )
    elif len(name) > MAX_LABEL:
        _log.warn(
            "Service name will not be discoverable via DNS due to it being too long. Valid lengths are between "
            "1 and 63 bytes.",
            service=name,
        )
    for tag in service.Tags or ():
        if UNFIT.search(tag):
            _log.debug(
                "Service tag will not be discoverable via DNS due to invalid characters. Valid characters include "
                "all alpha-numerics and dashes.",
                tag=tag,
            )
        elif len(tag) > MAX_LABEL:
            _log.debug(
                "Service tag will not be discoverable via DNS due to it being too long. Valid lengths are between "
                "1 and 63 bytes.",
                tag=tag,
            )


def check_tagged_addresses(service: NodeService) -> None:
    """Raise InternalError when an address stands under a tag of the other family."""
    # Consul looks at lan_ipv6 twice and never at wan_ipv6; so do we, for what it takes we must take.
    for tag, version in (("lan_ipv4", 4), ("wan_ipv4", 4), ("lan_ipv6", 6)):
        given = (service.TaggedAddresses or {}).get(tag)
        if given is None:
            continue
        try:
            fits = ipaddress.ip_address(given.Address).version == version
        except ValueError:
            fits = False
        if not fits:
            raise InternalError(f'Service tagged address "{tag}" must be a valid ipv{version} address')
