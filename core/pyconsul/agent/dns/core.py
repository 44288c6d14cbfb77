"""The DNS core: query and catalog in, record set out; record set in, packet out. No I/O, no clock, no task."""

from collections.abc import Callable

import msgspec

from pyconsul.agent.dns import literal, node, prepared, service  # fill the table of kinds
from pyconsul.agent.dns.lookup import Dice, InvalidName, NoSuchName, RecordSet, Step, asked_of, find
from pyconsul.agent.dns.message import Message, Query
from pyconsul.agent.dns.names import BadName, labels
from pyconsul.agent.dns.records import Rcode, Type
from pyconsul.agent.dns.reverse import find_reverse
from pyconsul.agent.dns.settings import DnsSettings
from pyconsul.agent.dns.trim import trim_tcp, trim_udp
from pyconsul.agent.dns.zone import find_servers, soa_record
from pyconsul.structs.errors import ConsulError

__all__ = ["ARPA", "DnsCore", "Forward"]

_KINDS = (literal, node, prepared, service)
_NO_PATH = "No path to datacenter"
ARPA = "arpa."


class Forward(msgspec.Struct, frozen=True):
    """The question belongs to a recursor."""


class DnsCore:
    """Answers for one set of settings. ``dice`` shuffles."""

    def __init__(self, settings: DnsSettings, dice: Dice) -> None:
        self.settings = settings
        self.dice = dice

    def zone_of(self, query: Query) -> str:
        """The zone that a question falls into: a domain of ours, ``arpa.``, ``.`` for recursors, "" for nobody's."""
        settings = self.settings
        ours = (settings.domain, settings.alt_domain, ARPA)
        parts = labels(query.name.lower())
        found = ""
        for start in range(len(parts)):
            suffix = ".".join(parts[start:]) + "."
            if suffix in ours:
                found = suffix
                if query.type != Type.DS:  # a DS record is the parent's to tell
                    return found
        return "." if settings.recursors else found

    def look_up(self, query: Query, source_ip: str) -> Step[RecordSet | Forward]:
        """Everything there is to answer; failures are record sets, too."""
        zone = self.zone_of(query)
        if zone == ".":
            return Forward()
        if zone == "":
            return RecordSet(Rcode.REFUSED)
        asked = asked_of(query, self.settings, self.dice, source_ip)
        if zone == ARPA:
            found = yield from find_reverse(asked)
            if found is not None:
                return found
            return Forward() if self.settings.recursors else RecordSet(Rcode.NXDOMAIN)
        if query.type in (Type.SOA, Type.NS):
            return (yield from find_servers(asked))
        if query.type == Type.AXFR:
            return RecordSet(Rcode.NOTIMP)
        try:
            return (yield from find(asked))
        except InvalidName:  # not kept: each question of it is told
            return RecordSet(Rcode.NXDOMAIN, cacheable=False, invalid=asked.local)
        except NoSuchName:
            return RecordSet(Rcode.NXDOMAIN)
        except ConsulError as failure:
            rcode = Rcode.NXDOMAIN if _NO_PATH in failure.text else Rcode.SERVFAIL
            return RecordSet(rcode, cacheable=False)

    def message(self, query: Query, found: RecordSet, *, tcp: bool, now: int) -> Message:
        """A message of the record set in a fresh order, cut to its transport; ``now`` is Unix time."""
        settings = self.settings
        message = Message(query, int(found.rcode), compress=settings.compress, recursion=bool(settings.recursors))
        if found.rcode == Rcode.REFUSED:
            message.authoritative = message.recursion = False
            return message
        message.answer, message.additional = found.draw(self.dice)
        reverse = self.zone_of(query) == ARPA
        if query.type == Type.SOA:
            start = soa_record(query.name, settings, now)
            if reverse:
                message.authority.append(start)
            else:
                message.answer, message.authority = [start], message.answer
        if found.rcode == Rcode.NXDOMAIN or (found.soa_if_empty and not message.answer):
            message.authority.append(soa_record(query.name, settings, now))
        message.add_edns(ecs_global=found.ecs_global or reverse)
        if not reverse:
            whole = msgspec.structs.replace(message)  # shares its lists: trimming puts others in their place
            if trim_tcp(message) if tcp else trim_udp(message, settings.udp_answer_limit):
                message.whole = whole
                message.truncated = settings.enable_truncate
        return message

    def packet(
        self, query: Query, found: RecordSet, *, tcp: bool, now: int, on_cut: Callable[[Message], None] | None = None
    ) -> bytes:
        """The same as octets; what cannot be written, such as a label of 64 octets, is a server failure.

        ``on_cut`` is told of a message that does not show all there is.
        """
        try:
            message = self.message(query, found, tcp=tcp, now=now)
            if message.whole is not None and on_cut is not None:
                on_cut(message)
            return message.pack()
        except BadName:
            return self.failure(query)

    def failure(self, query: Query) -> bytes:
        """SERVFAIL, as for a question that no recursor answers."""
        message = Message(query, int(Rcode.SERVFAIL), authoritative=False, compress=self.settings.compress)
        message.recursion = bool(self.settings.recursors)
        message.add_edns(ecs_global=True)
        return message.pack()
