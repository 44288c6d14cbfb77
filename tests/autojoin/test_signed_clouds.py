"""Clouds that want signed requests: Alibaba Cloud, Tencent Cloud, Triton."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
import struct
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from pyconsul.toolkit.discovery import DiscoverError
from pyconsul_autojoin.providers import aliyun, tencentcloud, triton
from pyconsul_autojoin.providers.aliyun import Aliyun
from pyconsul_autojoin.providers.tencentcloud import TencentCloud
from pyconsul_autojoin.providers.triton import Triton
from tests.autojoin.conftest import Asks, Clouds, Reply, Seen

ALIYUN = "provider=aliyun region=cn-hangzhou tag_key=role tag_value=server access_key_id=testid access_key_secret=s3"
TENCENT = "provider=tencentcloud region=ap-x tag_key=role tag_value=server access_key_id=AKID access_key_secret=s3"


def test_the_alibaba_signature_is_the_documented_one() -> None:
    """The example of Alibaba's page on RPC signatures gives the signature printed there."""
    params = {
        "Timestamp": "2016-02-23T12:46:24Z",
        "Format": "XML",
        "AccessKeyId": "testid",
        "Action": "DescribeRegions",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
        "Version": "2014-05-26",
        "SignatureVersion": "1.0",
    }
    assert aliyun.signature("GET", params, "testsecret") == "OLeaidS1JvxuMvnyHOwuJ+uX5qY="


def aliyun_checks(seen: Seen, secret: str) -> bool:
    """Whether the request's signature is right, worked out from its query alone."""
    params = dict(seen.query)
    given = params.pop("Signature")
    joined = "&".join(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in sorted(params.items()))
    text = f"GET&%2F&{quote(joined, safe='~')}".encode()
    return given == base64.b64encode(hmac.new(f"{secret}&".encode(), text, hashlib.sha1).digest()).decode()


def an_instance(number: int, network: str) -> dict[str, Any]:
    """An ECS instance with addresses of both kinds of network."""
    return {
        "InstanceId": f"i-{number}",
        "InstanceNetworkType": network,
        "InnerIpAddress": {"IpAddress": [f"10.0.0.{number}"]},
        "VpcAttributes": {"PrivateIpAddress": {"IpAddress": [f"172.16.0.{number}"]}},
    }


async def test_aliyun_pages_with_a_fresh_signature_each(cloud: Clouds, ask: Asks) -> None:
    """Running instances with the tag come page by page; each request is signed, each nonce new."""
    pages = {"1": [an_instance(1, "classic"), an_instance(2, "vpc")], "2": [an_instance(3, "vpc")]}

    def answer(seen: Seen) -> object:
        if not aliyun_checks(seen, "s3"):
            return Reply({"Code": "SignatureDoesNotMatch"}, 400)
        return {"TotalCount": 3, "Instances": {"Instance": pages[seen.query["PageNumber"]]}}

    there = await cloud(answer)
    assert await Aliyun(there.url).addresses(ask(ALIYUN)) == ["10.0.0.1", "172.16.0.2", "172.16.0.3"]
    wanted = {"Action": "DescribeInstances", "Status": "Running", "Tag.1.Key": "role", "Tag.1.Value": "server"}
    assert all(wanted.items() <= dict(each.query).items() for each in there.seen)
    assert len({each.query["SignatureNonce"] for each in there.seen}) == 2


async def test_a_refused_signature_shows_no_query(cloud: Clouds, ask: Asks) -> None:
    """The error of a refused request has the cloud's code and neither key nor signature."""
    there = await cloud(lambda _: Reply({"Code": "SignatureDoesNotMatch"}, 400))
    with pytest.raises(DiscoverError, match="SignatureDoesNotMatch") as caught:
        await Aliyun(there.url).addresses(ask(ALIYUN))
    assert "testid" not in str(caught.value)


