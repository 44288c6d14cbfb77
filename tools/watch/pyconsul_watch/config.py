"""What the configuration may say, and the typed result: watches with their handlers, and how to run them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from pyconsul.primitives.durations import DurationError, parse_duration
from pyconsul.primitives.untyped import Parsed
from pyconsul.sdk.errors import WatchError
from pyconsul.sdk.watch import HTTPHandler, Plan, parse
from pyconsul.toolkit import running_stanzas, sources, stanzas
from pyconsul.toolkit.errors import ConfigError
from pyconsul.toolkit.retry import RetryPolicy
from pyconsul.toolkit.running_stanzas import Logging
from pyconsul.toolkit.schema import KindError, Schema, Settings, duration, integer, merge, text
from pyconsul.toolkit.stanzas import SECOND, Consul

LOG_VARIABLES: Final = ("CONSUL_WATCH_LOG",)
DEFAULT_CONCURRENCY: Final = 8
DEFAULT_GRACE_NS: Final = 10 * SECOND
DEFAULT_RETRY: Final = RetryPolicy(attempts=5, backoff_ns=SECOND, max_backoff_ns=60 * SECOND)

# Keys of a watch that are this tool's own; Consul's agent does not know them.
_OWN: Final = ("id", "timeout", "skip_first")
# Keys of http_handler_config that are this tool's own.
_TLS: Final = ("ca_file", "cert_file", "key_file")


def _watches(name: str, value: Parsed) -> list[dict[str, Any]]:
    """A list of watch stanzas, or repeated blocks."""
    items: list[Any] = value if isinstance(value, list) else [value]
    for position, item in enumerate(items):
        if not isinstance(item, dict):
            raise KindError(f"'{name}[{position}]' expected a map")
    return items


SCHEMA: Final[Schema] = {
    "concurrency": integer,
    "consul": stanzas.CONSUL,
    "grace": duration,
    "log_file": running_stanzas.LOG_FILE,
    "log_level": text,
    "pid_file": text,
    "retry": stanzas.RETRY,
    "state_file": text,
    "syslog": running_stanzas.SYSLOG,
    "watch": _watches,
    "watches": _watches,
}


class ScriptHandler(msgspec.Struct, frozen=True):
    """A command: ``shell`` is one text for the shell, else ``words`` are run as they are. ``timeout`` 0 is none."""

    words: Sequence[str]
    shell: bool = False
    timeout: float = 0.0

    @property
    def shown(self) -> str:
        """How messages name it."""
        return " ".join(self.words)

    def command(self) -> list[str]:
        """The words to execute."""
        return ["/bin/sh", "-c", self.words[0]] if self.shell else list(self.words)


class URLHandler(msgspec.Struct, frozen=True):
    """A URL with its request, and the files for TLS."""

    request: HTTPHandler
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""

    @property
    def shown(self) -> str:
        """How messages name it."""
        return f"{self.request.method} {self.request.path}"


class Watch(msgspec.Struct, frozen=True):
    """One watch. ``id`` names it in messages and in the state; ``definition`` tells whether a reload changed it."""

    id: str
    plan: Plan
    handler: ScriptHandler | URLHandler
    definition: str
    skip_first: bool = False


class Config(msgspec.Struct, frozen=True):
    """Everything the tool needs to know. Durations are nanoseconds."""

    watches: Sequence[Watch] = ()
    consul: Consul = msgspec.field(default_factory=Consul)
    logging: Logging = msgspec.field(default_factory=Logging)
    retry: RetryPolicy = DEFAULT_RETRY
    concurrency: int = DEFAULT_CONCURRENCY
    grace: int = DEFAULT_GRACE_NS
    pid_file: str = ""
    state_file: str = ""

    @classmethod
    def of(cls, settings: Mapping[str, Any], environ: Mapping[str, str]) -> Config:
        """The typed configuration of merged settings. Raises ConfigError."""
        watches = [watch_of(stanza) for key in ("watches", "watch") for stanza in settings.get(key, ())]
        seen: set[str] = set()
        for watch in watches:
            if watch.id in seen:
                raise ConfigError(f"two watches have the id {watch.id}")
            seen.add(watch.id)
        concurrency: int = settings.get("concurrency", DEFAULT_CONCURRENCY)
        if concurrency < 1:
            raise ConfigError("concurrency must be at least 1")
        retry: Mapping[str, Any] = settings.get("retry", {})
        return cls(
            tuple(watches),
            Consul.of(settings.get("consul", {}), environ),
            Logging.of(settings, environ, tool="consul-watch", levels=LOG_VARIABLES),
            RetryPolicy(
                retry.get("enabled", True),
                retry.get("attempts", DEFAULT_RETRY.attempts),
                retry.get("backoff", DEFAULT_RETRY.backoff_ns),
                retry.get("max_backoff", DEFAULT_RETRY.max_backoff_ns),
            ),
            concurrency,
            settings.get("grace", DEFAULT_GRACE_NS),
            settings.get("pid_file", ""),
            os.path.abspath(settings["state_file"]) if settings.get("state_file") else "",
        )


def watch_of(stanza: Mapping[str, Any]) -> Watch:
    """A watch from its stanza, which is the one of the agent's ``watches``. Raises ConfigError."""
    given = {key: _flat(value) for key, value in stanza.items()}
    definition = json.dumps(given, sort_keys=True, default=str)
    own = {key: given.pop(key) for key in _OWN if key in given}
    kind = given.setdefault("handler_type", "script")
    if kind not in ("http", "script"):
        raise ConfigError(f"Handler type '{kind}' not recognized")
    try:
        plan = parse(given, exempt=("handler", "args"))
    except WatchError as error:
        raise ConfigError(f"Failed to parse watch ({definition}): {error}") from None
    if not isinstance(own.get("id", ""), str) or not isinstance(own.get("skip_first", False), bool):
        raise ConfigError(f"Failed to parse watch ({definition}): id is a text, skip_first a boolean")
    named = own.get("id") or f"{plan.type}-{hashlib.sha256(definition.encode()).hexdigest()[:12]}"
    handler = _handler(plan, given.get("http_handler_config"), own.get("timeout", ""))
    return Watch(named, plan, handler, definition, own.get("skip_first", False))


