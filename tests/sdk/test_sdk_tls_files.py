"""Files of certificates, keys and authorities that cannot be used are named."""

import pytest

from pyconsul.sdk import tls
from pyconsul.sdk.errors import ConfigError
from pyconsul.sdk.settings import TLS


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (TLS(ca_file="/proc/none.pem"), "/proc/none.pem: no such file or directory"),
        (TLS(ca_file="/proc/version"), "/proc/version: "),
        (TLS(cert_file="/proc/none.pem", key_file="/proc/key.pem"), "/proc/none.pem with /proc/key.pem: no such file"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(settings: TLS, text: str) -> None:
    """OpenSSL tells no names."""
    with pytest.raises(ConfigError, match=f"^Error loading TLS files: {text}"):
        tls.context(settings)
