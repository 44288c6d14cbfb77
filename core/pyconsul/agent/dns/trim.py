"""Cutting an answer to what its transport carries, record by record, in the way Consul does.

The numbers matter to clients: how many of a service's instances a plain UDP answer shows depends on them.
"""

from typing import Final

from pyconsul.agent.dns.message import Message
from pyconsul.agent.dns.records import Record, Type

MAX_UDP_ANSWERS: Final = 8  # whatever udp_answer_limit says
PLAIN_UDP: Final = 512
_MAX_DATAGRAM: Final = 65535 - 68  # behind the longest IP header and that of UDP
_UDP_HEADER: Final = 8
_MAX_STREAM: Final = 65523  # what two octets of length can tell, without the header of a message
# More never fit, and need not be measured one by one; an SRV record is longer and brings addresses along.
_MAX_STREAM_ANSWERS: Final = 4096
_MAX_STREAM_SRV: Final = 1024


def udp_size(message: Message) -> int:
    """The largest packet that the client takes."""
    edns = message.query.edns
    return min(max(PLAIN_UDP, edns.payload if edns else 0), _MAX_DATAGRAM)


def trim_udp(message: Message, answer_limit: int) -> bool:
    """Cut for UDP; True if answers were left out.

    Only for clients without a larger buffer the number of answers is limited, and their sizes are counted without
    compression: a resolver between us may unpack and repack the message.
    """
    before = len(message.answer)
    compress = message.compress
    largest = udp_size(message)
    index = _index(message.additional)
    limit = min(MAX_UDP_ANSWERS, answer_limit)
    if largest == PLAIN_UDP and before > limit:
        message.compress = False
        message.answer = message.answer[:limit] if limit >= 0 else []
        _sync_additional(message, index)
    _cut(message, largest - _UDP_HEADER, largest, index)
    message.compress = compress
    return len(message.answer) < before


def trim_tcp(message: Message) -> bool:
    """Cut to 64 KiB for TCP; True if the size made it necessary."""
    most = _MAX_STREAM_SRV if message.query.type == Type.SRV else _MAX_STREAM_ANSWERS
    index = _index(message.additional)
    message.answer = message.answer[:most]
    return _cut(message, _MAX_STREAM, _MAX_STREAM, index)


def _cut(message: Message, limit: int, largest: int, index: dict[str, Record] | None) -> bool:
    """Drop answers from the end until the message has at most ``limit`` octets or one answer."""
    cut = False
    while len(message.answer) > 1 and message.size() > limit:
        cut = True
        message.authority = []
        if message.size() - largest > 100:  # Consul's figure, as are the 10 octets below that are near enough
            message.answer = message.answer[: _search(message, largest, index)]
        else:
            message.answer = message.answer[:-1]
        _sync_additional(message, index)
    return cut


def _search(message: Message, largest: int, index: dict[str, Record] | None) -> int:
    """How many answers fit into ``largest`` octets, by halving."""
    everything = message.answer
    low, high = 0, len(everything) + 1
    while high - low > 1:
        middle = low + (high - low) // 2
        message.answer = everything[:middle]
        _sync_additional(message, index)
        spare = largest - message.size()
        if 0 <= spare < 10:
            low = middle
            break
        if spare >= 0:
            low = middle
        else:
            high = middle
    message.answer = everything
    return low


def _index(records: list[Record]) -> dict[str, Record] | None:
    """The first record of each name; None where there are no records."""
    if not records:
        return None
    index: dict[str, Record] = {}
    for record in records:
        index.setdefault(record.name.lower(), record)
    return index


def _sync_additional(message: Message, index: dict[str, Record] | None) -> None:
    """Keep of the additional records one for each SRV target left in the answer, along its CNAMEs.

    The OPT record goes with the others, as from Consul: what is cut answers EDNS without EDNS.
    """
    if index is None:
        return
    kept: list[Record] = []
    resolved: set[str] = set()
    for record in message.answer:
        if record.type != Type.SRV:
            continue
        target = record.target.lower()
        while target not in resolved:
            resolved.add(target)
            extra = index.get(target)
            if extra is None:
                break
            kept.append(extra)
            if extra.type != Type.CNAME:
                break
            target = extra.target.lower()
    message.additional = kept
