"""Base64 and hashes."""

from __future__ import annotations

import base64
import hashlib
import hmac

from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.strconv import from_bytes, to_bytes
from pyconsul_template.functions.registry import function

_STANDARD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_URL = _STANDARD[:-2] + "-_"


def _first_bad(data: bytes, alphabet: str) -> int:
    """Where Go's decoder would stop: at a foreign byte or at wrong padding."""
    significant = 0
    for at, byte in enumerate(data):
        char = chr(byte)
        if char in "\r\n":
            continue
        if char in alphabet:
            significant += 1
            continue
        if char != "=" or significant % 4 < 2:
            return at
        return _after_padding(data, at, significant)
    return len(data) - significant % 4 if significant % 4 else len(data)


def _after_padding(data: bytes, at: int, significant: int) -> int:
    rest = data[at + 1 :].lstrip(b"\r\n")
    if significant % 4 == 2:
        if not rest:
            return len(data)
        if rest[:1] != b"=":
            return len(data) - len(rest) - 1
        rest = rest[1:].lstrip(b"\r\n")
    return len(data) - len(rest) if rest else -1


def decode_base64(text: str, *, url: bool = False) -> bytes:
    """The bytes of padded Base64 (line ends are skipped). Raises ValueError with Go's text."""
    data = to_bytes(text)
    clean = bytes(b for b in data if b not in b"\r\n")
    alphabet = _URL if url else _STANDARD
    body = clean.rstrip(b"=")
    padding = len(clean) - len(body)
    well_formed = len(clean) % 4 == 0 and padding <= 2 and all(chr(b) in alphabet for b in body)
    if not well_formed:
        raise ValueError(f"illegal base64 data at input byte {_first_bad(data, alphabet)}")
    return base64.b64decode(clean, altchars=b"-_" if url else None)


def _decode(name: str, text: str, *, url: bool) -> str:
    try:
        return from_bytes(decode_base64(text, url=url))
    except ValueError as error:
        raise FunctionError(f"{name}: {error}") from None


@function("base64Decode", "string")
def base64_decode(text: str) -> str:
    """Standard Base64 undone."""
    return _decode("base64Decode", text, url=False)


@function("base64URLDecode", "string")
def base64_url_decode(text: str) -> str:
    """URL-safe Base64 undone."""
    return _decode("base64URLDecode", text, url=True)


@function("base64Encode", "string")
def base64_encode(text: str) -> str:
    """Standard Base64."""
    return base64.b64encode(to_bytes(text)).decode()


@function("base64URLEncode", "string")
def base64_url_encode(text: str) -> str:
    """URL-safe Base64."""
    return base64.urlsafe_b64encode(to_bytes(text)).decode()


@function("sha256Hex", "string")
def sha256_hex(text: str) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(to_bytes(text)).hexdigest()


@function("md5sum", "string")
def md5sum(text: str) -> str:
    """MD5 in hexadecimal."""
    return hashlib.md5(to_bytes(text), usedforsecurity=False).hexdigest()


@function("hmacSHA256Hex", "string, string")
def hmac_sha256_hex(message: str, key: str) -> str:
    """HMAC with SHA-256 in hexadecimal."""
    return hmac.new(to_bytes(key), to_bytes(message), hashlib.sha256).hexdigest()
