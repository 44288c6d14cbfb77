"""Settings: addresses, environment variables, tokens."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.sdk import Client, ConsulError, QueryOptions, Retry, Settings
from pyconsul.sdk.encode import Encoder
from pyconsul.sdk.endpoint import Endpoint
from pyconsul.sdk.errors import ConfigError, TransportError
from pyconsul.sdk.http1 import request_head
from pyconsul.sdk.settings import TLS
from pyconsul.sdk.status import leader_request


@pytest.mark.parametrize(
    ("address", "scheme", "authority", "prefix"),
    [
        ("127.0.0.1:8500", "http", "127.0.0.1:8500", ""),
        ("consul.example:80", "http", "consul.example:80", ""),
        ("http://h:8500", "http", "h:8500", ""),
        ("http://h", "http", "h:80", ""),
        ("https://h", "https", "h:443", ""),
        ("https://h:1/a/b", "https", "h:1", "/a/b"),
        ("https://h:1/a/b/", "https", "h:1", "/a/b/"),
        ("http://h:1/", "http", "h:1", "/"),
        ("http://h:1/a b?c#d%2Fé", "http", "h:1", "/a%20b%3Fc%23d%252F%C3%A9"),
        ("http://h:1/a'(b)~;:@&=+,$!*", "http", "h:1", "/a%27%28b%29~;:@&=+,$%21%2A"),
        ("[::1]:8500", "http", "[::1]:8500", ""),
        ("http://[::1]", "http", "[::1]:80", ""),
        ("::1:8500", "http", "[::1]:8500", ""),
        ("::1:", "http", "[::1]:80", ""),
        ("2001:db8::abcd", "http", "[2001:db8::abcd]:80", ""),
        (":8500", "http", ":8500", ""),
        (":", "http", ":80", ""),
        ("[]:1", "http", ":1", ""),
        ("/run/consul.sock", "http", "localhost:80", ""),
        ("é:1", "http", "xn--9ca:1", ""),
        ("a\xa0b:1", "http", "a\xa0b:1", ""),
    ],
)
def test_addresses_are_taken_apart(address: str, scheme: str, authority: str, prefix: str) -> None:
    """Host, port, scheme and prefix as Consul's client reads them."""
    endpoint = Settings(address=address).endpoint()
    assert (endpoint.scheme, endpoint.authority, endpoint.prefix) == (scheme, authority, prefix)


@pytest.mark.parametrize(
    ("prefix", "target"),
    [
        ("", "/v1/kv/a"),
        ("pre", "/pre/v1/kv/a"),
        ("pre/", "/pre//v1/kv/a"),
        ("/", "///v1/kv/a"),
        ("//", "////v1/kv/a"),
        ("/foo", "/v1/kv/a"),
        ("/foo/bar", "/bar/v1/kv/a"),
    ],
)
def test_a_prefix_goes_in_front_of_every_path(prefix: str, target: str) -> None:
    """As recorded from Consul's client, which loses the first part of a path that two slashes begin, but not three."""
    address = f"http://h:1/{prefix}" if prefix else "http://h:1"
    assert Settings(address=address).endpoint().target("/v1/kv/a") == target
    assert Settings(address="http://h:1/").endpoint().target("/v1/kv/a") == "/kv/a"


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("h", "http://h"),
        ("http://h/a", "http://h"),
        (":8500", "http://:8500"),
        ("https://h:8501", "https://h:8501"),
        ("unix://relative.sock", "http://relative.sock"),
        ("unix://no/such", "http://no%2Fsuch"),
        ("/run/consul.sock", "http://localhost"),
        ("http://u:p@h:1", "http://u:p%40h:1"),
        ("http://h:1?x", "http://h:1%3Fx"),
        ("é %41\n:1", "http://%C3%A9%20%2541%0A:1"),
        ("[fe80::1%lo]:1", "http://[fe80::1%25lo]:1"),
    ],
)
def test_urls_show_the_address_as_it_was_written(address: str, url: str) -> None:
    """Without a port where none was written, and without a host, too; what no host may hold is escaped."""
    assert Settings(address=address).endpoint().url == url


