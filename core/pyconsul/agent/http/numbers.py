"""Numbers in query parameters, with the errors of Go's strconv."""

from pyconsul.lang import strconv
from pyconsul.structs.errors import InternalError


def parse_uint(text: str) -> int:
    """An unsigned 64-bit decimal. Raises InternalError with strconv's text (Consul answers 500)."""
    try:
        return strconv.parse_uint(text)
    except strconv.NumberSyntaxError as error:
        raise InternalError(str(error)) from error
