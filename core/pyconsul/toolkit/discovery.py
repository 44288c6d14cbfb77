"""Cloud auto-join for the agent and ``py-consul-discover``: from ``provider=… key=value`` to addresses.

Providers are the plug-ins ``pyconsul.autojoin``: classes that are made without arguments and do as ``Provider`` says.
This module knows none of them; it reads the string, picks the provider and hands it a ``Lookup``.
"""

from __future__ import annotations

import asyncio
import os
import textwrap
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

import msgspec

from pyconsul.lang.joinstring import JoinStringError, format_settings, parse_settings
from pyconsul.lang.strconv import NumberSyntaxError, parse_bool
from pyconsul.primitives import plugins
from pyconsul.primitives.durations import DurationError, parse_duration
from pyconsul.telemetry.logging import Level

__all__ = [
    "DiscoverError",
    "LogLine",
    "Lookup",
    "Parameter",
    "Provider",
    "help_text",
    "hidden_secrets",
    "is_discovery",
    "look_up",
    "provider_names",
]

GROUP: Final = "autojoin"
USER_AGENT: Final = "py-consul"

LogLine = Callable[[Level, str], None]


class DiscoverError(Exception):
    """No addresses: a setting is wrong or the cloud fails. The text begins with ``discover`` and says which."""


class Parameter(msgspec.Struct, frozen=True):
    """One key of a provider: what it means, whether it must be there, the variable that stands in, its default."""

    name: str
    text: str
    required: bool = False
    env: str = ""
    default: str = ""
    secret: bool = False


class Provider(Protocol):
    """A cloud that can be asked for addresses."""

    @property
    def title(self) -> str:
        """The cloud's name for people."""
        ...

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The keys it takes, in the order of its help."""
        ...

    @property
    def notes(self) -> str:
        """What else its help says: credentials, permissions."""
        ...

    async def addresses(self, ask: Lookup) -> list[str]:
        """Host addresses in the API's order, with ``:port`` only where the cloud says one. Raises DiscoverError."""
        ...


def _silent(_level: Level, _line: str) -> None:
    return None


class Lookup(msgspec.Struct, frozen=True):
    """One question to a provider: its settings, and where its progress is told."""

    provider: str
    settings: Mapping[str, str]
    log: LogLine = _silent
    environ: Mapping[str, str] = msgspec.field(default_factory=lambda: os.environ)
    user_agent: str = USER_AGENT

    def get(self, key: str, env: str = "", default: str = "") -> str:
        """A setting, else the variable ``env``, else ``default``; an empty one counts as not given."""
        return self.settings.get(key) or (self.environ.get(env) if env else "") or default

    def need(self, key: str, env: str = "") -> str:
        """A setting that must be there. Raises DiscoverError naming it and its variable."""
        value = self.get(key, env)
        if not value:
            where = f" (or the environment variable {env})" if env else ""
            raise self.error(f"the parameter {key} is missing{where}")
        return value

    def choice(self, key: str, known: Iterable[str], default: str) -> str:
        """A setting out of ``known``; any other is told and replaced by ``default``, as go-discover does."""
        value, values = self.get(key), tuple(known)
        if not value or value in values:
            return value or default
        valid = ",".join(values)
        what = "Address" if key.startswith("addr") else key.capitalize()
        self.info(f"{what} type {value} is not supported. Valid values are {{{valid}}}. Falling back to '{default}'")
        return default

    def truth(self, key: str, default: bool, env: str = "") -> bool:
        """A setting that Go reads as a boolean. Raises DiscoverError naming it."""
        text = self.get(key, env)
        if not text:
            return default
        try:
            return parse_bool(text)
        except NumberSyntaxError as error:
            raise self.error(f"Failed to parse {key}: {error}") from None

    def seconds(self, key: str, default: float) -> float:
        """A setting that is a duration, in seconds. Raises DiscoverError naming it."""
        text = self.get(key)
        if not text:
            return default
        try:
            return parse_duration(text) / 1e9
        except DurationError as error:
            raise self.error(f"Failed to parse {key}: {error}") from None

    def error(self, text: str) -> DiscoverError:
        """An error of this provider."""
        return DiscoverError(f"discover-{self.provider}: {text}")

    def debug(self, text: str) -> None:
        """Tell a developer."""
        self.log(Level.DEBUG, f"discover-{self.provider}: {text}")

    def info(self, text: str) -> None:
        """Tell an operator."""
        self.log(Level.INFO, f"discover-{self.provider}: {text}")

    def warn(self, text: str) -> None:
        """Tell an operator that something is off."""
        self.log(Level.WARN, f"discover-{self.provider}: {text}")


