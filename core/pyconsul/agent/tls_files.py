"""The certificate files that the protocols of ``tls`` name, read and checked before an agent starts or reloads."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from pyconsul.primitives.folders import MissingFolderError, files_below
from pyconsul.primitives.system_errors import system_text
from pyconsul.primitives.tls import plain_pem, trust_as_go_does

if TYPE_CHECKING:
    from pyconsul.config.runtime import RuntimeConfig
    from pyconsul.config.sections import TlsProtocol


class TlsFault(ValueError):
    """Files that cannot be used, in Consul's words."""


class TlsFiles(msgspec.Struct, frozen=True, kw_only=True):
    """What one protocol presents and whom it believes."""

    cert_file: str  # "" where the protocol has no certificate of its own
    key_file: str
    authorities: str  # PEM of all of them, "" for none

    def load_into(self, context: ssl.SSLContext) -> None:
        """Present the certificate and believe the authorities. Raises OSError for files that changed since."""
        if self.cert_file:
            context.load_cert_chain(self.cert_file, self.key_file)
        if self.authorities:
            context.load_verify_locations(cadata=self.authorities)
            trust_as_go_does(context)


def check_tls_files(config: RuntimeConfig) -> None:
    """Read the files of all three protocols, in Consul's order. Raises TlsFault for the first that cannot be used."""
    auto_tls = config.auto_encrypt.tls or config.auto_config.enabled
    for protocol in (config.tls.grpc, config.tls.https, config.tls.internal_rpc):
        read_tls_files(protocol, certified_later=auto_tls)


def read_tls_files(protocol: TlsProtocol, *, certified_later: bool = False) -> TlsFiles:
    """The files of one protocol; ``certified_later`` if a certificate comes from the servers. Raises TlsFault."""
    paired = bool(protocol.cert_file and protocol.key_file)  # one without the other counts as none
    if paired:
        _check_pair(protocol.cert_file, protocol.key_file)
    authorities = list(_authorities(protocol.ca_file, protocol.ca_path))
    if protocol.verify_incoming:
        if not any(authorities):
            raise TlsFault("VerifyIncoming set but no CA certificates were provided")
        if not paired and not certified_later:
            raise TlsFault(
                "VerifyIncoming requires either a Cert and Key pair in the configuration file, "
                "or auto_encrypt/auto_config be enabled"
            )
    if protocol.verify_outgoing and not any(authorities):
        raise TlsFault("VerifyOutgoing set but no CA certificates were provided")
    return TlsFiles(
        cert_file=protocol.cert_file if paired else "",
        key_file=protocol.key_file if paired else "",
        authorities="\n".join(authorities),
    )


def _check_pair(cert_file: str, key_file: str) -> None:
    from pyconsul.structs.config_entries.key_pairs import x509_key_pair_fault  # with cryptography, 40 ms

    try:
        fault = x509_key_pair_fault(_content(cert_file), _content(key_file))
    except OSError as error:
        fault = _as_go_says(error)
    if fault:
        raise TlsFault(f"Failed to load cert/key pair: {fault}")


def _authorities(ca_file: str, ca_path: str) -> Iterator[str]:
    """The PEM texts of the file, or else of all files below the directory. Raises TlsFault."""
    try:
        paths = [ca_file] if ca_file else files_below(ca_path)
    except MissingFolderError as error:
        raise TlsFault(str(error)) from error
    if ca_path and not paths:
        raise TlsFault("Error loading from CAPath: no CAs found")
    for path in paths:
        try:
            pem = plain_pem(_content(path).decode("utf-8", "replace"))
        except OSError as error:
            raise TlsFault(f"Error loading from {path}: {_as_go_says(error)}") from error
        try:
            if pem:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
        except (ssl.SSLError, ValueError) as error:
            # Consul shows the whole text, which may be a key that was put into the wrong setting.
            raise TlsFault(f"failed to parse PEM {path}") from error
        yield pem


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _as_go_says(error: OSError) -> str:
    verb = "read" if isinstance(error, IsADirectoryError) else "open"
    return f"{verb} {error.filename}: {system_text(error)}"
