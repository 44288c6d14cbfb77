"""Virtual machines of a vCenter as servers to join."""

from __future__ import annotations

import base64
import re
import ssl
from pathlib import Path

import pytest

from pyconsul.toolkit.discovery import DiscoverError
from pyconsul_autojoin.providers.vsphere import VSphere, is_routable
from tests.autojoin.conftest import Asks, Clouds, Reply, Seen
from tests.certificates import self_signed

GUESTS = {
    "vm-1": ["10.0.0.1", "fe80::1", "2001:db8::1"],
    "vm-2": [],
    "vm-3": ["127.0.0.1", "10.0.0.3", "224.0.0.1", "nonsense"],
}


def xml(text: str) -> bytes:
    """A SOAP answer."""
    head = '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    return f"{head}{text}</soapenv:Body></soapenv:Envelope>".encode()


def a_guest(name: str) -> str:
    """The property guest.net of one machine."""
    addresses = "".join(
        f"<ipAddress><ipAddress>{each}</ipAddress><prefixLength>24</prefixLength></ipAddress>" for each in GUESTS[name]
    )
    nic = f"<network>n</network><ipAddress>9.9.9.9</ipAddress><ipConfig>{addresses}</ipConfig>"
    head = f'<returnval><obj type="VirtualMachine">{name}</obj><propSet><name>guest.net</name>'
    return f"{head}<val><GuestNicInfo>{nic}</GuestNicInfo></val></propSet></returnval>"


class Center:
    """vCenter's REST and SOAP doors."""

    def __init__(self) -> None:
        self.open_sessions: set[str] = set()
        self.attached = [{"id": "vm-3", "type": "VirtualMachine"}, {"id": "host-1", "type": "HostSystem"}]
        self.attached += [{"id": "vm-1", "type": "VirtualMachine"}, {"id": "vm-2", "type": "VirtualMachine"}]

    def __call__(self, seen: Seen) -> object:
        """One answer."""
        return self.soap(seen) if seen.path == "/sdk" else self.rest(seen)

    def rest(self, seen: Seen) -> object:
        """Session, categories, tags, attached objects."""
        path = seen.path.removeprefix("/rest/com/vmware/cis")
        if path == "/session" and seen.method == "POST":
            if seen.headers.get("Authorization") != "Basic " + base64.b64encode(b"u:p&<").decode():
                return Reply({"type": "com.vmware.vapi.std.errors.unauthenticated"}, 401)
            self.open_sessions.add("rest")
            return {"value": "session-1"}
        assert seen.headers["vmware-api-session-id"] == "session-1"
        if path == "/session":
            self.open_sessions.remove("rest")
            return {}
        answers: dict[str, object] = {
            "GET /tagging/category": ["c-1", "c-2"],
            "GET /tagging/category/id:c-1": {"id": "c-1", "name": "other"},
            "GET /tagging/category/id:c-2": {"id": "c-2", "name": "role"},
            "POST /tagging/tag/id:c-2 list-tags-for-category": ["t-1"],
            "GET /tagging/tag/id:t-1": {"id": "t-1", "name": "server"},
            "POST /tagging/tag-association/id:t-1 list-attached-objects": self.attached,
        }
        return {"value": answers[f"{seen.method} {path} {seen.query.get('~action', '')}".strip()]}

    def soap(self, seen: Seen) -> object:
        """Login, properties, logout."""
        body = seen.body.decode()
        if "<RetrieveServiceContent " in body:
            names = "<propertyCollector>pc</propertyCollector><sessionManager>sm</sessionManager>"
            return Reply(xml(f'<R xmlns="urn:vim25"><returnval>{names}</returnval></R>'))
        if "<Login " in body:
            assert "<userName>u</userName><password>p&amp;&lt;</password>" in body
            self.open_sessions.add("soap")
            return Reply(xml("<LoginResponse/>"), headers={"Set-Cookie": 'vmware_soap_session="s"; Path=/'})
        assert "vmware_soap_session" in seen.headers.get("Cookie", "")
        if "<Logout " in body:
            self.open_sessions.remove("soap")
            return Reply(xml("<LogoutResponse/>"))
        machines = re.findall(r'<obj type="VirtualMachine">([^<]+)</obj>', body)
        return Reply(xml(f'<R xmlns="urn:vim25">{"".join(map(a_guest, sorted(machines)))}</R>'))


VSPHERE = 'provider=vsphere tag_name=server category_name=role user=u password="p&<"'


@pytest.fixture
def center() -> Center:
    """A vCenter that is not running yet."""
    return Center()


