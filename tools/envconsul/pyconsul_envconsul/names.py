"""From data to variables: formats, prefixes, the characters and the case of names. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from pyconsul.lang.gocases import upper
from pyconsul.lang.gotemplate import Function, FunctionError, Template, TemplateError, signature
from pyconsul.lang.strconv import quote
from pyconsul.toolkit.errors import RunError
from pyconsul_envconsul.config import KeyConfig, PrefixConfig, ServiceConfig

_ODD: Final = re.compile(r"[^a-zA-Z0-9_]")
Pairs: TypeAlias = Iterator[tuple[str, object]]


class _Subject(NamedTuple):
    """What a format may speak of."""

    key: str = ""
    service: str = ""
    environ: Mapping[str, str] = {}
    text: str = ""


def _replace_key(*words: str) -> str:
    """``{{ key | replaceKey "old" "new" }}``: the new name for exactly the old key."""
    if len(words) != 3:
        return words[0] if words else ""
    old, new, key = words
    return new if key == old else key


def _variable(subject: _Subject, name: str) -> str:
    if name not in subject.environ:
        raise FunctionError(f"unable to read environment variable {quote(name)} in template {quote(subject.text)}")
    return subject.environ[name]


def _of_subject(call: Callable[[_Subject], str]) -> Function:
    return signature("-> string", call, context=True)


_KEY = _of_subject(lambda subject: subject.key)
_KEY_FUNCTIONS: Final = {"key": _KEY, "replaceKey": signature("...string -> string", _replace_key)}
_SERVICE_FUNCTIONS: Final = {"key": _KEY, "service": _of_subject(lambda subject: subject.service)}
_PATH_FUNCTIONS: Final = {"env": signature("string -> string", _variable, context=True)}


class Format:
    """A small template for a name. Raises RunError when it cannot be read or executed."""

    def __init__(self, text: str, functions: Mapping[str, Any], name: str = "filter") -> None:
        try:
            self._template = Template(text, functions, name=name)
        except TemplateError as error:
            raise RunError(str(error)) from None

    def apply(self, subject: _Subject) -> str:
        """The name for a subject."""
        try:
            return self._template.execute(None, subject)
        except (TemplateError, FunctionError) as error:
            raise RunError(str(error)) from None


def path_of(text: str, environ: Mapping[str, str]) -> str:
    """A path with ``{{ env "NAME" }}`` filled in. Raises RunError."""
    if "{{" not in text:
        return text
    return Format(text, _PATH_FUNCTIONS, "path").apply(_Subject(environ=environ, text=text))


class Naming(msgspec.Struct, frozen=True):
    """What happens to every name at the end."""

    sanitize: bool = False
    upcase: bool = False

    def of_key(self, name: str) -> str:
        """The variable of a key or secret."""
        if self.sanitize:
            name = _ODD.sub("_", name)
        return upper(name) if self.upcase else name

    def of_service(self, name: str) -> str:
        """The variable of a service's attribute: as in the original the same the other way round.

        It matters for the few characters beyond ASCII with an upper case in it: ``ı`` gives ``_`` there, ``I`` here.
        """
        if self.upcase:
            name = upper(name)
        return _ODD.sub("_", name) if self.sanitize else name


class PrefixNames:
    """Names for the pairs below a prefix. ``path`` has its variables filled in."""

    def __init__(self, config: PrefixConfig, path: str, naming: Naming) -> None:
        self._naming = naming
        self._before = _ODD.sub("_", path) + "_" if config.no_prefix is False else ""
        self._format = Format(config.format, _KEY_FUNCTIONS) if config.format else None

    def variables(self, pairs: Mapping[str, str]) -> Pairs:
        """Names and values; ``pairs`` holds values by the part of the key behind the prefix."""
        for key, value in pairs.items():
            if not key.strip():
                continue
            name = self._before + key
            if self._format is not None:
                name = self._format.apply(_Subject(name))
            yield self._naming.of_key(name), value


class SecretNames:
    """Names for the keys of a secret. ``path`` has its variables filled in."""

    def __init__(self, config: PrefixConfig, path: str, naming: Naming) -> None:
        self._naming = naming
        self._before = "" if config.no_prefix else _ODD.sub("_", path) + "_"
        self._format = Format(config.format, _KEY_FUNCTIONS) if config.format else None
        self._wanted = _by_name(config.keys) if config.keys and self._format is None else None

    def variables(self, secret: Mapping[str, object]) -> Pairs:
        """Names and values of the keys that are wanted, also of those that are no texts."""
        for key, value in secret.items():
            if not key.strip():
                continue
            for chosen in self._chosen(key):
                name = self._before + chosen
                if self._format is not None:
                    name = self._format.apply(_Subject(name))
                yield self._naming.of_key(name), value

    def _chosen(self, key: str) -> list[str]:
        """What the ``key`` stanzas make of a key: nothing when they don't mention it."""
        if self._wanted is None:
            return [key]
        formats = self._wanted.get(key)
        if formats is None:
            return []
        return [each.apply(_Subject(key)) for each in formats] or [key]


def _by_name(keys: Any) -> dict[str, list[Format]]:
    out: dict[str, list[Format]] = {}
    each: KeyConfig
    for each in keys:
        formats = out.setdefault(each.name, [])
        if each.format:
            formats.append(Format(each.format, _KEY_FUNCTIONS))
    return out


class ServiceNames:
    """Names for the attributes of a service's instances."""

    def __init__(self, config: ServiceConfig, naming: Naming) -> None:
        self._naming = naming
        self._formats = {name: Format(text, _SERVICE_FUNCTIONS) for name, text in config.formats.items()}

    def variables(self, instance: Mapping[str, str]) -> Pairs:
        """Names and values of one instance's attributes: id, name, address, tag, port."""
        service = instance["name"]
        for attribute, value in instance.items():
            form = self._formats.get(attribute)
            name = f"{service}/{attribute}" if form is None else form.apply(_Subject(attribute, service))
            yield self._naming.of_service(name), value
