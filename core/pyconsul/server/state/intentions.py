"""Intentions: readers and writers over the ``service-intentions`` config entries that hold them."""

from pyconsul.lang.strconv import quote
from pyconsul.memdb import Store, WatchSet
from pyconsul.server.state.config_entries import delete_entry, put_entry
from pyconsul.server.state.config_entry_reads import CONFIG_ENTRIES, entries_index, entries_of, entry_of
from pyconsul.server.state.gateway_services import BEHIND_DESTINATION, kind_behind
from pyconsul.server.state.uuid_keys import uuid_key
from pyconsul.structs.config_entries.entry import WILDCARD
from pyconsul.structs.config_entries.hashing import entry_hash
from pyconsul.structs.config_entries.service_intentions import ServiceIntentions, SourceIntention
from pyconsul.structs.errors import InternalError
from pyconsul.structs.intentions import (
    BY_DESTINATION,
    BY_SOURCE,
    CREATE,
    DELETE,
    UPDATE,
    UPSERT,
    Intention,
    IntentionMutation,
    IntentionQueryExact,
    by_precedence,
    intention_of,
)
from pyconsul.structs.internal import IntentionDecisionSummary
from pyconsul.structs.wire import changed

EXTERNAL_SOURCE = "external-source"

# Readers


def all_intentions(db: Store, ws: WatchSet | None = None) -> tuple[int, list[Intention]]:
    """The index of config entries, and all intentions in the order in which they count."""
    found = [_of(entry, source) for entry in entries_of(db, ServiceIntentions, ws) for source in entry.Sources or ()]
    return entries_index(db, ws), sorted(found, key=by_precedence)


def intention_with_id(db: Store, intention_id: str, ws: WatchSet | None = None) -> Intention | None:
    """The intention that has this ID from the old API, or None. Raises InternalError for what is no UUID."""
    found = _entry_with_id(db, intention_id, ws)
    return None if found is None else _of(*found)


def _entry_with_id(
    db: Store, intention_id: str, ws: WatchSet | None = None
) -> tuple[ServiceIntentions, SourceIntention] | None:
    key = uuid_key(intention_id, "config entry")
    for entry in db.where(CONFIG_ENTRIES, "legacy", key, ws):
        for source in entry.Sources or () if isinstance(entry, ServiceIntentions) else ():
            if source.LegacyID == intention_id and isinstance(entry, ServiceIntentions):
                return entry, source
    return None


def exact_intention(db: Store, ask: IntentionQueryExact, ws: WatchSet | None = None) -> Intention | None:
    """The intention with these names, or None."""
    entry = entry_of(db, ServiceIntentions, ask.DestinationName, ws=ws)
    for source in (entry.Sources or ()) if entry is not None else ():
        same_peer = (source.Peer or "") == (ask.SourcePeer or "")
        if entry is not None and same_peer and source.Name == ask.SourceName:
            return _of(entry, source)
    return None


def matching(
    db: Store, name: str, match_type: str, ws: WatchSet | None = None, *, destinations: bool = False
) -> list[Intention]:
    """The intentions with this service (or a wildcard) as source or destination, in the order in which they count.

    By source those to services are found, or with ``destinations`` those to addresses outside the mesh.
    """
    found: list[Intention] = []
    for each in dict.fromkeys((name, WILDCARD)):
        if match_type == BY_DESTINATION:
            entry = entry_of(db, ServiceIntentions, each, ws=ws)
            found += [_of(entry, source) for source in entry.Sources or ()] if entry is not None else []
        elif match_type == BY_SOURCE:
            found += _from_source(db, each, ws, destinations=destinations)
        else:
            raise InternalError(f"invalid intention match type: {match_type}")
    return sorted(found, key=by_precedence)


def _from_source(db: Store, name: str, ws: WatchSet | None, *, destinations: bool) -> list[Intention]:
    found: list[Intention] = []
    for entry in db.where(CONFIG_ENTRIES, "source", name.lower(), ws):
        if not isinstance(entry, ServiceIntentions):
            continue
        is_destination = kind_behind(db, entry.Name) == BEHIND_DESTINATION
        if is_destination if not destinations else not (is_destination or entry.Name == WILDCARD):
            continue
        sources = [source for source in entry.Sources or () if source.Name == name]
        # Consul looks at peers to find an entry, not at what it takes from it.
        if not all(source.Peer for source in sources):
            found += [_of(entry, source) for source in sources]
    return found


