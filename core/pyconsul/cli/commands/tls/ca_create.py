"""``consul tls ca create``: a certificate authority for agents, as two files."""

from __future__ import annotations

import os

from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.files import write_atomically
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options]"
HELP = """
Creates a certificate authority for agents. Two files appear in the current
folder, the certificate and its private key:

    $ consul tls ca create
    ==> Saved consul-agent-ca.pem
    ==> Saved consul-agent-ca-key.pem
"""
BAD_FLAGS = "Failed to parse args: {}"


def add_flags(flags: FlagSet) -> None:
    """Declare names and lifetime."""
    flags.integer("days", "Days for which the authority is valid.", 1825)
    flags.boolean(
        "name-constraint",
        "Let the authority sign only for localhost, -domain and each -additional-name-constraint.",
    )
    flags.string("domain", "DNS domain of the cluster; it also names the files.", "consul")
    flags.string("cluster-id", "Cluster id, for a SPIFFE id of the authority together with -domain.")
    flags.string("common-name", "Common name of the authority. By default one is made from its serial number.")
    flags.strings(
        "additional-name-constraint",
        "Another domain to sign for, with -name-constraint. May be repeated.",
    )


def run(args: Args, console: Console) -> int:
    """Make the authority and write its two files."""
    domain = args.string("domain")
    certificate_file, key_file = f"{domain}-agent-ca.pem", f"{domain}-agent-ca-key.pem"
    for path in (certificate_file, key_file):
        if os.path.exists(path):
            raise Failed(f"{path} already exists.")
    permitted: list[str] = []
    if args.boolean("name-constraint"):
        permitted = [*args.strings("additional-name-constraint"), domain, "localhost"]

    from pyconsul.cli.certificates import CertificateError, new_authority

    try:
        certificate, key = new_authority(
            args.integer("days"), args.string("common-name"), args.string("cluster-id"), domain, permitted
        )
    except CertificateError as e:
        raise Failed(str(e)) from e
    with failing(""):
        write_atomically(certificate_file, certificate, 0o644)
        console.say(f"==> Saved {certificate_file}")
        write_atomically(key_file, key, 0o600)
        console.say(f"==> Saved {key_file}")
    return 0
