"""Keys and values: ``/v1/kv``."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from pyconsul.sdk.decode import first_of, list_or_empty, truth
from pyconsul.sdk.errors import InvalidArgument
from pyconsul.sdk.request import Answer, QueryOptions, Request, escape_path, value_bytes
from pyconsul.structs.kv import DirEntry

if TYPE_CHECKING:
    from pyconsul.sdk.caller import Caller

Entries: TypeAlias = list[DirEntry]  # inside the class below, "list" is a method
Names: TypeAlias = list[str]

_FOUND_OR_NOT = (200, 404)


def get_request(key: str) -> Request[DirEntry | None]:
    """Read one entry; None when the key does not exist."""
    return Request("GET", _path(key), first_of(DirEntry), accept=_FOUND_OR_NOT)


def raw_request(key: str) -> Request[bytes | None]:
    """Read the bytes of one value; None when the key does not exist."""
    return Request("GET", _path(key), _body_or_none, params=(("raw", ""),), accept=_FOUND_OR_NOT)


def list_request(prefix: str) -> Request[list[DirEntry]]:
    """Read all entries under a prefix, in key order."""
    return Request("GET", _path(prefix), list_or_empty(DirEntry), params=(("recurse", ""),), accept=_FOUND_OR_NOT)


def keys_request(prefix: str, separator: str = "") -> Request[list[str]]:
    """Read the names under a prefix, in order, each cut after the first ``separator`` behind the prefix."""
    params = (("keys", ""), ("separator", separator)) if separator else (("keys", ""),)
    return Request("GET", _path(prefix), list_or_empty(str), params=params, accept=_FOUND_OR_NOT)


def put_request(
    key: str,
    value: bytes | str = b"",
    *,
    flags: int = 0,
    cas: int | None = None,
    acquire: str = "",
    release: str = "",
) -> Request[bool]:
    """Write one entry; False when the check-and-set index or the session did not fit.

    ``cas`` 0 creates only. Raises InvalidArgument for a key that begins with a slash.
    """
    if key.startswith("/"):
        raise InvalidArgument(f"Invalid key. Key must not begin with a '/': {key}")
    params = [
        ("flags", str(flags) if flags else ""),
        ("cas", "" if cas is None else str(cas)),
        ("acquire", acquire),
        ("release", release),
    ]
    return Request(
        "PUT",
        _path(key),
        truth,
        params=tuple(pair for pair in params if pair[1]),
        headers=(("Content-Type", "application/octet-stream"),),
        body=value_bytes(value),
    )


def delete_request(key: str, *, recurse: bool = False, cas: int | None = None) -> Request[bool]:
    """Delete one entry or, with ``recurse``, all under a prefix; False when ``cas`` did not fit."""
    params = (("recurse", ""),) if recurse else (("cas", str(cas)),) if cas is not None else ()
    return Request("DELETE", _path(key), truth, params=params)


class KV:
    """Keys and values of one datacenter."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    async def get(self, key: str, options: QueryOptions | None = None) -> DirEntry | None:
        """The entry of ``key``, None when there is none."""
        return await self._client.call(get_request(key), options)

    async def raw(self, key: str, options: QueryOptions | None = None) -> bytes | None:
        """The value of ``key`` as bytes, None when there is no such key."""
        return await self._client.call(raw_request(key), options)

    async def list(self, prefix: str = "", options: QueryOptions | None = None) -> Entries:
        """All entries under ``prefix``, in key order."""
        return await self._client.call(list_request(prefix), options)

    async def keys(self, prefix: str = "", separator: str = "", options: QueryOptions | None = None) -> Names:
        """The names under ``prefix``, in order, each cut after the first ``separator`` behind it."""
        return await self._client.call(keys_request(prefix, separator), options)

    async def put(
        self,
        key: str,
        value: bytes | str = b"",
        options: QueryOptions | None = None,
        *,
        flags: int = 0,
        cas: int | None = None,
        acquire: str = "",
        release: str = "",
    ) -> bool:
        """Write ``key``; False when ``cas``, ``acquire`` or ``release`` did not fit what is there."""
        request = put_request(key, value, flags=flags, cas=cas, acquire=acquire, release=release)
        return await self._client.call(request, options)

    async def delete(
        self, key: str, options: QueryOptions | None = None, *, recurse: bool = False, cas: int | None = None
    ) -> bool:
        """Delete ``key`` or, with ``recurse``, all under it; False when ``cas`` did not fit."""
        return await self._client.call(delete_request(key, recurse=recurse, cas=cas), options)


def _path(key: str) -> str:
    return "/v1/kv/" + escape_path(key.removeprefix("/"))


def _body_or_none(answer: Answer) -> bytes | None:
    return None if answer.status == 404 else answer.body
