"""The TLS side of a client. Apart from the transports, because importing ``ssl`` costs 10 ms that http need not pay."""

from __future__ import annotations

import ssl
from collections.abc import Generator
from contextlib import contextmanager, suppress

import msgspec

from pyconsul.primitives import dialing
from pyconsul.primitives.dialing import DialError, errno_text
from pyconsul.primitives.folders import MissingFolderError, files_below
from pyconsul.primitives.tls import client_context
from pyconsul.sdk.endpoint import Endpoint
from pyconsul.sdk.errors import ConfigError
from pyconsul.sdk.settings import TLS, Settings


def context(tls: TLS) -> ssl.SSLContext:
    """The context that ``tls`` asks for; the system's authorities count where it names none. Raises ConfigError.

    Of several sources of authorities the first counts alone: file, PEM, directory.
    """
    ca_pem = "" if tls.ca_file else tls.ca_pem
    ca_path = "" if tls.ca_file or tls.ca_pem else tls.ca_path
    if bool(tls.cert_file) != bool(tls.key_file):
        raise ConfigError("both client cert and client key must be provided")
    with _loading(tls.ca_file or ca_path or "authorities"):
        made = client_context(
            ca_file=tls.ca_file, ca_path=ca_path, ca_pem=ca_pem, verify=tls.verify, protocols=("http/1.1",)
        )
        paths = files_below(ca_path)  # OpenSSL alone wants names that are hashes
    for path in paths:
        with _loading(path):
            made.load_verify_locations(cafile=path)
    if tls.cert_file:
        with _loading(f"{tls.cert_file} with {tls.key_file}"):
            # Go refuses a locked key, too; without a password OpenSSL would ask the terminal for one.
            made.load_cert_chain(tls.cert_file, tls.key_file, password="")
    return made


@contextmanager
def _loading(what: str) -> Generator[None]:
    """Raise ConfigError, which names the file, where OpenSSL does not."""
    try:
        yield
    except (ssl.SSLError, MissingFolderError) as error:
        raise ConfigError(f"Error loading TLS files: {what}: {error}") from error
    except OSError as error:
        raise ConfigError(f"Error loading TLS files: {what}: {errno_text(error)}") from error


def server_name(tls: TLS, host: str) -> str:
    """The name that the agent's certificate must carry; a port in ``tls.server_name`` is cut off."""
    name = tls.server_name or host or "localhost"  # what Go takes a unix socket for
    if name.count(":") == 1 or "]:" in name:
        return name.rpartition(":")[0].removeprefix("[").removesuffix("]")
    return name


def explained(error: OSError, settings: Settings, endpoint: Endpoint) -> OSError | DialError:
    """The error of a handshake, or one that says more of a certificate in Go's words."""
    if not isinstance(error, ssl.SSLCertVerificationError) or endpoint.unix_path:
        return error
    from pyconsul.primitives.certificates import refusal

    name = server_name(settings.tls, endpoint.host)
    return DialError(refusal(error, _shown(settings, endpoint, name), name))


def _shown(settings: Settings, endpoint: Endpoint, name: str) -> bytes:
    """The certificate of an agent (DER), whoever signed it; b"" where it shows none."""
    lax = context(msgspec.structs.replace(settings.tls, verify=False))
    with suppress(OSError, DialError):
        sock, _ = dialing.connect(endpoint.host, endpoint.port, settings.connect_timeout)
        with sock, lax.wrap_socket(sock, server_hostname=name) as secured:
            return secured.getpeercert(binary_form=True) or b""
    return b""
