"""The web UI's files below ``ui_config.content_path``, and what stands at ``/`` without it."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING

from pyconsul.agent.http.reply import Reply

if TYPE_CHECKING:
    from pyconsul.agent.http.request import Request
    from pyconsul.config.sections import UiConfig

ROBOTS = b"# http://www.robotstxt.org\nUser-agent: *\nDisallow: /\n"
DISABLED = "Consul Agent: UI disabled. To enable, set ui_config.enabled=true in the agent configuration and restart."
_HTML = "text/html; charset=utf-8"
_TYPES = {".html": _HTML, ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


def ui_reply(config: UiConfig, req: Request) -> Reply | None:
    """The reply to a path of the UI, or None for one that is not."""
    path = req.url_path
    content = config.content_path
    if path == "/":
        if not config.enabled:
            return Reply.text(DISABLED)
        return _moved(req, 301, content)
    if not config.enabled:
        return None
    if path == "/robots.txt":
        return Reply(raw=ROBOTS, content_type="text/plain; charset=utf-8")
    if path == content.rstrip("/"):
        return _moved(req, 307, content)
    if path == content + "index.html":
        return Reply.empty(301, headers={"Location": f"./?{req.raw_query}" if req.raw_query else "./"})
    if path.startswith(content):
        return _file(path.removeprefix(content)) or _file("index.html")
    return None


def _moved(req: Request, status: int, content: str) -> Reply:
    """The way to the UI; a page only for those who asked for one."""
    headers = {"Location": content}
    if req.method not in ("GET", "HEAD"):
        return Reply.empty(status, headers=headers)
    body = f'<a href="{content}">{HTTPStatus(status).phrase}</a>.\n\n'.encode()
    return Reply(raw=body, status=status, headers=headers, content_type=_HTML)


def _file(name: str) -> Reply | None:
    found = _assets().get(name)
    if found is None:
        return None
    suffix = name[name.rfind(".") :]
    return Reply(raw=found, content_type=_TYPES.get(suffix, "application/octet-stream"))


@cache
def _assets() -> dict[str, bytes]:
    """All files of the UI by name; there are few and they are small."""
    from importlib import resources  # 2 ms, and only browsers need it

    folder = resources.files("pyconsul.ui")
    return {f.name: f.read_bytes() for f in folder.iterdir() if f.is_file() and not f.name.endswith(".py")}
