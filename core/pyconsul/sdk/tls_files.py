"""The files of a client's TLS settings, tried before anything is sent and refused in the words of Consul's client."""

from __future__ import annotations

from typing import Final

from pyconsul.primitives.folders import MissingFolderError, files_below
from pyconsul.primitives.host_ports import AddressError, split_host_port
from pyconsul.primitives.system_errors import file_text
from pyconsul.sdk.errors import ConfigError
from pyconsul.sdk.settings import TLS

_CERTIFICATE: Final = b"-----BEGIN CERTIFICATE-----"


def check_files(tls: TLS) -> None:
    """Raise ConfigError for certificates and authorities that cannot be read, or are none."""
    try:
        if tls.server_name.rfind(":") > tls.server_name.rfind("]"):
            split_host_port(tls.server_name)
    except AddressError as error:
        raise ConfigError(str(error)) from error
    if bool(tls.cert_file) != bool(tls.key_file):
        raise ConfigError("both client cert and client key must be provided")
    if tls.cert_file:
        _check_key_pair(_content(tls.cert_file, ""), _content(tls.key_file, ""))
    if tls.ca_file and _CERTIFICATE not in _content(tls.ca_file, "Error loading CA File: "):
        raise ConfigError(f"Error loading CA File: Couldn't parse PEM in: {tls.ca_file}")
    try:
        authorities = files_below("" if tls.ca_file else tls.ca_path)
    except MissingFolderError as error:
        raise ConfigError(str(error)) from error
    for path in authorities:
        if _CERTIFICATE not in _content(path, "Error loading file from CAPath: "):
            raise ConfigError(f"Error loading CA Path: Couldn't parse PEM in: {path}")


def _check_key_pair(certificate: bytes, key: bytes) -> None:
    from pyconsul.structs.config_entries.key_pairs import x509_key_pair_fault  # with cryptography, 40 ms

    fault = x509_key_pair_fault(certificate, key)
    if fault:
        raise ConfigError(fault)


def _content(path: str, failure: str) -> bytes:
    """The bytes of a file. Raises ConfigError with ``failure`` in front."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as e:
        raise ConfigError(f"{failure}{file_text(e)}") from e
