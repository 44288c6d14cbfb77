"""Where a service runs by its SRV records (RFC 2782), as Go's ``net.LookupSRV`` finds out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver


async def service_address(name: str, resolver: Resolver | None = None) -> str:
    """``host:port`` of one of the best records of ``_http._tcp.name``, chosen by weight; "" where there is none.

    ``resolver``: whom to ask, left out: whom the system asks.
    """
    import dns.asyncresolver  # a tenth of a second that most never need
    import dns.exception

    question = f"_http._tcp.{name}"
    try:
        asked = resolver or dns.asyncresolver.get_default_resolver()
        answer = await asked.resolve(question, "SRV", search=True)
    except (dns.exception.DNSException, OSError):
        return ""
    best: Any = answer.rrset.processing_order()[0] if answer.rrset else None
    return f"{best.target.to_text(omit_final_dot=True)}:{best.port}" if best is not None else ""
