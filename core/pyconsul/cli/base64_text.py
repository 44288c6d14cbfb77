"""Go's base64, under the name that the commands use."""

from pyconsul.primitives.base64_text import IllegalBase64, decode

__all__ = ["IllegalBase64", "decode"]
