"""``consul tls cert create``: a certificate for a server, a client agent or the command line."""

from __future__ import annotations

import os
from itertools import count

from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.files import write_atomically
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.primitives.system_errors import file_text

USAGE = "[options]"
HELP = """
Creates a certificate and its private key, signed by the authority that
"consul tls ca create" made. Say for whom it is:

    $ consul tls cert create -server
    $ consul tls cert create -client
    $ consul tls cert create -cli

Each run takes the next free number for the names of its files.
"""
BAD_FLAGS = "Failed to parse args: {}"

_WARNING = """==> WARNING: Server Certificates grants authority to become a
    server and access all state in the cluster including root keys
    and all ACL tokens. Do not distribute them to production hosts
    that are not server nodes. Store them as securely as CA keys."""
_KINDS = ("server", "client", "cli")
_MOST_FILES = 10_000


def add_flags(flags: FlagSet) -> None:
    """Declare kind, names and lifetime."""
    flags.string("ca", "File with the authority's certificate.", "#DOMAIN#-agent-ca.pem")
    flags.string("key", "File with the authority's private key.", "#DOMAIN#-agent-ca-key.pem")
    flags.boolean("server", "Make a certificate for a server.")
    flags.boolean("client", "Make a certificate for a client agent.")
    flags.string("node", "Node name; a server certificate then holds <node>.server.<datacenter>.<domain>, too.")
    flags.boolean("cli", "Make a certificate for the command line.")
    flags.integer("days", "Days for which the certificate is valid.", 365)
    flags.string("dc", "Datacenter; it is part of the names in the certificate.", "dc1")
    flags.string("domain", "DNS domain of the cluster.", "consul")
    flags.strings("additional-dnsname", "Another DNS name for the certificate. May be repeated.")
    flags.strings("additional-ipaddress", "Another IP address for the certificate. May be repeated.")


def run(args: Args, console: Console) -> int:
    """Make the certificate and write its two files."""
    for name in ("ca", "key"):
        if not args.string(name):
            raise Failed(f"Please provide the {name}")
    kinds = [kind for kind in _KINDS if args.boolean(kind)]
    if len(kinds) != 1:
        raise Failed("Please provide either -server, -client, or -cli")
    kind = kinds[0]
    if args.string("node") and kind != "server":
        raise Failed("-node requires -server")
    domain = args.string("domain")
    certificate_file, key_file = _free_names(f"{args.string('dc')}-{kind}-{domain}")
    authority_file = args.string("ca").replace("#DOMAIN#", domain, 1)
    authority_key_file = args.string("key").replace("#DOMAIN#", domain, 1)
    authority = _read(authority_file, "CA")
    authority_key = _read(authority_key_file, "CA key")
    if kind == "server":
        console.say(_WARNING)
    console.say(f"==> Using {authority_file} and {authority_key_file}")
    certificate, key = _create(args, kind, authority, authority_key)
    with failing(""):
        write_atomically(certificate_file, certificate, 0o644)
        console.say(f"==> Saved {certificate_file}")
        write_atomically(key_file, key, 0o600)
        console.say(f"==> Saved {key_file}")
    return 0


def _create(args: Args, kind: str, authority: bytes, authority_key: bytes) -> tuple[bytes, bytes]:
    """The certificate with the names that its kind has."""
    from pyconsul.cli.certificates import CLIENT_AUTH, SERVER_AUTH, CertificateError, new_certificate

    zone = f"{args.string('dc')}.{args.string('domain')}"
    name = f"{kind}.{zone}"
    names = [name, "localhost"]
    addresses: list[str] = []
    usages = {"server": [SERVER_AUTH, CLIENT_AUTH], "client": [CLIENT_AUTH, SERVER_AUTH], "cli": []}[kind]
    if kind != "cli":  # a certificate for the command line has no names of its owner's
        node = args.string("node")
        own = [f"{node}.server.{zone}"] if node else []
        names = [*_given(args, "additional-dnsname"), *own, *names]
        addresses = [*_given(args, "additional-ipaddress"), "127.0.0.1"]
    else:
        addresses = _given(args, "additional-ipaddress")
    try:
        return new_certificate(authority, authority_key, name, args.integer("days"), names, addresses, usages)
    except CertificateError as e:
        raise Failed(str(e)) from e


def _given(args: Args, name: str) -> list[str]:
    return [text.strip() for text in args.strings(name) if text]


def _free_names(prefix: str) -> tuple[str, str]:
    for number in count():
        if number > _MOST_FILES:
            break
        certificate, key = f"{prefix}-{number}.pem", f"{prefix}-{number}-key.pem"
        if not os.path.exists(certificate) and not os.path.exists(key):
            return certificate, key
    raise Failed("Could not find a filename that doesn't already exist")


def _read(path: str, what: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as e:
        raise Failed(f"Error reading {what}: {file_text(e)}") from e