def tencent_checks(seen: Seen, secret: str, host: str) -> bool:
    """Whether TC3-HMAC-SHA256 over what arrived gives the signature in the header."""
    found = re.fullmatch(
        r"TC3-HMAC-SHA256 Credential=AKID/(\S+), SignedHeaders=(\S+), Signature=(\w+)", seen.headers["Authorization"]
    )
    assert found is not None
    scope, names, given = found.groups()
    date, service, _ = scope.split("/")
    headers = {"host": host, **{name.lower(): value for name, value in seen.headers.items() if name.lower() != "host"}}
    lines = "".join(f"{name}:{headers[name].lower()}\n" for name in names.split(";"))
    request = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(seen.body).hexdigest()}"
    text = f"TC3-HMAC-SHA256\n{headers['x-tc-timestamp']}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = b"TC3" + secret.encode()
    for part in (date, service, "tc3_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest() == given


@pytest.mark.parametrize(("kind", "addresses"), [("private_v4", ["10.0.0.1", "10.0.0.3"]), ("public_v4", ["1.2.3.4"])])
async def test_tencent_pages_signed_requests(cloud: Clouds, ask: Asks, kind: str, addresses: list[str]) -> None:
    """Running instances with the tag come by offset; each body is signed; the type chooses the address."""
    instances = [
        {"InstanceId": "a", "PrivateIpAddresses": ["10.0.0.1", "10.0.0.2"], "PublicIpAddresses": None},
        {"InstanceId": "b", "PrivateIpAddresses": ["10.0.0.3"], "PublicIpAddresses": ["1.2.3.4"]},
    ]
    there: Any = None

    def answer(seen: Seen) -> object:
        if not tencent_checks(seen, "s3", there.host):
            return Reply({"Response": {"Error": {"Code": "AuthFailure.SignatureFailure", "Message": "no"}}})
        begin = seen.json()["Offset"]
        return {"Response": {"TotalCount": 2, "InstanceSet": instances[begin : begin + 1], "RequestId": "x"}}

    there = await cloud(answer)
    asked = ask(f"{TENCENT} address_type={kind}")
    assert await TencentCloud(there.url + "/").addresses(asked) == addresses
    assert [each.headers["X-TC-Action"] for each in there.seen] == ["DescribeInstances"] * 2
    assert there.seen[0].json()["Filters"] == [
        {"Name": "instance-state", "Values": ["RUNNING"]},
        {"Name": "tag:role", "Values": ["server"]},
    ]


async def test_tencent_errors_in_a_good_answer_are_errors(cloud: Clouds, ask: Asks) -> None:
    """The cloud answers 200 also for failures; they come out with code and message."""
    error = {"Code": "AuthFailure.SecretIdNotFound", "Message": "The SecretId is not found"}
    there = await cloud(lambda _: {"Response": {"Error": error, "RequestId": "x"}})
    with pytest.raises(DiscoverError, match=r"\[AuthFailure.SecretIdNotFound\] The SecretId is not found"):
        await TencentCloud(there.url + "/").addresses(ask(TENCENT))


@pytest.mark.parametrize(
    ("text", "fault"), [("", "region missing"), ("region=x address_type=public_v6", "invalid address_type public_v6")]
)
async def test_tencent_names_the_bad_setting(ask: Asks, text: str, fault: str) -> None:
    """A missing region and an unknown address type are named in go-discover's words."""
    with pytest.raises(DiscoverError, match=f"^discover-tencentcloud: {fault}$"):
        await TencentCloud().addresses(ask(f"provider=tencentcloud {text}"))


def test_the_tencent_signature_is_that_of_its_documentation() -> None:
    """The worked example of "Signature v3" in the pages of the CVM API; its masked credentials are signed as such."""
    body = rb'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}'
    masked = ("AKID" + 32 * "*", 32 * "*")
    signed = tencentcloud.signed_headers(
        "https://cvm.tencentcloudapi.com/", "DescribeInstances", "ap-guangzhou", body, *masked, 1551113065
    )
    assert signed["Authorization"] == (
        f"TC3-HMAC-SHA256 Credential={masked[0]}/2019-02-25/cvm/tc3_request, "
        "SignedHeaders=content-type;host;x-tc-action, "
        "Signature=10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f"
    )


def test_the_tencent_signature_depends_on_every_part() -> None:
    """Another body, time or secret gives another signature."""
    known = ("https://cvm.tencentcloudapi.com/", "DescribeInstances", "ap-x", b"{}", "AKID", "s3", 1551113065)
    first = tencentcloud.signed_headers(*known)["Authorization"]
    others = [(*known[:3], b"{ }", *known[4:]), (*known[:5], "s4", known[6]), (*known[:6], 1551113066)]
    assert len({first, *(tencentcloud.signed_headers(*each)["Authorization"] for each in others)}) == 4


PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def ssh_string(data: bytes) -> bytes:
    """A string as SSH writes it."""
    return struct.pack(">I", len(data)) + data


def public_blob(key: PrivateKey) -> bytes:
    """The public key as the agent shows it."""
    line = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return base64.b64decode(line.split()[1])


def ssh_signature(key: PrivateKey, data: bytes) -> bytes:
    """Format and signature, as an agent answers with RSA_SHA2_256 asked for."""
    if isinstance(key, rsa.RSAPrivateKey):
        return ssh_string(b"rsa-sha2-256") + ssh_string(key.sign(data, padding.PKCS1v15(), hashes.SHA256()))
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return ssh_string(b"ssh-ed25519") + ssh_string(key.sign(data))
    numbers = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
    body = b"".join(ssh_string(n.to_bytes(n.bit_length() // 8 + 1, "big")) for n in numbers)
    return ssh_string(b"ecdsa-sha2-nistp256") + ssh_string(body)


class Agents(Protocol):
    """Starts SSH agents."""

    def __call__(self, *keys: PrivateKey) -> Awaitable[str]:
        """One that holds these keys; gives the path of its socket."""
        ...


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Agents]:
    """Starts SSH agents that end with the test."""
    servers: list[asyncio.Server] = []

    async def start(*keys: PrivateKey) -> str:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            size = int.from_bytes(await reader.readexactly(4), "big")
            asked = await reader.readexactly(size)
            answer = b"\x05"
            if asked[0] == 11:
                held = b"".join(ssh_string(public_blob(key)) + ssh_string(b"comment") for key in keys)
                answer = b"\x0c" + struct.pack(">I", len(keys)) + held
            elif asked[0] == 13:
                length = int.from_bytes(asked[1:5], "big")
                blob, rest = asked[5 : 5 + length], asked[5 + length :]
                data = rest[4 : 4 + int.from_bytes(rest[:4], "big")]
                key = next(each for each in keys if public_blob(each) == blob)
                answer = b"\x0e" + ssh_string(ssh_signature(key, data))
            writer.write(ssh_string(answer))
            await writer.drain()
            writer.close()

        path = str(tmp_path / "agent")
        servers.append(await asyncio.start_unix_server(talk, path))
        return path

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()


def triton_checks(seen: Seen, key: PrivateKey) -> str:
    """The algorithm of a good signature over the date header. Raises InvalidSignature for a bad one."""
    pattern = r'Signature keyId="/acc/keys/[0-9a-f:]{47}",algorithm="(\S+)",headers="date",signature="(\S+)"'
    found = re.fullmatch(pattern, seen.headers["Authorization"])
    assert found is not None
    data, signature = f"date: {seen.headers['Date']}".encode(), base64.b64decode(found[2])
    if isinstance(key, rsa.RSAPrivateKey):
        key.public_key().verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        key.public_key().verify(signature, data, ec.ECDSA(hashes.SHA256()))
    return found[1]


@pytest.mark.parametrize("fingerprint", ["md5", "bare", "sha256"])
@pytest.mark.parametrize("algorithm", ["rsa-sha256", "ecdsa-sha256"])
async def test_triton_signs_with_a_key_of_the_agent(
    cloud: Clouds, ask: Asks, agent: Agents, monkeypatch: pytest.MonkeyPatch, fingerprint: str, algorithm: str
) -> None:
    """The key is found by any form of its fingerprint, and the date of each page's request is signed with it."""
    monkeypatch.setattr(triton, "PAGE_SIZE", 1)
    key: Any = ec.generate_private_key(ec.SECP256R1())
    if algorithm.startswith("rsa"):
        key = rsa.generate_private_key(65537, 2048)
    other = ec.generate_private_key(ec.SECP256R1())
    blob = public_blob(key)
    md5 = hashlib.md5(blob).digest().hex(":")
    sha256 = base64.b64encode(hashlib.sha256(blob).digest()).rstrip(b"=").decode()
    key_id = {"md5": md5, "bare": md5.replace(":", ""), "sha256": f"SHA256:{sha256}"}[fingerprint]
    machines = [{"id": "a", "primaryIp": "10.0.0.1"}, {"id": "b"}, {"id": "c", "primaryIp": "10.0.0.3"}]

    def answer(seen: Seen) -> object:
        assert triton_checks(seen, key) == algorithm
        begin = int(seen.query["offset"])
        return machines[begin : begin + 1]

    there = await cloud(answer)
    text = f'provider=triton account=acc url={there.url} key_id="{key_id}" tag_key=role tag_value=server'
    asked = ask(text, SSH_AUTH_SOCK=await agent(other, key))
    assert await Triton().addresses(asked) == ["10.0.0.1", "10.0.0.3"]
    assert {(each.path, each.query["tag.role"]) for each in there.seen} == {("/acc/machines", "server")}


TRITON = "provider=triton account=acc url=http://127.0.0.1:1 tag_key=a tag_value=b"


async def test_triton_names_a_key_that_the_agent_lacks(ask: Asks, agent: Agents) -> None:
    """The error names key_id and the fingerprint."""
    socket = await agent(ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(DiscoverError, match="key_id: No key in the SSH Agent matches fingerprint: aa:bb"):
        await Triton().addresses(ask(f"{TRITON} key_id=aa:bb", SSH_AUTH_SOCK=socket))


async def test_triton_refuses_keys_that_the_cloud_cannot_check(ask: Asks, agent: Agents) -> None:
    """CloudAPI knows no Ed25519; the error says so."""
    key = ed25519.Ed25519PrivateKey.generate()
    key_id = hashlib.md5(public_blob(key)).hexdigest()
    with pytest.raises(DiscoverError, match="Unsupported algorithm from SSH agent: ssh-ed25519"):
        await Triton().addresses(ask(f"{TRITON} key_id={key_id}", SSH_AUTH_SOCK=await agent(key)))


@pytest.mark.parametrize(("socket", "fault"), [("", "SSH_AUTH_SOCK not set"), ("/nowhere", "unable to dial SSH agent")])
async def test_triton_says_that_there_is_no_agent(ask: Asks, socket: str, fault: str) -> None:
    """Without a socket, or with one that nobody listens on, the error says which."""
    with pytest.raises(DiscoverError, match=fault):
        await Triton().addresses(ask(f"{TRITON} key_id=aa", SSH_AUTH_SOCK=socket))
