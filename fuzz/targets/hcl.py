"""HCL documents: a dict or an HclError, in time that grows with the size."""

from __future__ import annotations

from pyconsul.lang.hcl import HclError, parse

SEEDS = [
    b'service "web" { port = 80 tags = ["a", "b",] check { http = "http://x" interval = "10s" } }',
    b'a = <<EOF\nhi\nEOF\nb = <<-E\n  x\n  E\nc = "${x("y")} \\u00e9"\n# c\n/* d */ e = [{f=1},{g={h=0x1F}}]',
    b'{"service": {"web": [{"port": 80}, {"port": 1.5e3}]}, "a": [true, null, ["x"]], "b": "\\u0041"}',
]
TOKENS = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"=",
    b'"',
    b",",
    b"${",
    b"<<E\n",
    b"E\n",
    b"\\",
    b"/*",
    b"*/",
    b"#",
    b"\n",
    b"0x",
    b"1e",
    b"-",
    b".",
    b"true",
]


def run(data: bytes) -> None:
    """Read the document both ways."""
    for refuse in (False, True):
        try:
            found = parse(data, refuse_duplicates=refuse)
        except HclError as error:
            assert str(error)
        else:
            assert isinstance(found, dict)
