"""The web UI: its pages are served whole, ask only for what the API has, and put no foreign text into HTML."""

import http.client
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib import resources

import pytest

from pyconsul.agent.http import families
from pyconsul.testing import InProcessAgent

FILES = {
    f.name: f.read_text() for f in resources.files("pyconsul.ui").iterdir() if f.name.endswith((".html", ".js", ".css"))
}


@pytest.fixture(name="agent", scope="module")
def agent_fixture() -> Iterator[InProcessAgent]:
    """An agent with its UI."""
    with InProcessAgent() as agent:
        yield agent


def get(agent: InProcessAgent, path: str, method: str = "GET") -> tuple[int, str, str]:
    """Status, content type and body of one page."""
    connection = http.client.HTTPConnection(agent.http_address, timeout=60)
    connection.request(method, path)
    reply = connection.getresponse()
    found = reply.status, reply.headers.get("Content-Type", ""), reply.read().decode()
    connection.close()
    return found


class Links(HTMLParser):
    """The files that a page asks for, and the IDs in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.files: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note."""
        for name, value in attrs:
            if name in ("src", "href") and value and tag in ("script", "link", "img"):
                self.files.append(value)
            if name == "id" and value:
                self.ids.add(value)


@pytest.mark.parametrize("path", ["/ui/", "/ui/dc1/services/web", "/ui/dc1/kv/a/b/edit"])
def test_every_address_of_the_ui_shows_the_page(path: str, agent: InProcessAgent) -> None:
    """Also addresses that only the page itself knows, as in Consul."""
    status, kind, text = get(agent, path)
    assert (status, kind) == (200, "text/html; charset=utf-8")
    assert text == FILES["index.html"]


def test_the_page_itself_is_found_in_its_folder(agent: InProcessAgent) -> None:
    """As with every file server of Go."""
    connection = http.client.HTTPConnection(agent.http_address, timeout=60)
    connection.request("GET", "/ui/index.html?a=b")
    reply = connection.getresponse()
    assert (reply.status, reply.headers["Location"], reply.read()) == (301, "./?a=b", b"")
    connection.close()


def test_the_page_finds_its_files(agent: InProcessAgent) -> None:
    """Each with its type."""
    types = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
    found = Links(FILES["index.html"]).files
    assert found
    for name in found:
        status, kind, text = get(agent, f"/ui/{name}")
        assert (status, kind) == (200, types[name[name.rfind(".") :]]) and text == FILES[name]


def test_the_page_asks_only_for_routes_that_are_there() -> None:
    """A route that is renamed takes the page with it."""
    paths = re.findall(r"[\"'`](/v1/[^\"'`?]*)", FILES["app.js"])
    assert paths
    for path in paths:
        assert families.router().find(re.sub(r"\$\{[^}]*\}", "x", path)) is not None, path


def test_the_script_uses_only_places_that_the_page_has() -> None:
    """Else it would stop at the first of them."""
    script = FILES["app.js"]
    asked = set(re.findall(r"getElementById\([\"'](\w+)[\"']\)|querySelector\([\"']#(\w+)[\"']\)", script))
    names = {name for pair in asked for name in pair if name}
    assert names <= Links(FILES["index.html"]).ids


def test_nothing_foreign_becomes_html() -> None:
    """Keys, names and outputs of checks are anybody's: they are only ever set as text."""
    for risk in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert risk not in FILES["app.js"]
    assert "http://" not in FILES["index.html"] and "https://" not in FILES["index.html"]


def test_every_question_carries_the_token() -> None:
    """One function asks; it alone sends the token, in a header, never in an address."""
    script = FILES["app.js"]
    assert script.count("fetch(") == 1 and '"X-Consul-Token": token.value' in script
    assert "token=" not in script.replace(" ", "").replace("token=document", "")


def test_without_a_ui_its_addresses_are_unknown() -> None:
    """``/`` says how to have one."""
    with InProcessAgent(config="ui_config { enabled = false }") as agent:
        assert get(agent, "/ui/")[0] == 404
        status, _, text = get(agent, "/")
        assert status == 200 and "UI disabled" in text


@pytest.mark.parametrize(
    "path", ["/ui/../core", "/ui/%2e%2e/app.py", "/ui/__init__.py", "/ui/%2e%2e%2f%2e%2e%2fetc/passwd"]
)
def test_no_file_outside_the_ui_is_served(path: str, agent: InProcessAgent) -> None:
    """Whatever the path looks like."""
    status, _, text = get(agent, path)
    assert status in (307, 404) or text == FILES["index.html"]
