"""Numbers in query parameters, with the errors of Go's strconv."""

from pyconsul.structs.errors import InternalError

_UINT64_MAX = 2**64 - 1


def parse_uint(text: str) -> int:
    """An unsigned 64-bit decimal. Raises InternalError with strconv's text (Consul answers 500)."""
    if not text.isascii() or not text.isdigit():
        raise InternalError(f'strconv.ParseUint: parsing "{text}": invalid syntax')
    number = int(text)
    if number > _UINT64_MAX:
        raise InternalError(f'strconv.ParseUint: parsing "{text}": value out of range')
    return number
