"""What was read from JSON or HCL, as Go's ``fmt`` prints it in errors.

The typed values of templates are printed by ``gotemplate.gofmt``, which would cost every start its imports.
"""

from __future__ import annotations

from typing import Any, cast

from pyconsul.lang.strconv import format_float


def printed(value: object) -> str:
    """A value of maps, lists and scalars in the form of ``%v``; the keys of maps are sorted."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case float():
            return format_float(value)
        case list():
            return f"[{' '.join(printed(member) for member in cast('list[object]', value))}]"
        case dict():
            members = cast("dict[str, Any]", value)
            return f"map[{' '.join(f'{key}:{printed(members[key])}' for key in sorted(members))}]"
        case _:
            return str(value)
