"""Settings of the servers' clients, tried before anything is watched: addresses, schemes, certificates, tokens."""

from __future__ import annotations

import logging
import ssl

from pyconsul.lang import gourl
from pyconsul.primitives.folders import MissingFolderError, files_below
from pyconsul.primitives.system_errors import system_text
from pyconsul.primitives.tls import plain_pem
from pyconsul.sdk.errors import ConfigError
from pyconsul.sdk.tls_files import check_files
from pyconsul.toolkit.errors import RunError
from pyconsul.toolkit.stanzas import Consul, Nomad, Tls, Vault


class _Unusable(Exception):
    """What is wrong with a setting, in the originals' words."""


def check(
    consul: Consul, vault: Vault, nomad: Nomad | None, logger: logging.Logger, *, strict_colons: bool = True
) -> None:
    """Raise RunError for settings that no client can be made of; what is merely unsafe is logged as a warning.

    ``strict_colons`` is how the tool's original reads addresses (``gourl.parse``).
    """
    try:
        _check_tls("consul", consul.tls, logger)
        try:
            settings = consul.client_settings()
            if not consul.tls.enabled:  # then the files that the environment names count
                check_files(settings.tls)
            settings.endpoint()
            settings.current_token()
        except ConfigError as error:
            raise _Unusable(f"consul: {error}") from None
        _check_tls("vault", vault.tls, logger)
        if vault.variables.fault:
            raise _Unusable(f"vault: {vault.variables.fault}")
        _check_url(vault.server, "vault: ", strict_colons)
        if nomad is not None:
            _check_tls("nomad", nomad.tls, logger)
            _check_url(nomad.address, f"nomad: invalid address '{nomad.address}': ", strict_colons)
    except _Unusable as error:
        raise RunError(f"runner: runner: client set: {error}") from None


def _check_url(address: str, head: str, strict_colons: bool) -> None:
    try:
        gourl.parse(address, strict_colons=strict_colons)
    except gourl.UrlError as error:
        raise _Unusable(f"{head}{error}") from None


def _check_tls(name: str, tls: Tls, logger: logging.Logger) -> None:
    if not tls.enabled:
        return
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if tls.cert:
        key = tls.key or tls.cert
        for path in (tls.cert, key):
            _check_readable(path, f"{name}: ")
        try:
            made.load_cert_chain(tls.cert, key, password="")  # a locked key is refused: OpenSSL would ask the terminal
        except ssl.SSLError as error:
            raise _Unusable(f"{name}: {_key_pair_fault(tls.cert, key) or f'tls: {error}'}") from None
    try:
        _load_authorities(made, tls)
    except _Unusable as error:
        raise _Unusable(f"{name} configuring TLS failed: {error}") from None
    if not tls.verify:
        logger.warning("disabling %s SSL verification", name)


def _key_pair_fault(certificate: str, key: str) -> str:
    from pyconsul.structs.config_entries.key_pairs import x509_key_pair_fault  # costs much, and is needed seldom

    with open(certificate, "rb") as first, open(key, "rb") as second:
        return x509_key_pair_fault(first.read(), second.read())


def _load_authorities(made: ssl.SSLContext, tls: Tls) -> None:
    """A file wins over a text, a text over a directory."""
    if tls.ca_cert:
        _check_readable(tls.ca_cert, "Error loading CA File: ")
        _load_file(made, tls.ca_cert, "Error loading CA File")
    elif tls.ca_cert_bytes:
        try:
            made.load_verify_locations(cadata=plain_pem(tls.ca_cert_bytes))
        except (ssl.SSLError, ValueError):
            raise _Unusable("Error appending CA: Couldn't parse PEM") from None
    else:
        try:
            paths = files_below(tls.ca_path)
        except MissingFolderError as error:
            raise _Unusable(str(error)) from None
        for path in paths:
            _check_readable(path, "Error loading file from CAPath: ")
            _load_file(made, path, "Error loading CA Path")


def _load_file(made: ssl.SSLContext, path: str, head: str) -> None:
    try:
        made.load_verify_locations(path)
    except ssl.SSLError:
        raise _Unusable(f"{head}: Couldn't parse PEM in: {path}") from None


def _check_readable(path: str, head: str) -> None:
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        call = "read" if isinstance(error, IsADirectoryError) else "open"
        raise _Unusable(f"{head}{call} {path}: {system_text(error)}") from None
