"""The token of a login, against a server that notes what it is asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pyconsul_snapshot_agent.main import main
from pyconsul_snapshot_agent.testing import archive_of

ARCHIVE = archive_of()


class Consul(BaseHTTPRequestHandler):
    """Logs in whoever has the right bearer token, and gives a snapshot to whoever has the token of that."""

    asked: list[tuple[str, str, str]]

    def do_GET(self) -> None:
        """The snapshot."""
        self._answer(200, ARCHIVE)

    def do_POST(self) -> None:
        """Login and logout."""
        if self.path == "/v1/acl/logout":
            self._answer(200, b"")
            return
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        good = body == {"AuthMethod": "kube", "BearerToken": "jwt", "Meta": {"pod": "p1"}}
        self._answer(200 if good else 403, json.dumps({"SecretID": "by-login"}).encode() if good else b"no")

    def _answer(self, status: int, body: bytes) -> None:
        self.asked.append((self.command, self.path, self.headers.get("X-Consul-Token", "")))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quietly."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    """The server; ``asked`` of its handler has method, path and token of each request."""
    Consul.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Consul) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


def words(server: ThreadingHTTPServer, tmp_path: Path, bearer: str) -> list[str]:
    """A command line that saves once after a login; the bearer token's file wins over the flag."""
    (tmp_path / "jwt").write_text(bearer + "\n")
    return [
        "-interval=0",
        f"-http-addr=127.0.0.1:{server.server_address[1]}",
        "-token=static",
        f"-local-path={tmp_path / 'archives'}",
        "-login-auth-method=kube",
        "-login-bearer-token=wrong",
        f"-login-bearer-token-file={tmp_path / 'jwt'}",
        "-login-meta=pod=p1",
    ]


def test_the_login_s_token_wins_and_is_given_back(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    """Over a static one; the log-out destroys it."""
    assert main(words(server, tmp_path, "jwt")) == 0
    assert Consul.asked == [
        ("POST", "/v1/acl/login", ""),
        ("GET", "/v1/snapshot", "by-login"),
        ("POST", "/v1/acl/logout", "by-login"),
    ]


def test_without_the_login_nothing_is_done(
    server: ThreadingHTTPServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Least of all with the static token."""
    assert main(words(server, tmp_path, "other")) == 1
    assert "Error: cannot log in: Unexpected response code: 403 (no)" in capfd.readouterr().err
    assert [path for _, path, _ in Consul.asked] == ["/v1/acl/login"]


def test_a_bearer_token_is_needed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Or a file that can be read."""
    login = ["-interval=0", "-login-auth-method=kube"]
    assert main(login) == 1
    assert "a login needs a bearer token" in capfd.readouterr().err
    assert main([*login, f"-login-bearer-token-file={tmp_path / 'gone'}"]) == 1
    assert "cannot read the bearer token" in capfd.readouterr().err
