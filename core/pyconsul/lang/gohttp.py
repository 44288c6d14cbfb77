"""What Go's ``net/http`` calls things."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

# Where Go words a status in another way than this or another version of Python.
_OWN: Final = {
    413: "Request Entity Too Large",
    414: "Request URI Too Long",
    416: "Requested Range Not Satisfiable",
    418: "I'm a teapot",
    422: "Unprocessable Entity",
}
_TEXTS: Final = {status.value: status.phrase for status in HTTPStatus} | _OWN


def status_text(code: int) -> str:
    """The reason that goes with a status, "" for an unknown one."""
    return _TEXTS.get(code, "")