def test_a_unix_address_is_a_path() -> None:
    """``unix://`` and a path; the URL in errors is the one that Go prints."""
    endpoint = Settings(address="unix:///run/consul.sock").endpoint()
    assert endpoint.unix_path == "/run/consul.sock"
    assert Settings(address="unix:///run/consul.sock", scheme="https").endpoint().url == "https://localhost"
    assert endpoint.url == "http://localhost"


def test_http_in_the_address_does_not_take_back_tls() -> None:
    """CONSUL_HTTP_SSL wins over an http:// address."""
    assert Settings(address="http://h:1", scheme="https").endpoint().is_secure


@pytest.mark.parametrize("address", ["ftp://h:1", "://h"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    """A wrong scheme is a ConfigError when the client is made."""
    with pytest.raises(ConfigError):
        Client(Settings(address=address))


@pytest.mark.parametrize(
    ("address", "url", "fault"),
    [
        ("h:99999", "http://h:99999", "dial tcp: address 99999: invalid port"),
        ("[::1", "http://[::1", "dial tcp: address [[:]:1: unexpected '[' in address"),
        ("[::1]x:1", "http://[::1]x:1", "dial tcp: address [[::1]x]:1: missing port in address"),
        ("a]b:1", "http://a]b:1", "dial tcp: address a]b:1: unexpected ']' in address"),
        ("http://", "http://", "http: no Host in request URL"),
        ("unix://", "http://", "http: no Host in request URL"),
    ],
)
def test_an_address_where_nobody_can_be_fails_when_it_is_used(address: str, url: str, fault: str) -> None:
    """In Go's words, and without a connection."""
    endpoint = Settings(address=address).endpoint()
    assert (endpoint.url, endpoint.fault) == (url, fault)
    with pytest.raises(TransportError, match=re.escape(f'Get "{url}/v1/status/leader": {fault}')):
        Client(Settings(address=address, retry=Retry.NEVER)).status.leader()


def test_a_port_that_is_no_number_is_part_of_the_name() -> None:
    """It is looked up as a whole, as by Go's client."""
    with pytest.raises(
        TransportError, match=re.escape('Get "http://h\\":port/v1/status/leader": dial tcp: lookup h":port: ')
    ):
        Client(Settings(address='h":port', retry=Retry.NEVER)).status.leader()


@pytest.mark.parametrize(
    ("address", "header"),
    [
        ("h:1", "h:1"),
        ("é:1", "xn--9ca:1"),
        ("[fe80::1%lo]:1", "[fe80::1]:1"),
        ("unix:///run/consul.sock", "localhost"),
        ("unix://rel.sock", "rel.sock"),
        ("unix://run/consul.sock", ""),
        ("a\nb:1", ""),
    ],
)
def test_the_host_header_is_one_that_servers_take(address: str, header: str) -> None:
    """As recorded from Consul's client: empty for what no header may hold, which servers refuse otherwise."""
    assert Settings(address=address).endpoint().host_header == header


def test_the_scheme_error_is_consuls() -> None:
    """People search for this sentence."""
    with pytest.raises(ConfigError, match=r"^Unknown protocol scheme: ftp$"):
        Settings(address="ftp://h").endpoint()


@given(st.text())
def test_any_address_is_an_endpoint_or_an_error(address: str) -> None:
    """No text makes the parser fail in its own way."""
    with suppress(ConsulError):
        assert isinstance(Settings(address=address).endpoint(), Endpoint)


def test_the_environment_is_read() -> None:
    """Every CONSUL_* variable of the client has its field."""
    settings = Settings.from_env(
        {
            "CONSUL_HTTP_ADDR": "h:1",
            "CONSUL_HTTP_TOKEN": "t",
            "CONSUL_HTTP_AUTH": "u:p",
            "CONSUL_HTTP_SSL": "true",
            "CONSUL_HTTP_SSL_VERIFY": "0",
            "CONSUL_CACERT": "ca",
            "CONSUL_CAPATH": "dir",
            "CONSUL_CLIENT_CERT": "cert",
            "CONSUL_CLIENT_KEY": "key",
            "CONSUL_TLS_SERVER_NAME": "name",
            "CONSUL_NAMESPACE": "ns",
            "CONSUL_PARTITION": "part",
        }
    )
    assert settings == Settings(
        address="h:1",
        scheme="https",
        token="t",
        auth="u:p",
        namespace="ns",
        partition="part",
        tls=TLS(ca_file="ca", ca_path="dir", cert_file="cert", key_file="key", server_name="name", verify=False),
    )


def test_given_fields_win_and_empty_ones_do_not_count() -> None:
    """A flag replaces its variable; a flag that was not given does not."""
    settings = Settings.from_env({"CONSUL_HTTP_ADDR": "env:1", "CONSUL_HTTP_TOKEN": "t"}, address="flag:2", token="")
    assert (settings.address, settings.token) == ("flag:2", "t")


def test_an_empty_environment_gives_the_defaults() -> None:
    """Nothing set means the local agent."""
    assert Settings.from_env({}) == Settings()
    assert Settings().address == "127.0.0.1:8500"


def test_a_boolean_that_is_none_is_refused() -> None:
    """Go's booleans only."""
    with pytest.raises(ConfigError, match="could not parse CONSUL_HTTP_SSL"):
        Settings.from_env({"CONSUL_HTTP_SSL": "maybe"})


def test_the_token_file_wins_over_the_token(tmp_path: Path) -> None:
    """Its text is trimmed; an empty file leaves the token in force."""
    file = tmp_path / "token"
    file.write_text(" secret\n")
    assert Settings(token="t", token_file=str(file)).current_token() == "secret"
    file.write_text("\n")
    assert Settings(token="t", token_file=str(file)).current_token() == "t"


def test_a_given_token_wins_over_the_environments_file(tmp_path: Path) -> None:
    """The order of precedence is flag file, flag token, variable file, variable token."""
    file = tmp_path / "token"
    file.write_text("from-file")
    env = {"CONSUL_HTTP_TOKEN_FILE": str(file), "CONSUL_HTTP_TOKEN": "t"}
    assert Settings.from_env(env).current_token() == "from-file"
    assert Settings.from_env(env, token="mine").current_token() == "mine"


def test_a_missing_token_file_is_named(tmp_path: Path) -> None:
    """The text is the one of Consul's client."""
    path = tmp_path / "none"
    with pytest.raises(ConfigError) as caught:
        Settings(token_file=str(path)).current_token()
    assert str(caught.value) == f"Error loading token file {path} : open {path}: no such file or directory"


def test_a_token_file_may_hold_any_bytes(tmp_path: Path) -> None:
    """They are sent as they are, as Consul's client does; servers decide."""
    file = tmp_path / "token"
    file.write_bytes(b"a\xffb\n")
    head = request_head(Encoder(Settings(token_file=str(file))).encode(leader_request(), None), Settings().endpoint())
    assert b"\r\nX-Consul-Token: a\xffb\r\n" in head


def test_the_environment_for_a_child_gives_the_same_settings() -> None:
    """What ``environment`` writes, ``from_env`` reads back."""
    settings = Settings(address="h:1", token="t", scheme="https", auth="u:p", tls=TLS(ca_file="ca", verify=False))
    assert Settings.from_env(settings.environment()) == settings


def test_secrets_do_not_show() -> None:
    """Settings and options end up in logs and tracebacks."""
    shown = repr(Settings(token="s3cret", auth="u:s3cret", headers={"X-Key": "s3cret"})) + repr(
        QueryOptions(token="s3cret")
    )
    assert "s3cret" not in shown
    assert repr(QueryOptions(index=3)) == "QueryOptions(index=3)"
