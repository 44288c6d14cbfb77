"""Templates in addresses, such as ``{{ GetInterfaceIP "eth0" }}``, as go-sockaddr expands them."""

from __future__ import annotations


def expand_template(text: str) -> str:
    """The text with its templates expanded. Raises ValueError with the reason."""
    if "{{" not in text:
        return text
    from pyconsul.config.sockaddrfunctions import expand  # the template engine is rarely needed

    return expand(text)
