"""The files that ``tls`` names: read and judged when an agent starts and reloads, in Consul's words."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyconsul.config.runtime import RuntimeConfig
    from pyconsul.config.sections import TlsProtocol


class TlsFault(ValueError):
    """Files that cannot be used, or that are missing for what is asked."""


def check_tls_files(config: RuntimeConfig) -> None:
    """Raise TlsFault for the first protocol whose settings cannot work, whether it has a door or not."""
    auto_tls = config.auto_encrypt.tls or config.auto_config.enabled
    for protocol in (config.tls.grpc, config.tls.https, config.tls.internal_rpc):
        _check_protocol(protocol, auto_tls=auto_tls)


def _check_protocol(protocol: TlsProtocol, *, auto_tls: bool) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    has_pair = bool(protocol.cert_file and protocol.key_file)
    if has_pair:
        _load_pair(context, protocol.cert_file, protocol.key_file)
    has_authorities = load_authorities(context, protocol)
    if protocol.verify_incoming:
        if not has_authorities:
            raise TlsFault("VerifyIncoming set but no CA certificates were provided")
        if not has_pair and not auto_tls:
            raise TlsFault(
                "VerifyIncoming requires either a Cert and Key pair in the configuration file, or "
                "auto_encrypt/auto_config be enabled"
            )
    if protocol.verify_outgoing and not has_authorities:
        raise TlsFault("VerifyOutgoing set but no CA certificates were provided")


def load_authorities(context: ssl.SSLContext, protocol: TlsProtocol) -> bool:
    """Trust the certificates of ``ca_file``, else of all files below ``ca_path``; whether there are any.

    Raises TlsFault.
    """
    found = False
    for path in _authority_files(protocol):
        try:
            with open(path, "rb") as file:
                pem = file.read().decode("utf-8", "surrogateescape")
        except OSError as error:
            raise TlsFault(f"Error loading from {path}: {_opening(path, error)}") from None
        try:
            context.load_verify_locations(cadata=pem)
        except (ssl.SSLError, ValueError):
            # Consul shows the whole text; it may be a key that was put into the wrong setting.
            raise TlsFault(f"failed to parse PEM {path}") from None
        found = True
    return found


def _authority_files(protocol: TlsProtocol) -> Iterator[str]:
    if protocol.ca_file:
        yield protocol.ca_file
        return
    top = protocol.ca_path
    if not top:
        return
    if not os.path.lexists(top):
        raise TlsFault(f"lstat {top}: no such file or directory")
    if not os.path.isdir(top):
        yield top
        return
    files = sorted(os.path.join(folder, name) for folder, _, names in os.walk(top) for name in names)
    if not files:
        raise TlsFault("Error loading from CAPath: no CAs found")
    yield from files


def _load_pair(context: ssl.SSLContext, cert_file: str, key_file: str) -> None:
    try:
        for path, what in ((cert_file, "certificate"), (key_file, "key")):
            with open(path, "rb") as file:
                if b"-----BEGIN" not in file.read():
                    raise TlsFault(f"Failed to load cert/key pair: tls: failed to find any PEM data in {what} input")
        context.load_cert_chain(cert_file, key_file)
    except ssl.SSLError as error:
        reason = "private key does not match public key" if "KEY_VALUES_MISMATCH" in str(error) else str(error)
        raise TlsFault(f"Failed to load cert/key pair: tls: {reason}") from None
    except OSError as error:
        raise TlsFault(f"Failed to load cert/key pair: {_opening(str(error.filename), error)}") from None


def _opening(path: str, error: OSError) -> str:
    return f"open {path}: {os.strerror(error.errno or 0).lower()}"
