"""HCL 1, HashiCorp's configuration language, read into plain Python objects.

``parse(text)`` gives the dict that HashiCorp's library fills into a ``map[string]interface{}``: blocks become lists
of dicts (``Blocks``) in the order of the file, labels become nested keys, objects inside lists stay dicts. Text that
begins with ``{`` takes the JSON path of the same library. Errors carry line and column in that library's words.
"""

from __future__ import annotations

from pyconsul.lang.hcl.decode import Blocks, Value, decode
from pyconsul.lang.hcl.errors import HclError
from pyconsul.lang.hcl.jsonparser import parse_json
from pyconsul.lang.hcl.nodes import ItemList
from pyconsul.lang.hcl.parser import parse_hcl
from pyconsul.lang.hcl.structs import Struct, StructType, decode_struct

__all__ = ["Blocks", "HclError", "Struct", "StructType", "Value", "parse", "parse_struct"]


def parse(text: str | bytes, *, refuse_duplicates: bool = False) -> dict[str, Value]:
    """Read a whole document.

    With ``refuse_duplicates`` an argument set twice in one object is an error, as in ACL rules; otherwise the later
    one is laid over the earlier one as HashiCorp's decoder does it (lists and blocks are appended).
    Raises HclError.
    """
    source, root = _tree(text, refuse_duplicates=refuse_duplicates)
    return decode(source, root)


def parse_struct(text: str | bytes, kind: StructType, *, refuse_duplicates: bool = False) -> Struct:
    """Read a whole document as a struct with declared fields; other names are passed over.

    Raises HclError.
    """
    source, root = _tree(text, refuse_duplicates=refuse_duplicates)
    is_json = source.lstrip()[:1] == "{"
    return decode_struct(None if is_json else source, root, kind)


def _tree(text: str | bytes, *, refuse_duplicates: bool) -> tuple[str, ItemList]:
    """The text as places in errors count in it, and its syntax tree."""
    source = text.decode("utf-8", "surrogateescape") if isinstance(text, bytes) else text
    if source.lstrip()[:1] == "{":
        return source, parse_json(source)
    source = source.replace("\r\n", "\n")
    return source, parse_hcl(source, refuse_duplicates=refuse_duplicates)
