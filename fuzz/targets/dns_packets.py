"""DNS queries: an answer that another library reads, or none; the catalog behind them fails always."""

from __future__ import annotations

import random

import dns.exception
import dns.message

from pyconsul.agent.dns.core import DnsCore
from pyconsul.agent.dns.lookup import Ask
from pyconsul.agent.dns.message import Unanswerable, parse
from pyconsul.agent.dns.settings import DnsSettings
from pyconsul.structs.errors import NoLeader

CORE = DnsCore(DnsSettings(alt_domain="test."), random.Random(1))
SEEDS = [
    dns.message.make_query("v1.web.service.dc1.dc.consul", "SRV", use_edns=0, payload=1232).to_wire(),
    dns.message.make_query("_web._tcp.service.test", "A").to_wire(),
    dns.message.make_query("7f000001.addr.consul", "ANY").to_wire(),
    dns.message.make_query("1.0.0.127.in-addr.arpa", "PTR").to_wire(),
    dns.message.make_query("consul", "SOA").to_wire()[:-1]
    + b"\x01\x00\x00\x29\x04\xd0\0\0\0\0\0\x0b\0\x08\0\x07\0\x01\x18\0\xc0\0\x02",
]
TOKENS = [
    b"\xc0\x0c",
    b"\x06consul\0",
    b"\x07service",
    b"\x04addr",
    b"\0\x01\0\x01",
    b"\0\0\x29",
    b"\x04arpa",
    b"\xff\xff",
    b"\0",
]


def run(data: bytes) -> None:
    """Parse, look up, and pack for both transports."""
    try:
        query = parse(data)
    except Unanswerable as refused:
        assert refused.reply is None or refused.reply[:2] == data[:2]
        return
    step = CORE.look_up(query, "192.0.2.1")
    try:
        wanted = next(step)
        while True:
            wanted = step.throw(NoLeader()) if isinstance(wanted, Ask) else step.send([])
    except StopIteration as done:
        found = done.value
    for tcp in (False, True):
        reply = CORE.packet(query, found, tcp=tcp, now=1)
        assert reply[:2] == data[:2]
        try:
            dns.message.from_wire(reply)
        except dns.exception.DNSException:
            assert query.edns is not None or query.qclass != 1, reply  # odd classes and options that we echo
