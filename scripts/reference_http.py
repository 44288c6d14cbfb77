"""Writes ``docs/http-api.md`` from the route table; ``--check`` only tells whether the page is current."""

from __future__ import annotations

import inspect
import sys

from pages import ROOT, write_or_check

from pyconsul.agent.http import families
from pyconsul.agent.http.routing import Route

PAGE = ROOT / "docs" / "http-api.md"

_INTRODUCTION = """\
# The HTTP API

<!-- Written by scripts/reference_http.py from the route table; change the routes or the script, not the page. -->

The API is Consul's: same paths, parameters, JSON, headers, status codes and error texts, so its documentation holds
here. This page lists every route with what it answers, and what the door in front of all routes does.

## Reading
- `?pretty` indents; an agent in dev mode always does. `Accept-Encoding: gzip` packs answers of 1,400 bytes and more.
- `?index=N&wait=D` waits for a change past index N, at most D (default 5 m, at most 10 m, and up to a sixteenth more).
  The new index is in `X-Consul-Index`. A client that hangs up ends its query.
- `?stale`, `?consistent`, `?max_stale=D`, `?cached` with `Cache-Control`, and `?filter=` as in Consul.
- Replies to plain reads are kept as bytes until something they were read from changes; `PYCONSUL_NO_REPLY_CACHE=1` in
  the agent's environment switches that off.

## Writing
- A body may come with a length or in chunks, with or without `Expect: 100-continue`. JSON is read as Go reads it: keys
  in any letter case, the last of two wins, numbers must fit, and errors have Go's words.
- A write whose client hangs up is carried through once all of it has come.
- `http_config.allow_write_http_from` says who may write, `http_config.block_endpoints` what nobody may ask.

## Limits
| what | limit | beyond it |
|---|---|---|
| request line and headers | `http_config.max_header_bytes`, 1 MiB; over HTTP/2 64 KiB | 431; twice as much: the end |
| value of a key | `limits.kv_max_value_size`, 512 KiB | 413 |
| transaction | `limits.txn_max_req_len`, 512 KiB; 128 operations | 413 |
| snapshot | goes to a file from 1 MiB on | |
| any other body | 64 MiB | 413 |
| all bodies above 64 KiB together, in memory | 256 MiB | 503 |
| parameters of a query string | 10,000 | 500 |
| a pattern in a filter, a query template or a setting | 32 Ki characters | 500 |
| connections of one client address | `limits.http_max_conns_per_client`, 200 | 429 |
| reads, writes a second | enforced `limits.request_limits`, none; ten seconds' worth at once | 429; writes 503 |
| requests a second to the servers | `limits.rpc_rate`, none; `limits.rpc_max_burst` at once, 1000 | 429 |
| TLS handshake and first byte after it | `limits.https_handshake_timeout`, 5 s | closed |
| headers of a request, from its first byte | 60 s | closed |
| between two pieces of a body | 60 s | closed |
| a reply of which nothing is read | 120 s | closed |
| between two requests | 15 min | closed |

`limits.request_limits` are enforced with `mode = "enforcing"`. With `mode = "permissive"` the log tells at DEBUG, and
`rpc_rate_limit_exceeded` counts, what would be refused; a reload takes new rates over. While requests are counted no
reply is kept, so each costs what it costs.

Requests may be pipelined; while one is answered at most 64 KiB more are read. HTTP/1.0 is answered in kind. Offers to
upgrade are overlooked. What is no request gets the answer of Go's server: 400, 417, 431, 501 or 505, and the end.

## Errors
The body is one line of plain text. 400: the request is wrong; 403: not allowed; 404: unknown, or no such path; 405:
with `Allow`; 409: a transaction was refused; 413, 429, 431: above a limit; 500: the text says what failed, among it
"No cluster leader"; 501: this version does not have that capability yet; 503: too much at once.

## Routes
`{name}` is one part of a path; at the end of it, it may hold slashes.
"""


def page() -> str:
    """The whole page."""
    parts = [_INTRODUCTION]
    groups: dict[str, list[Route]] = {}
    for pattern, route in sorted(families.router().routes.items()):
        groups.setdefault("/".join(pattern.split("/")[:3]), []).append(route)
    for name, routes in groups.items():
        parts += [f"### `{name}`", "", "| methods | path | answer |", "|---|---|---|"]
        parts += [row for route in routes for row in _rows(route)]
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def _rows(route: Route) -> list[str]:
    """One row for each text; methods that only refuse are left out."""
    by_text: dict[str, list[str]] = {}
    for method, handler in route.handlers.items():
        if method not in route.unlisted:
            text = (inspect.getdoc(handler) or "").partition("\n\n")[0].replace("\n", " ").replace("``", "`")
            by_text.setdefault(text.replace("|", "\\|"), []).append(method)
    pattern = route.pattern.replace("...}", "}")
    return [f"| {', '.join(methods)} | `{pattern}` | {text} |" for text, methods in by_text.items()]


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, page(), sys.argv[1:]))
