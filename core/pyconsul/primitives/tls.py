"""Whom TLS trusts: what Go's ``crypto/x509`` trusts, on every version of Python alike."""

from __future__ import annotations

import ssl


def trust_as_go_does(context: ssl.SSLContext) -> None:
    """Let any authority that was given count, and certificates that keep less than the letter of RFC 5280.

    OpenSSL by itself wants a chain to end at a root, and Python from 3.13 on wants key identifiers that many a
    certificate in use does not have.
    """
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.hostname_checks_common_name = False  # Go reads the names for hosts only


def plain_pem(text: str) -> str:
    """A PEM text as OpenSSL takes it, in ASCII: bundles name their authorities in the letters of many languages."""
    return text.encode("ascii", "replace").decode()


def client_context(
    *, ca_file: str = "", ca_path: str = "", ca_pem: str = "", verify: bool = True, protocols: tuple[str, ...] = ()
) -> ssl.SSLContext:
    """A client's context that trusts these authorities, the system's where none is given, or anybody (``verify``).

    ``protocols`` are offered by ALPN, if there are any. Raises OSError (and its kind ssl.SSLError) for authorities that
    cannot be read.
    """
    if not verify and not (ca_file or ca_path or ca_pem):  # the system's authorities take 20 ms to read
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    else:
        pem = plain_pem(ca_pem) or None
        context = ssl.create_default_context(cafile=ca_file or None, capath=ca_path or None, cadata=pem)
    trust_as_go_does(context)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(protocols)
    return context