def decide(
    intentions: list[Intention], target: str, match_type: str, *, default_allow: bool, allow_permissions: bool
) -> IntentionDecisionSummary:
    """What the first intention that covers ``target`` says, ``default_allow`` where none does."""
    for one in intentions:
        name = one.DestinationName if match_type == BY_DESTINATION else one.SourceName
        if name not in (WILDCARD, target) or (match_type == BY_SOURCE and one.SourcePeer):
            continue
        return IntentionDecisionSummary(
            Allowed=allow_permissions if one.Permissions else one.Action == "allow",
            HasPermissions=bool(one.Permissions),
            ExternalSource=(one.Meta or {}).get(EXTERNAL_SOURCE, ""),
            HasExact=WILDCARD not in (one.SourceName, one.DestinationName),
            DefaultAllow=default_allow,
        )
    return IntentionDecisionSummary(Allowed=default_allow, DefaultAllow=default_allow)


def _of(entry: ServiceIntentions, source: SourceIntention) -> Intention:
    return intention_of(entry, source)


# Writers


def mutate(db: Store, index: int, op: str, mutation: IntentionMutation) -> None:
    """Change the entry behind an intention. Raises InternalError."""
    if op == CREATE and mutation.Value is not None:
        _create_legacy(db, index, mutation.Destination.Name, mutation.Value)
    elif op == UPDATE and mutation.Value is not None:
        _update_legacy(db, index, mutation.ID, mutation.Value)
    elif op == DELETE and mutation.ID:
        _delete_legacy(db, index, mutation.ID)
    elif op == DELETE:
        _delete(db, index, mutation)
    elif op == UPSERT and mutation.Value is not None:
        _upsert(db, index, mutation, mutation.Value)
    else:
        raise InternalError(f"Invalid Intention mutation operation '{op}'")


def _create_legacy(db: Store, index: int, destination: str, value: SourceIntention) -> None:
    entry = entry_of(db, ServiceIntentions, destination)
    if entry is not None:
        _refuse_new_style(entry)
    _write(db, index, destination, entry, [*((entry.Sources or ()) if entry else ()), value], legacy=True)


def _update_legacy(db: Store, index: int, intention_id: str, value: SourceIntention) -> None:
    found = _entry_with_id(db, intention_id)
    if found is None:
        raise InternalError(f"Cannot modify non-existent intention: '{intention_id}'")
    entry, old = found
    _refuse_new_style(entry)
    sources = [value if source is old else source for source in entry.Sources or ()]
    _write(db, index, entry.Name, entry, sources, legacy=True)


def _delete_legacy(db: Store, index: int, intention_id: str) -> None:
    found = _entry_with_id(db, intention_id)
    if found is None:
        raise InternalError(f"Cannot delete non-existent intention: '{intention_id}'")
    entry, old = found
    _refuse_new_style(entry)
    _write(db, index, entry.Name, entry, [s for s in entry.Sources or () if s is not old], legacy=True)


def _delete(db: Store, index: int, mutation: IntentionMutation) -> None:
    entry = entry_of(db, ServiceIntentions, mutation.Destination.Name)
    sources = list(entry.Sources or ()) if entry is not None else []
    at = _place_of(sources, mutation.Source.Name)
    if entry is not None and at is not None:
        _write(db, index, entry.Name, entry, sources[:at] + sources[at + 1 :], legacy=False)


def _upsert(db: Store, index: int, mutation: IntentionMutation, value: SourceIntention) -> None:
    entry = entry_of(db, ServiceIntentions, mutation.Destination.Name)
    sources = list(entry.Sources or ()) if entry is not None else []
    at = _place_of(sources, mutation.Source.Name)
    if at is None:
        sources.append(value)
    else:
        sources[at] = value
    _write(db, index, mutation.Destination.Name, entry, sources, legacy=False)


def _place_of(sources: list[SourceIntention], name: str) -> int | None:
    """The first source of that name; Consul does not look at its peer."""
    return next((at for at, source in enumerate(sources) if source.Name == name), None)


def _write(
    db: Store,
    index: int,
    destination: str,
    entry: ServiceIntentions | None,
    sources: list[SourceIntention],
    *,
    legacy: bool,
) -> None:
    """Store an entry with these sources; without any it goes."""
    if not sources:
        return delete_entry(db, index, ServiceIntentions.kind, destination)
    row: ServiceIntentions = changed(entry or ServiceIntentions(Name=destination), Sources=sources)
    row = row.normalized_as(legacy=legacy)
    row = changed(row, Hash=entry_hash(row))
    row.check_as(legacy=legacy)
    return put_entry(db, index, row)


def _refuse_new_style(entry: ServiceIntentions) -> None:
    """The old API keeps off entries that somebody wrote as such."""
    if not all(source.LegacyID for source in entry.Sources or ()):
        raise InternalError(
            f"cannot use legacy intention API to edit intentions with a destination of {quote(entry.Name)} "
            "after editing them via a service-intentions config entry"
        )