def is_discovery(entry: str) -> bool:
    """Whether an entry of ``retry_join`` asks a cloud; any other is a host."""
    return "provider=" in entry


def provider_names() -> list[str]:
    """The names of all installed providers, sorted."""
    return plugins.names(GROUP)


async def look_up(text: str, log: LogLine = _silent) -> list[str]:
    """The addresses behind ``provider=NAME key=value …``. Raises DiscoverError."""
    try:
        settings = parse_settings(text)
    except JoinStringError as error:
        raise DiscoverError(_printable(f"discover: {error}")) from None
    for key, value in settings.items():
        if not _is_text(key + value):
            raise DiscoverError(_printable(f"discover: {key}: escapes give no UTF-8 text"))
    name = settings.get("provider", "")
    if not name:
        raise DiscoverError("discover: no provider")
    # Loading may import a library for a tenth of a second; the agent's loop does not wait for that.
    provider = await asyncio.to_thread(_provider, name)
    log(Level.DEBUG, f'discover: Using provider "{name}"')
    known = {"provider", *(parameter.name for parameter in provider.parameters)}
    ask = Lookup(name, settings, log)
    for key in settings:
        if known != {"provider"} and key not in known:
            ask.warn(f"unknown parameter {key} is ignored")
    try:
        found = await provider.addresses(ask)
    except DiscoverError:
        raise
    except Exception as error:  # so may its look-up, and the library of a cloud
        raise ask.error(f"{type(error).__name__}: {error}") from error
    ask.debug(f"Found ip addresses: [{' '.join(found)}]")
    return found


def _provider(name: str) -> Provider:
    """The provider of that name. Raises DiscoverError."""
    try:
        made: Any = plugins.load(GROUP, name)
    except LookupError:
        raise DiscoverError(f"discover: unknown provider {name}") from None
    except Exception as error:  # importing a plug-in of somebody else's may raise anything
        raise DiscoverError(f"discover-{name}: cannot be loaded: {type(error).__name__}: {error}") from error
    return made()


def help_text(name: str) -> str:
    """What a provider takes, one line a parameter. Raises DiscoverError for an unknown one."""
    provider = _provider(name)
    width = max((len(parameter.name) for parameter in provider.parameters), default=0)
    width = max(width, len("provider")) + 1
    lines = [f"{provider.title}:", "", f'    {"provider:":<{width}} "{name}"']
    lines += [filled(_explained(each), f"    {each.name + ':':<{width}} ") for each in provider.parameters]
    for paragraph in provider.notes.strip().split("\n\n") if provider.notes else []:
        lines += ["", filled(paragraph, "    ")]
    return "\n".join(lines) + "\n"


def filled(text: str, before: str) -> str:
    """The text as a paragraph for a terminal, with ``before`` in front and as much room under it."""
    under = " " * len(before)
    return textwrap.fill(
        text, 78, initial_indent=before, subsequent_indent=under, break_long_words=False, break_on_hyphens=False
    )


def _explained(parameter: Parameter) -> str:
    text = parameter.text
    if parameter.required:
        text += " Required."
    if parameter.default:
        text += f' Default: "{parameter.default}".'
    if parameter.env:
        text += f" Environment: {parameter.env}."
    return text


def _is_text(text: str) -> bool:
    # Go's escapes may name single bytes, which come as lone surrogates; no cloud takes those.
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def hidden_secrets(text: str) -> str:
    """The string for a log: values of secret parameters, and what follows a fault, are not shown."""
    settings: dict[str, str] = {}
    try:
        settings = parse_settings(text)
        secret = {each.name for each in _provider(settings.get("provider", "")).parameters if each.secret}
    except JoinStringError:
        return _printable(text.partition("=")[0] + "=…")
    except DiscoverError:
        secret = {key for key in settings if any(part in key for part in ("secret", "token", "password", "key"))}
    return _printable(format_settings({k: "hidden" if k in secret else value for k, value in settings.items()}))
