"""Files with templated policies: ``TemplatedPolicy "name" { Name = "…" }`` in HCL or JSON, as often as needed.

What does not fit is refused as HashiCorp's decoder refuses it; the place in the file is left open, as in JSON.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from pyconsul.cli.console import Failed
from pyconsul.primitives.system_errors import file_text
from pyconsul.primitives.untyped import is_dict, is_list

if TYPE_CHECKING:
    from pyconsul.sdk.results import Json


def templated_policies_in(path: str) -> list[Json]:
    """The templated policies of the file, as bodies of the API. Raises Failed."""
    from pyconsul.lang import hcl

    try:
        with open(path, "rb") as file:
            found = hcl.parse(file.read())
    except OSError as error:
        raise Failed(f"Failed to read file: {file_text(error)}") from error
    except hcl.HclError as error:
        raise Failed(str(error)) from error
    read = [(key, policy) for key, value in found.items() for policy in _policies(f"root.{key}", value)]
    return [policy for key, policy in read if key == "TemplatedPolicy"]


def _policies(name: str, value: Any) -> Iterator[Json]:
    """The policies below one key of the file."""
    from pyconsul.lang.hcl import Blocks

    if not isinstance(value, Blocks):
        raise _misfit(f"{name}: not an object type for map ({_kind(value)})")
    for block in value:
        for template, variables in cast("Json", block).items():
            if not is_list(variables):
                raise _misfit(f"unknown slice type: {_kind(variables)}")
            for number, one in enumerate(variables):
                found = _name(f"{name}.{template}[{number}]", one)
                yield {"TemplateName": template, "TemplateVariables": {"Name": found}}


def _name(name: str, variables: Any) -> str:
    """The variable ``Name``, in any letter case; a whole number is a text, too."""
    if not is_dict(variables):
        raise _misfit(f"{name}: not an object type for struct ({_kind(variables)})")
    for key, value in variables.items():
        if key.casefold() == "name":
            if isinstance(value, str) or type(value) is int:
                return str(value)
            raise _misfit(f"{name}.Name: unknown type for string {_kind(value)}")
    return ""


def _kind(value: Any) -> str:
    """How the decoder calls what stands there."""
    from pyconsul.lang.hcl import Blocks

    if isinstance(value, Blocks | dict):
        return "*ast.ObjectType"
    return "*ast.ListType" if isinstance(value, list) else "*ast.LiteralType"


def _misfit(message: str) -> Failed:
    return Failed(f"At -: {message}")
