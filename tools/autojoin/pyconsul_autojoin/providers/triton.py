"""Triton (Joyent): instances by tag. CloudAPI ``ListMachines``; requests are signed by a key in the SSH agent."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from email.utils import formatdate
from typing import Final
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from msgspec import Struct, field

from pyconsul.toolkit.discovery import Lookup, Parameter
from pyconsul_autojoin.api import Api
from pyconsul_autojoin.ssh_agent import Key, SshAgent, SshAgentError

PAGE_SIZE: Final = 1000
API_VERSION: Final = "8"
# Names of SSH's signature formats as HTTP signatures call them.
ALGORITHMS: Final = {
    "ssh-rsa": "rsa-sha1",
    "rsa-sha2-256": "rsa-sha256",
    "ecdsa-sha2-nistp256": "ecdsa-sha256",
    "ecdsa-sha2-nistp384": "ecdsa-sha384",
    "ecdsa-sha2-nistp521": "ecdsa-sha512",
}


class _Machine(Struct):
    id: str
    primary_ip: str = field(name="primaryIp", default="")


@dataclass
class Triton:
    """Instances of an account with a tag."""

    title = "Triton"
    parameters = (
        Parameter("account", "Name of the account.", required=True),
        Parameter("url", "Where the CloudAPI is.", required=True),
        Parameter("key_id", "Fingerprint of the key, MD5 or SHA256.", required=True),
        Parameter("tag_key", "Key of the tag that instances must have.", required=True),
        Parameter("tag_value", "Value of that tag.", required=True),
    )
    notes = "The key must be in the SSH agent that SSH_AUTH_SOCK names."

    async def addresses(self, ask: Lookup) -> list[str]:
        """The primary address of each instance; those without one are left out."""
        account, url = ask.need("account"), ask.need("url").rstrip("/")
        tag, value = ask.need("tag_key"), ask.need("tag_value")
        ask.info(f'Account is "{account}"')
        ask.info(f'URL is "{url}"')
        signer = await _signer(ask, account, ask.need("key_id"))
        found: list[str] = []
        async with Api(ask, headers={"Accept-Version": API_VERSION}) as api:
            count = 0
            for _ in api.pages():
                params = {f"tag.{tag}": value, "offset": str(count), "limit": str(PAGE_SIZE)}
                headers = await signer.headers()
                where = f"{url}/{quote(account, safe='')}/machines"
                page = await api.get(where, list[_Machine], params, headers)
                found += [machine.primary_ip for machine in page if machine.primary_ip]
                count += len(page)
                if len(page) < PAGE_SIZE:
                    break
            return found


@dataclass(frozen=True)
class _Signer:
    ask: Lookup
    agent: SshAgent
    key: Key
    account: str

    async def headers(self) -> dict[str, str]:
        """The date and its signature, as draft-cavage-http-signatures says."""
        date = formatdate(usegmt=True)
        try:
            form, signature = await self.agent.sign(self.key, f"date: {date}".encode())
            if form.startswith("ecdsa"):
                signature = _der(signature)
        except SshAgentError as error:
            raise self.ask.error(f"unable to sign with key_id: {error}") from error
        algorithm = ALGORITHMS.get(form)
        if algorithm is None:
            raise self.ask.error(f"key_id: Unsupported algorithm from SSH agent: {form}")
        text = base64.b64encode(signature).decode()
        name = f"/{self.account}/keys/{self.key.md5}"
        signed = f'Signature keyId="{name}",algorithm="{algorithm}",headers="date",signature="{text}"'
        return {"Date": date, "Authorization": signed}


async def _signer(ask: Lookup, account: str, fingerprint: str) -> _Signer:
    socket = ask.environ.get("SSH_AUTH_SOCK")
    if not socket:
        raise ask.error("environment variable SSH_AUTH_SOCK not set; key_id is looked for in the SSH agent")
    agent = SshAgent(socket)
    try:
        return _Signer(ask, agent, await agent.key(fingerprint), account)
    except SshAgentError as error:
        raise ask.error(f"key_id: {error}") from error


def _der(signature: bytes) -> bytes:
    """SSH's pair of numbers (RFC 5656, section 3.1.2) as the DER sequence that HTTP signatures carry.

    Raises SshAgentError.
    """
    numbers: list[int] = []
    at = 0
    while at < len(signature):
        size = int.from_bytes(signature[at : at + 4], "big")
        numbers.append(int.from_bytes(signature[at + 4 : at + 4 + size], "big"))
        at += 4 + size
    if len(numbers) != 2:
        raise SshAgentError("the SSH agent's signature is no pair of numbers")
    return encode_dss_signature(*numbers)
