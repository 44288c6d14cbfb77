"""The table of config entries, and its readers. Names are found in any letter case."""

from collections.abc import Iterable, Mapping
from typing import TypeVar, cast

from pyconsul.memdb import Index, Store, Table, WatchSet
from pyconsul.server.state.indexes import max_index
from pyconsul.structs.config_entries.entry import ConfigEntry
from pyconsul.structs.config_entries.ingress_gateway import IngressGateway
from pyconsul.structs.config_entries.proxy_defaults import GLOBAL, ProxyDefaults
from pyconsul.structs.config_entries.service_defaults import ServiceDefaults
from pyconsul.structs.config_entries.service_intentions import ServiceIntentions
from pyconsul.structs.config_entries.service_resolver import ServiceResolver
from pyconsul.structs.config_entries.service_router import ServiceRouter
from pyconsul.structs.config_entries.service_splitter import ServiceSplitter

INDEX = "config-entries"
DEFAULT_PROTOCOL = "tcp"
Key = tuple[str, str]
Overrides = Mapping[Key, ConfigEntry | None]  # entries as they would be after a write; None stands for deleted ones
Kind = TypeVar("Kind", bound=ConfigEntry)


def entry_key(kind: str, name: str) -> Key:
    """The key of an entry."""
    return kind, name.lower()


def _links(entry: ConfigEntry) -> Iterable[str]:
    """The other services that an entry names."""
    if isinstance(entry, ServiceRouter | ServiceSplitter | ServiceResolver | IngressGateway):
        return tuple(dict.fromkeys(name.lower() for name in entry.related()))
    return ()


def _sources(entry: ConfigEntry) -> Iterable[str]:
    """The local services that an intention lets call."""
    if not isinstance(entry, ServiceIntentions):
        return ()
    return tuple(dict.fromkeys(source.Name.lower() for source in entry.Sources or () if not source.Peer))


def _legacy_ids(entry: ConfigEntry) -> Iterable[str]:
    if not isinstance(entry, ServiceIntentions):
        return ()
    return tuple(dict.fromkeys(source.LegacyID.lower() for source in entry.Sources or () if source.LegacyID))


CONFIG_ENTRIES: Table[ConfigEntry] = Table(
    name=INDEX,
    primary=lambda e: entry_key(e.kind, e.name),
    indexes={
        "kind": Index(lambda e: (e.kind,)),
        "link": Index(lambda e: tuple(_links(e))),
        "source": Index(lambda e: tuple(_sources(e))),
        "legacy": Index(lambda e: tuple(_legacy_ids(e))),
    },
)


def entries_index(db: Store, ws: WatchSet | None = None, *, is_watched: bool = False) -> int:
    """The index of the table; that it moved is news to those who wait for a list (``is_watched``) alone.

    All others wait for the entries that they read, as in Consul.
    """
    return max_index(db, INDEX, ws=ws if is_watched else ws and ws.quiet)


def entry_named(db: Store, kind: str, name: str, ws: WatchSet | None = None) -> ConfigEntry | None:
    """The entry, or None."""
    return db.get(CONFIG_ENTRIES, entry_key(kind, name), ws)


def entry_of(
    db: Store, kind: type[Kind], name: str, overrides: Overrides | None = None, ws: WatchSet | None = None
) -> Kind | None:
    """The entry of this kind as it is, or as ``overrides`` would make it."""
    key = entry_key(kind.kind, name)
    found = overrides[key] if overrides is not None and key in overrides else db.get(CONFIG_ENTRIES, key, ws)
    return cast("Kind | None", found)


def entries_of(db: Store, kind: type[Kind], ws: WatchSet | None = None) -> list[Kind]:
    """All entries of a kind, by name."""
    return cast("list[Kind]", db.where(CONFIG_ENTRIES, "kind", kind.kind, ws))


def entries_of_kind(db: Store, kind: str, ws: WatchSet | None = None) -> list[ConfigEntry]:
    """All entries of a kind, by name; all entries for no kind."""
    return db.where(CONFIG_ENTRIES, "kind", kind, ws) if kind else db.all(CONFIG_ENTRIES, ws)


def linking(db: Store, service: str, ws: WatchSet | None = None) -> list[ConfigEntry]:
    """Routers, splitters, resolvers and ingress gateways that name a service."""
    return db.where(CONFIG_ENTRIES, "link", service.lower(), ws)


def protocol_of(db: Store, service: str, overrides: Overrides | None = None, ws: WatchSet | None = None) -> str:
    """The protocol of a service: its own, or that of all proxies where it has no defaults at all."""
    defaults = entry_of(db, ServiceDefaults, service, overrides, ws)
    if defaults is not None:
        return defaults.Protocol.lower() or DEFAULT_PROTOCOL
    proxies = entry_of(db, ProxyDefaults, GLOBAL, overrides, ws)
    return (proxies.protocol.lower() if proxies is not None else "") or DEFAULT_PROTOCOL


def is_destination(db: Store, service: str) -> bool:
    """Whether a name stands for addresses outside the mesh."""
    defaults = entry_of(db, ServiceDefaults, service)
    return defaults is not None and bool(defaults.Destination)