async def test_routable_addresses_of_tagged_machines_come_back(cloud: Clouds, ask: Asks, center: Center) -> None:
    """Machines in the order of the tag's objects; loopback, link-local and multicast addresses left out."""
    there = await cloud(center)
    found = await VSphere("http").addresses(ask(f"{VSPHERE} host={there.host}"))
    assert found == ["10.0.0.3", "10.0.0.1", "2001:db8::1"]
    assert center.open_sessions == set()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("category_name=nope tag_name=server", r'category name "nope" not found \(category_name\)'),
        ("category_name=role tag_name=nope", r'tag name "nope" not found \(tag_name\)'),
        ("category_name=role", "both tag_name and category_name must be specified"),
    ],
)
async def test_unknown_names_are_told(cloud: Clouds, ask: Asks, center: Center, text: str, fault: str) -> None:
    """A category or tag that is not there is named, and the session is closed all the same."""
    there = await cloud(center)
    environ = {"VSPHERE_SERVER": there.host, "VSPHERE_USER": "u", "VSPHERE_PASSWORD": "p&<"}
    with pytest.raises(DiscoverError, match=fault):
        await VSphere("http").addresses(ask(f"provider=vsphere {text}", **environ))
    assert center.open_sessions == set()


async def test_a_fault_is_told_with_its_method(cloud: Clouds, ask: Asks, center: Center) -> None:
    """SOAP answers 500 for every fault; method and text come out."""

    def answer(seen: Seen) -> object:
        if b"<Login " in seen.body:
            return Reply(b"<faultstring>Cannot complete login</faultstring>", 500)
        return center(seen)

    there = await cloud(answer)
    with pytest.raises(DiscoverError, match=r"discover-vsphere: Login: POST .*/sdk: 500 .*Cannot complete login"):
        await VSphere("http").addresses(ask(f"{VSPHERE} host={there.host}"))


async def test_without_tagged_machines_nothing_more_is_asked(cloud: Clouds, ask: Asks, center: Center) -> None:
    """A tag on nothing gives no addresses and needs no SOAP."""
    center.attached = []
    there = await cloud(center)
    assert await VSphere("http").addresses(ask(f"{VSPHERE} host={there.host}")) == []
    assert all(each.path != "/sdk" for each in there.seen)


def a_tls_server(tmp_path: Path) -> ssl.SSLContext:
    """A context with a certificate that nobody trusts."""
    path = tmp_path / "server.pem"
    path.write_bytes(b"".join(self_signed("vcenter", "127.0.0.1", ca=False)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


async def test_certificates_are_checked_unless_told_otherwise(
    cloud: Clouds, ask: Asks, center: Center, tmp_path: Path
) -> None:
    """An unknown authority is refused; insecure_ssl lets it pass."""
    there = await cloud(center, tls=a_tls_server(tmp_path))
    with pytest.raises(DiscoverError, match="certificate verify failed"):
        await VSphere().addresses(ask(f"{VSPHERE} host={there.host}"))
    found = await VSphere().addresses(ask(f"{VSPHERE} host={there.host} insecure_ssl=true"))
    assert found == ["10.0.0.3", "10.0.0.1", "2001:db8::1"]


async def test_settings_that_are_none_do_not_count(cloud: Clouds, ask: Asks, center: Center, tmp_path: Path) -> None:
    """What cannot be read is told, and the safe or usual value taken."""
    there = await cloud(center, tls=a_tls_server(tmp_path))
    asked = ask(f"{VSPHERE} host={there.host} insecure_ssl=maybe timeout=soon")
    with pytest.raises(DiscoverError, match="certificate verify failed"):
        await VSphere().addresses(asked)
    assert asked.lines == [
        "DEBUG discover-vsphere: Non-time value given for timeout, assuming 10m",
        "DEBUG discover-vsphere: Non-truthy/falsey value for insecure_ssl, assuming false",
    ]


async def test_a_center_has_its_time(cloud: Clouds, ask: Asks, center: Center) -> None:
    """For all of its answers together."""
    there = await cloud(center)
    with pytest.raises(DiscoverError, match="not done within the timeout of 1e-06s"):
        await VSphere("http").addresses(ask(f"{VSPHERE} host={there.host} timeout=1us"))


@pytest.mark.parametrize(
    ("address", "routable"),
    [
        ("10.0.0.1", True),
        ("2001:db8::1", True),
        ("127.0.0.1", False),
        ("::1", False),
        ("169.254.0.1", False),
        ("", False),
    ],
)
def test_only_routable_addresses_count(address: str, routable: bool) -> None:
    """Loopback, link-local and multicast addresses, and what is no address, do not."""
    assert is_routable(address) is routable
