"""Passwords, keys and certificates of the sprig library; the heavy libraries load when one is called."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import os
from datetime import UTC, datetime, timedelta
from typing import Any

from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.gotemplate.gofmt import to_string
from pyconsul.lang.gotemplate.values import Field, Struct
from pyconsul.lang.strconv import byte_length, from_bytes, to_bytes
from pyconsul_template.functions.registry import function


class Certificate(Struct):
    """A certificate and its key in PEM."""

    go_type = "sprig.certificate"
    pointer = False
    fields = (Field("Cert", "string"), Field("Key", "string"))
    Cert: str
    Key: str


# -- passwords ------------------------------------------------------------------------

_SEED = b"com.lyndir.masterpassword"
# The published templates of the Master Password algorithm.
_TEMPLATES: dict[str, tuple[str, ...]] = {
    "maximum": ("anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"),
    "long": (
        "CvcvnoCvcvCvcv",
        "CvcvCvcvnoCvcv",
        "CvcvCvcvCvcvno",
        "CvccnoCvcvCvcv",
        "CvccCvcvnoCvcv",
        "CvccCvcvCvcvno",
        "CvcvnoCvccCvcv",
        "CvcvCvccnoCvcv",
        "CvcvCvccCvcvno",
        "CvcvnoCvcvCvcc",
        "CvcvCvcvnoCvcc",
        "CvcvCvcvCvccno",
        "CvccnoCvccCvcv",
        "CvccCvccnoCvcv",
        "CvccCvccCvcvno",
        "CvcvnoCvccCvcc",
        "CvcvCvccnoCvcc",
        "CvcvCvccCvccno",
        "CvccnoCvcvCvcc",
        "CvccCvcvnoCvcc",
        "CvccCvcvCvccno",
    ),
    "medium": ("CvcnoCvc", "CvcCvcno"),
    "short": ("Cvcn",),
    "basic": ("aaanaaan", "aannaaan", "aaannaaa"),
    "pin": ("nnnn",),
}
_VOWELS, _CONSONANTS = "aeiou", "bcdfghjklmnpqrstvwxyz"
_UPPER_VOWELS, _UPPER_CONSONANTS = _VOWELS.upper(), _CONSONANTS.upper()
_LETTERS = _UPPER_VOWELS + _VOWELS + _UPPER_CONSONANTS + _CONSONANTS
_CHARACTERS = {
    "V": _UPPER_VOWELS,
    "C": _UPPER_CONSONANTS,
    "v": _VOWELS,
    "c": _CONSONANTS,
    "A": _UPPER_VOWELS + _UPPER_CONSONANTS,
    "a": _LETTERS,
    "n": "0123456789",
    "o": "@&%?,=[]_:-+*$#!'^~;()/.",
    "x": _LETTERS + "0123456789!@#$%^&*()",
}


def _counted(text: str) -> bytes:
    return byte_length(text).to_bytes(4, "big") + to_bytes(text)


@function("sprig_derivePassword", "uint32, string, string, string, string")
def derive_password(counter: int, kind: str, password: str, user: str, site: str) -> str:
    """The site password of the Master Password algorithm."""
    templates = _TEMPLATES.get(kind)
    if templates is None:
        return f"cannot find password template {kind}"
    key = hashlib.scrypt(to_bytes(password), salt=_SEED + _counted(user), n=32768, r=8, p=2, maxmem=1 << 27, dklen=64)
    seed = hmac.new(key, _SEED + _counted(site) + int(counter).to_bytes(4, "big"), hashlib.sha256).digest()
    template = templates[seed[0] % len(templates)]
    chosen = [_CHARACTERS[element] for element in template]
    return "".join(chars[seed[n + 1] % len(chars)] for n, chars in enumerate(chosen))


@function("sprig_bcrypt", "string", changing=True)
def bcrypt_hash(text: str) -> str:
    """A bcrypt hash with cost 10."""
    import bcrypt

    data = to_bytes(text)
    if len(data) > 72:
        return "failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes"
    return bcrypt.hashpw(data, bcrypt.gensalt(10, prefix=b"2a")).decode()


@function("sprig_htpasswd", "string, string", changing=True)
def htpasswd(user: str, password: str) -> str:
    """A line of a password file with a bcrypt hash."""
    return f"invalid username: {user}" if ":" in user else f"{user}:{bcrypt_hash(password)}"


# -- encryption --------------------------------------------------------------------------


def _cipher(password: str, start: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    key = to_bytes(password)[:32].ljust(32, b"\0")
    return Cipher(algorithms.AES(key), modes.CBC(start))


@function("sprig_encryptAES", "string, string", changing=True)
def encrypt_aes(password: str, text: str) -> str:
    """AES-256 in CBC mode with the start vector in front, in Base64."""
    if not text:
        return ""
    data = to_bytes(text)
    padding = 16 - len(data) % 16
    start = os.urandom(16)
    encryptor = _cipher(password, start).encryptor()
    hidden: bytes = encryptor.update(data + bytes([padding]) * padding) + encryptor.finalize()
    return base64.b64encode(start + hidden).decode()


@function("sprig_decryptAES", "string, string")
def decrypt_aes(password: str, text: str) -> str:
    """What ``encryptAES`` gave, undone."""
    if not text:
        return ""
    from pyconsul_template.functions.digests import decode_base64

    try:
        data = decode_base64(text)
    except ValueError as error:
        raise FunctionError(str(error)) from None
    if len(data) < 16:
        raise FunctionError(f"runtime error: slice bounds out of range [:16] with capacity {len(text) // 4 * 3}")
    if len(data) == 16:
        raise FunctionError("runtime error: index out of range [-1]")
    if len(data) % 16:
        raise FunctionError("crypto/cipher: input not full blocks")
    decryptor = _cipher(password, data[:16]).decryptor()
    plain: bytes = decryptor.update(data[16:]) + decryptor.finalize()
    if plain[-1] > len(plain):
        raise FunctionError(f"runtime error: slice bounds out of range [:{len(plain) - plain[-1]}]")
    return from_bytes(plain[: len(plain) - plain[-1]])


# -- keys and certificates ------------------------------------------------------------------


def _rsa(bits: int) -> Any:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def _pem(key: Any) -> str:
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import ed25519

    modern = isinstance(key, ed25519.Ed25519PrivateKey)
    form = s.PrivateFormat.PKCS8 if modern else s.PrivateFormat.TraditionalOpenSSL
    data: bytes = key.private_bytes(s.Encoding.PEM, form, s.NoEncryption())
    return data.decode()


@function("sprig_genPrivateKey", "string", changing=True)
def gen_private_key(kind: str) -> str:
    """A new private key in PEM: rsa (4096 bits), dsa, ecdsa or ed25519."""
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519

    if kind in ("", "rsa"):
        return _pem(_rsa(4096))
    if kind == "dsa":
        return _pem(dsa.generate_private_key(2048))
    if kind == "ecdsa":
        return _pem(ec.generate_private_key(ec.SECP256R1()))
    if kind == "ed25519":
        return _pem(ed25519.Ed25519PrivateKey.generate())
    return f"Unknown type {kind}"


def _read_key(pem: str, context: str) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if "-----BEGIN" not in pem:
        raise FunctionError(f"{context}: no PEM data in input")
    try:
        return load_pem_private_key(to_bytes(pem), None)
    except (ValueError, TypeError) as error:
        raise FunctionError(f"{context}: {error}") from None


def _read_certificate(pem: str) -> Any:
    from cryptography import x509

    if "-----BEGIN" not in pem:
        raise FunctionError("unable to decode certificate")
    try:
        return x509.load_pem_x509_certificate(to_bytes(pem))
    except ValueError as error:
        raise FunctionError(f"error parsing certificate: decodedCert.Bytes: {error}") from None


@function("sprig_buildCustomCert", "string, string")
def build_custom_cert(cert: str, key: str) -> Certificate:
    """A certificate and key from their Base64 forms, checked."""
    decoded: list[str] = []
    for what, text in (("certificate", cert), ("private key", key)):
        try:
            decoded.append(from_bytes(base64.b64decode(to_bytes(text), validate=True)))
        except binascii.Error:
            raise FunctionError(f"unable to decode base64 {what}") from None
    _read_certificate(decoded[0])
    _read_key(decoded[1], "error parsing private key")
    return Certificate(Cert=decoded[0], Key=decoded[1])


def _alternative_names(ips: list[Any], names: list[Any]) -> list[Any]:
    from cryptography import x509

    out: list[Any] = []
    for name in names:
        if not isinstance(name, str):
            raise FunctionError(f"error processing alternate dns name: {to_string(name)} is not a string")
        out.append(x509.DNSName(name))
    for ip in ips:
        if not isinstance(ip, str):
            raise FunctionError(f"error parsing ip: {to_string(ip)} is not a string")
        try:
            out.append(x509.IPAddress(ipaddress.ip_address(ip)))
        except ValueError:
            raise FunctionError(f"error parsing ip: {ip}") from None
    return out


def _certificate(
    name: str,
    days: int,
    key: Any,
    *,
    names: list[Any] | None = None,
    signer: tuple[Any, Any] | None = None,
    ca: bool = False,
) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])
    issuer, signing_key = (signer[0].subject, signer[1]) if signer else (subject, key)
    now = datetime.now(UTC)
    usage = dict.fromkeys(
        ("content_commitment", "data_encipherment", "key_agreement", "crl_sign", "encipher_only", "decipher_only"),
        False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(
            x509.KeyUsage(digital_signature=True, key_encipherment=True, key_cert_sign=ca, **usage), critical=True
        )
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    algorithm = None if isinstance(signing_key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    made = builder.sign(signing_key, algorithm)
    return Certificate(Cert=made.public_bytes(serialization.Encoding.PEM).decode(), Key=_pem(key))


@function("sprig_genCA", "string, int", changing=True)
def gen_ca(name: str, days: int) -> Certificate:
    """A new certificate authority."""
    return _certificate(name, days, _rsa(2048), ca=True)


@function("sprig_genCAWithKey", "string, int, string", changing=True)
def gen_ca_with_key(name: str, days: int, pem: str) -> Certificate:
    """A certificate authority for a key."""
    return _certificate(name, days, _read_key(pem, "parsing private key"), ca=True)


@function("sprig_genSelfSignedCert", "string, []any, []any, int", changing=True)
def gen_self_signed(name: str, ips: list[Any], dns: list[Any], days: int) -> Certificate:
    """A certificate signed by itself."""
    return _certificate(name, days, _rsa(2048), names=_alternative_names(ips, dns))


@function("sprig_genSelfSignedCertWithKey", "string, []any, []any, int, string", changing=True)
def gen_self_signed_with_key(name: str, ips: list[Any], dns: list[Any], days: int, pem: str) -> Certificate:
    """A certificate for a key, signed by itself."""
    key = _read_key(pem, "parsing private key")
    return _certificate(name, days, key, names=_alternative_names(ips, dns))


def _signer(authority: Certificate) -> tuple[Any, Any]:
    return _read_certificate(authority.Cert), _read_key(authority.Key, "error parsing private key")


@function("sprig_genSignedCert", "string, []any, []any, int, sprig.certificate", changing=True)
def gen_signed(name: str, ips: list[Any], dns: list[Any], days: int, authority: Certificate) -> Certificate:
    """A certificate signed by an authority."""
    names = _alternative_names(ips, dns)
    return _certificate(name, days, _rsa(2048), names=names, signer=_signer(authority))


@function("sprig_genSignedCertWithKey", "string, []any, []any, int, sprig.certificate, string", changing=True)
def gen_signed_with_key(
    name: str, ips: list[Any], dns: list[Any], days: int, authority: Certificate, pem: str
) -> Certificate:
    """A certificate for a key, signed by an authority."""
    key = _read_key(pem, "parsing private key")
    return _certificate(name, days, key, names=_alternative_names(ips, dns), signer=_signer(authority))
