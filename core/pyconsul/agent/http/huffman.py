"""Huffman-coded strings of HPACK (RFC 7541, section 5.2), a piece at a time.

A state is where in the code's tree the bytes so far have led to. Each maps a byte to the state behind it and the text
that the byte completes; what is not known of a state is worked out when it is first met. There are 256 states, so they
hold some 10 MB at most, whatever clients send.
"""

from __future__ import annotations

from typing import Final

from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH

_END_OF_STRING: Final = 256  # a symbol that may only be begun, as padding
_LONGEST_PADDING: Final = 7  # bits, all of them ones


class BadHuffman(ValueError):
    """The bytes are no text in this code."""


class _Node:
    """A place in the code's tree: an inner one, or a symbol."""

    __slots__ = ("branches", "state", "symbol")

    def __init__(self, *, may_end: bool = False) -> None:
        self.branches: list[_Node | None] = [None, None]
        self.symbol: int | None = None
        self.state = State(self, may_end=may_end)


class State(dict[int, tuple["State", bytes]]):
    """What each byte does here. ``may_end``: a string may end here, what was begun being padding."""

    __slots__ = ("_node", "may_end")

    def __init__(self, node: _Node, *, may_end: bool) -> None:
        super().__init__()
        self._node = node
        self.may_end = may_end

    def __missing__(self, byte: int) -> tuple[State, bytes]:
        """Follow the eight bits. Raises BadHuffman."""
        text = bytearray()
        node = self._node
        for shift in range(7, -1, -1):
            following = node.branches[byte >> shift & 1]
            if following is None or following.symbol == _END_OF_STRING:
                raise BadHuffman
            node = following
            if node.symbol is not None:
                text.append(node.symbol)
                node = _ROOT
        self[byte] = found = (node.state, bytes(text))
        return found


def _grown() -> _Node:
    """The tree of the whole code."""
    root = _Node(may_end=True)
    for symbol, (code, length) in enumerate(zip(REQUEST_CODES, REQUEST_CODES_LENGTH, strict=True)):
        node = root
        for done in range(length):
            bit = code >> (length - 1 - done) & 1
            following = node.branches[bit]
            if following is None:
                ones = bit == 1 and node.state.may_end and done < _LONGEST_PADDING
                following = node.branches[bit] = _Node(may_end=ones)
            node = following
        node.symbol = symbol
    return root


_ROOT: Final = _grown()
START: Final = _ROOT.state


def decode(state: State, data: bytes) -> tuple[State, bytes]:
    """The state behind these bytes, and their text. Raises BadHuffman."""
    found: list[bytes] = []
    add = found.append
    for byte in data:
        state, text = state[byte]
        add(text)
    return state, b"".join(found)
