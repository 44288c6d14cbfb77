"""HCL 1, HashiCorp's configuration language, read into plain Python objects.

``parse(text)`` gives the dict that HashiCorp's library fills into a ``map[string]interface{}``: blocks become lists
of dicts (``Blocks``) in the order of the file, labels become nested keys, objects inside lists stay dicts. Text that
begins with ``{`` takes the JSON path of the same library. Errors carry line and column in that library's words.
"""

from __future__ import annotations

from pyconsul.lang.hcl.decode import Blocks, Value, decode
from pyconsul.lang.hcl.errors import HclError
from pyconsul.lang.hcl.jsonparser import parse_json
from pyconsul.lang.hcl.parser import parse_hcl

__all__ = ["Blocks", "HclError", "Value", "parse"]


def parse(text: str | bytes, *, refuse_duplicates: bool = False) -> dict[str, Value]:
    """Read a whole document.

    With ``refuse_duplicates`` an argument set twice in one object is an error, as in ACL rules; otherwise the later
    one is laid over the earlier one as HashiCorp's decoder does it (lists and blocks are appended).
    Raises HclError.
    """
    source = text.decode("utf-8", "surrogateescape") if isinstance(text, bytes) else text
    if source.lstrip()[:1] == "{":
        return decode(source, parse_json(source))
    source = source.replace("\r\n", "\n")
    return decode(source, parse_hcl(source, refuse_duplicates=refuse_duplicates))
