"""What a recursor answers: records, or an error that the resolver expects."""

from __future__ import annotations

import struct

import dns.message
import dns.rrset

from pyconsul.agent.dns.names import BadName, wire
from pyconsul.agent.dns.recursor import is_reply_to, read_answers

QUERY = dns.message.make_query("www.example.com", "A")
ANSWER = dns.message.make_response(QUERY)
ANSWER.answer = [
    dns.rrset.from_text("www.example.com.", 60, "IN", "CNAME", "a.example.com."),
    dns.rrset.from_text("a.example.com.", 60, "IN", "A", "192.0.2.1", "192.0.2.2"),
    dns.rrset.from_text("a.example.com.", 60, "IN", "AAAA", "2001:db8::1"),
]
SEEDS = [ANSWER.to_wire(), QUERY.to_wire()]
TOKENS = [b"\xc0\x0c", b"\0\x05\0\x01", b"\0\x01\0\x01", b"\0\x1c", b"\0\x04", b"\xff\xff", b"\0", b"\x3f"]


def run(data: bytes) -> None:
    """Read the answer section; names in it can be written again."""
    is_reply_to(QUERY.to_wire(), data)
    try:
        found = read_answers(data)
    except (BadName, struct.error, ValueError):
        return
    for record in found:
        wire(record.name)
