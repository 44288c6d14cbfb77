"""Secrets: both versions of the KV store, tokens, errors, against a small server with Vault's answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.envconsul.conftest import MakeTool, Tool

KV1 = {"data": {"user": "u", "port": 5, "none": None}, "lease_duration": 2764800}
KV2 = {"data": {"data": {"pass": "p"}, "metadata": {"version": 3}}}
ROUTES: dict[str, Any] = {
    "/v1/sys/internal/ui/mounts/kv1/app": {"data": {"path": "kv1/", "type": "kv", "options": {"version": "1"}}},
    "/v1/sys/internal/ui/mounts/kv2/app": {"data": {"path": "kv2/", "type": "kv", "options": {"version": "2"}}},
    "/v1/kv1/app": KV1,
    "/v1/kv2/data/app": KV2,
    "/v1/auth/token/renew-self": {"auth": {"renewable": True, "lease_duration": 600}},
}


class FakeVault:
    """Answers from a table; remembers who asked for what."""

    def __init__(self) -> None:
        self.routes = dict(ROUTES)
        self.asked: list[tuple[str, str, str]] = []
        vault = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                path = self.path.partition("?")[0]
                vault.asked.append((self.command, path, self.headers.get("X-Vault-Token", "")))
                found = vault.routes.get(path)
                body = json.dumps(found if found is not None else {"errors": []}).encode()
                self.send_response(200 if found is not None else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PUT = answer

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def stop(self) -> None:
        """End."""
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def vault() -> Iterator[FakeVault]:
    """A server with two secrets."""
    made = FakeVault()
    yield made
    made.stop()


@pytest.fixture
def secretive(vault: FakeVault, make_tool: MakeTool) -> Tool:
    """The tool with a Vault."""
    return make_tool(VAULT_ADDR=vault.address, VAULT_TOKEN="sesame")


def test_secrets_of_both_versions(secretive: Tool, vault: FakeVault) -> None:
    """Names carry the path; what is no text is left out with a warning; the token is sent."""
    status, out, err = secretive.run("-once", "-pristine", "-secret", "kv1/app", "-secret", "/kv2/app", "/usr/bin/env")
    assert (status, sorted(out.splitlines())) == (0, ["kv1_app_user=u", "kv2_app_pass=p"])
    assert "skipping key 'kv1_app_port', invalid type for value. got json.Number, not string" in err
    assert ("GET", "/v1/kv2/data/app", "sesame") in vault.asked


def test_a_key_may_be_called_metadata(secretive: Tool, vault: FakeVault) -> None:
    """Only version 2 of the KV store, which tells its number, has the secret one level deeper."""
    vault.routes["/v1/kv1/app"] = {"data": {"metadata": {"owner": "me"}, "user": "u"}}
    status, out, _ = secretive.run("-once", "-pristine", "-secret", "kv1/app", "/usr/bin/env")
    assert (status, out) == (0, "kv1_app_user=u\n")


def test_a_secret_wins_over_a_key(secretive: Tool) -> None:
    """Also over what the tool's own environment has."""
    (secretive.folder / "c.hcl").write_text('secret { path = "kv2/app" no_prefix = true }')
    status, out, _ = secretive.run("-once", "-config", "c.hcl", "printf %s $pass", **{"pass": "inherited"})
    assert (status, out) == (0, "p")


def test_a_secret_that_does_not_exist(secretive: Tool) -> None:
    """In one-shot mode that is an error once retrying is over."""
    status, _, err = secretive.run("-once", "-vault-retry=false", "-secret", "kv1/none", "true")
    assert status == 14
    assert "vault.read(kv1/none): no secret exists at kv1/none" in err


def test_a_deleted_secret_does_not_exist(secretive: Tool, vault: FakeVault) -> None:
    """Version 2 of the KV store still tells of it, but has no data."""
    vault.routes["/v1/kv2/data/app"] = {"data": {"data": None, "metadata": {"version": 2, "deletion_time": "2020"}}}
    status, _, err = secretive.run("-once", "-vault-retry=false", "-secret", "kv2/app", "true")
    assert status == 14
    assert "no secret exists at kv2/data/app" in err


def test_warnings_of_vault_are_passed_on(secretive: Tool, vault: FakeVault) -> None:
    """With the name of what was read."""
    vault.routes["/v1/kv1/app"] = {"data": {"user": "u"}, "warnings": ["soon gone"]}
    assert "envconsul: vault.read(kv1/app): soon gone" in secretive.run("-once", "-secret", "kv1/app", "true")[2]


def test_only_wanted_keys_have_to_be_texts(secretive: Tool) -> None:
    """What a stanza does not ask for is no reason for a warning."""
    (secretive.folder / "c.hcl").write_text('secret { path = "kv1/app" key { name = "user" } }')
    assert "skipping" not in secretive.run("-once", "-config", "c.hcl", "true")[2]


def test_a_wrapped_token_is_unwrapped_first(secretive: Tool, vault: FakeVault) -> None:
    """The inner token reads the secret."""
    vault.routes["/v1/sys/wrapping/unwrap"] = {"auth": {"client_token": "inner"}}
    assert secretive.run("-once", "-vault-unwrap-token", "-secret", "kv1/app", "true")[0] == 0
    assert ("PUT", "/v1/sys/wrapping/unwrap", "sesame") in vault.asked
    assert ("GET", "/v1/kv1/app", "inner") in vault.asked


def test_the_token_of_a_vault_agent(secretive: Tool, vault: FakeVault) -> None:
    """It comes from the file, and is not renewed here."""
    (secretive.folder / "token").write_text("agents\n")
    assert secretive.run("-once", "-vault-agent-token-file", "token", "-secret", "kv1/app", "true")[0] == 0
    assert ("GET", "/v1/kv1/app", "agents") in vault.asked
    assert not any(path == "/v1/auth/token/renew-self" for _, path, _ in vault.asked)


def test_kubernetes_login(secretive: Tool, vault: FakeVault) -> None:
    """The role logs in with the service account's token, where no other token is given."""
    vault.routes["/v1/auth/kubernetes/login"] = {"auth": {"client_token": "pod"}}
    words = ("-vault-k8s-auth-role-name", "web", "-vault-k8s-service-account-token", "jwt")
    assert secretive.run("-once", *words, "-secret", "kv1/app", "true", VAULT_TOKEN="")[0] == 0
    assert ("GET", "/v1/kv1/app", "pod") in vault.asked


def test_fetched_values_never_reach_the_log(secretive: Tool) -> None:
    """Not even at the lowest level."""
    status, _, err = secretive.run("-once", "-log-level", "trace", "-secret", "kv2/app", "true", VAULT_TOKEN="hush")
    assert status == 0
    assert "hush" not in err and "=p" not in err and '"p"' not in err
