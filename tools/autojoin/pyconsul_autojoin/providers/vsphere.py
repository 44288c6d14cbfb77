"""VMware vSphere: virtual machines by tag. Tags are in vCenter's REST API, the guests' addresses in SOAP ``/sdk``."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from msgspec import Struct

from pyconsul.lang.strconv import NumberSyntaxError, parse_bool
from pyconsul.primitives.durations import DurationError, parse_duration
from pyconsul.toolkit.discovery import DiscoverError, Lookup, Parameter
from pyconsul_autojoin.api import Api

DEFAULT_TIMEOUT: Final = 600.0
TAGGING: Final = "/rest/com/vmware/cis/tagging"
NAMESPACE: Final = "{urn:vim25}"
ENVELOPE: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body>{}</Body></Envelope>'
)


class _Value(Struct):
    value: str


class _Names(Struct):
    value: list[str] = []


class _Named(Struct):
    id: str
    name: str


class _One(Struct):
    value: _Named


class _Object(Struct):
    id: str = ""
    type: str = ""


class _Objects(Struct):
    value: list[_Object] = []


@dataclass
class VSphere:
    """Virtual machines with a tag of a category."""

    scheme: str = "https"

    title = "VMware vSphere"
    parameters = (
        Parameter("tag_name", "Name of the tag.", required=True),
        Parameter("category_name", "Name of the tag's category.", required=True),
        Parameter("host", "vCenter's host, with :port where it is not 443.", required=True, env="VSPHERE_SERVER"),
        Parameter("user", "User.", required=True, env="VSPHERE_USER"),
        Parameter("password", "Password of that user.", required=True, env="VSPHERE_PASSWORD", secret=True),
        Parameter(
            "insecure_ssl",
            "true: the certificate is not checked.",
            env="VSPHERE_ALLOW_UNVERIFIED_SSL",
            default="false",
        ),
        Parameter("timeout", "Limit of the whole look-up.", default="10m"),
    )
    notes = "Addresses come from the guest tools; loopback, link-local and multicast ones are left out."

    async def addresses(self, ask: Lookup) -> list[str]:
        """All routable addresses that the guest tools report, machine by machine."""
        tag, category = ask.get("tag_name"), ask.get("category_name")
        if not tag or not category:
            raise ask.error("both tag_name and category_name must be specified")
        host = ask.need("host", "VSPHERE_SERVER")
        user = (ask.need("user", "VSPHERE_USER"), ask.need("password", "VSPHERE_PASSWORD"))
        timeout = _timeout(ask)
        root = f"{self.scheme}://{host}"
        try:
            async with asyncio.timeout(timeout), Api(ask, verify=not _is_insecure(ask)) as api:
                machines = await _tagged(api, ask, root, user, tag, category)
                ask.debug(f"Discovered virtual machines: {','.join(machines)}")
                return await _guest_addresses(api, ask, f"{root}/sdk", user, machines) if machines else []
        except TimeoutError:
            raise ask.error(f"not done within the timeout of {timeout:g}s") from None


def _is_insecure(ask: Lookup) -> bool:
    text = ask.get("insecure_ssl", "VSPHERE_ALLOW_UNVERIFIED_SSL")
    try:
        return bool(text) and parse_bool(text)
    except NumberSyntaxError:
        ask.debug("Non-truthy/falsey value for insecure_ssl, assuming false")
        return False


def _timeout(ask: Lookup) -> float:
    text = ask.get("timeout")
    try:
        return parse_duration(text) / 1e9 if text else DEFAULT_TIMEOUT
    except DurationError:
        ask.debug("Non-time value given for timeout, assuming 10m")
        return DEFAULT_TIMEOUT


@contextmanager
def _best_effort(ask: Lookup, what: str) -> Generator[None]:
    """Tell a failure inside, and go on: a session that stays open must not hide the addresses, or another error."""
    try:
        yield
    except DiscoverError as error:
        ask.debug(f"{what}: {error}")


async def _tagged(api: Api, ask: Lookup, root: str, user: tuple[str, str], tag: str, category: str) -> list[str]:
    """IDs of the virtual machines that the tag is attached to."""
    session = f"{root}/rest/com/vmware/cis/session"
    headers = {"vmware-api-session-id": (await api.post(session, _Value, basic=user)).value}
    tagging = root + TAGGING
    try:
        categories = (await api.get(f"{tagging}/category", _Names, headers=headers)).value
        category_id = await _named(api, ask, f"{tagging}/category", headers, categories, category, "category")
        url = f"{tagging}/tag/id:{quote(category_id)}?~action=list-tags-for-category"
        tags = (await api.post(url, _Names, headers=headers)).value
        tag_id = await _named(api, ask, f"{tagging}/tag", headers, tags, tag, "tag")
        url = f"{tagging}/tag-association/id:{quote(tag_id)}?~action=list-attached-objects"
        attached = (await api.post(url, _Objects, headers=headers)).value
    finally:
        with _best_effort(ask, "REST logout"):
            await api.send("DELETE", session, headers=headers)
    return [each.id for each in attached if each.type == "VirtualMachine"]


async def _named(
    api: Api, ask: Lookup, url: str, headers: dict[str, str], ids: Sequence[str], name: str, what: str
) -> str:
    """The ID of the one that is called so. Raises DiscoverError for none and for several."""
    read = [(await api.get(f"{url}/id:{quote(each)}", _One, headers=headers)).value for each in ids]
    found = [each.id for each in read if each.name == name]
    if not found:
        raise ask.error(f'{what} name "{name}" not found ({what}_name)')
    if len(found) > 1:
        raise ask.error(f'multiple {what} with name "{name}" found ({what}_name)')
    return found[0]


async def _guest_addresses(
    api: Api, ask: Lookup, url: str, user: tuple[str, str], machines: Sequence[str]
) -> list[str]:
    """Addresses of the machines, in the order of ``machines``."""
    content = await _call(api, ask, url, "RetrieveServiceContent", _this("ServiceInstance", "ServiceInstance"))
    collector = content.findtext(f".//{NAMESPACE}propertyCollector") or "propertyCollector"
    manager = content.findtext(f".//{NAMESPACE}sessionManager") or "SessionManager"
    name, password = map(escape, user)
    login = f"{_this('SessionManager', manager)}<userName>{name}</userName><password>{password}</password>"
    await _call(api, ask, url, "Login", login)
    try:
        objects = "".join(
            f'<objectSet><obj type="VirtualMachine">{escape(each)}</obj></objectSet>' for each in machines
        )
        what = "<propSet><type>VirtualMachine</type><pathSet>guest.net</pathSet></propSet>"
        wanted = f"{_this('PropertyCollector', collector)}<specSet>{what}{objects}</specSet>"
        answer = await _call(api, ask, url, "RetrieveProperties", wanted)
    finally:
        with _best_effort(ask, "SOAP logout"):
            await _call(api, ask, url, "Logout", _this("SessionManager", manager))
    by_machine: dict[str, list[str]] = {}
    for found in answer.iter(f"{NAMESPACE}returnval"):
        machine = found.findtext(f"{NAMESPACE}obj") or ""
        by_machine[machine] = [address for address in _reported(found) if is_routable(address)]
    return [address for machine in machines for address in by_machine.get(machine, [])]


def _reported(found: ElementTree.Element) -> Iterator[str]:
    steps = ("GuestNicInfo", "ipConfig", "ipAddress", "ipAddress")
    for each in found.iterfind(".//" + "/".join(NAMESPACE + step for step in steps)):
        yield (each.text or "").strip()


def is_routable(text: str) -> bool:
    """Whether others can reach this address: no loopback, no link-local, no multicast one."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_link_local or address.is_multicast)


def _this(kind: str, name: str) -> str:
    return f'<_this type="{kind}">{escape(name)}</_this>'


async def _call(api: Api, ask: Lookup, url: str, method: str, arguments: str) -> ElementTree.Element:
    body = ENVELOPE.format(f'<{method} xmlns="urn:vim25">{arguments}</{method}>').encode()
    headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '"urn:vim25/6.0"', "Accept": "text/xml"}
    try:
        answer = await api.send("POST", url, data=body, headers=headers)
    except DiscoverError as error:
        # The fault's body says more than the status, which is 500 for all of them.
        raise ask.error(f"{method}: {str(error).removeprefix('discover-vsphere: ')}") from error
    try:
        return ElementTree.fromstring(answer.body)
    except ElementTree.ParseError as error:
        raise ask.error(f"{method}: unexpected answer: {error}") from error