def _flat(value: Parsed) -> Any:
    """HCL gives a block as a list of one, at any depth."""
    block: Parsed = value[0] if isinstance(value, list) and len(value) == 1 else value
    if isinstance(block, dict):
        return {name: _flat(inner) for name, inner in block.items()}
    return value


def _handler(plan: Plan, http: Any, timeout: Any) -> ScriptHandler | URLHandler:
    """The one handler of a watch. Raises ConfigError."""
    text_given: Any = plan.exempt.get("handler")
    words: Parsed = plan.exempt.get("args")
    if (text_given is not None) + (words is not None) + (plan.http_handler is not None) > 1:
        raise ConfigError("Only one watch handler allowed")
    if plan.http_handler is not None:
        return _url_handler(plan.http_handler, http)
    if text_given is None and words is None:
        raise ConfigError("Must define a watch handler")
    try:
        seconds = parse_duration(timeout) / SECOND if timeout else 0.0
    except (DurationError, TypeError) as error:
        raise ConfigError(f"Failed to parse timeout of a watch: {error}") from None
    if text_given is not None or isinstance(words, str):
        line: Any = words if text_given is None else text_given
        if not isinstance(line, str) or not line.strip():
            raise ConfigError("Watch handler must be a string")
        return ScriptHandler((line,), shell=True, timeout=seconds)
    if not isinstance(words, list) or not words or not all(isinstance(w, str) for w in words):
        raise ConfigError("Watch args must be a list of strings")
    return ScriptHandler(tuple(words), timeout=seconds)


def _url_handler(request: HTTPHandler, given: Mapping[str, Any]) -> URLHandler:
    files = {name: given.get(name, "") for name in _TLS}
    for name, value in files.items():
        if not isinstance(value, str):
            raise ConfigError(f"'http_handler_config.{name}' expected type 'string'")
    if bool(files["cert_file"]) != bool(files["key_file"]):
        raise ConfigError("http_handler_config needs cert_file and key_file together")
    return URLHandler(request, **files)


def load(paths: Sequence[str], over: Settings, environ: Mapping[str, str]) -> Config:
    """The configuration of files with the flags on top. Raises ConfigError."""
    out: Settings = {}
    for path in paths:
        out = merge(out, sources.from_path(path, SCHEMA))
    return Config.of(merge(out, over), environ)
