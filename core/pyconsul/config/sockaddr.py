"""Templates in addresses (go-sockaddr): ``{{ GetInterfaceIP "eth0" }}`` and pipelines over the host's addresses."""

from __future__ import annotations


def expand_template(text: str) -> str:
    """The text with its templates expanded. Raises ValueError with the reason."""
    if "{{" not in text:
        return text
    from pyconsul.config.sockaddrfunctions import expand  # the template engine is rarely needed

    return expand(text)
