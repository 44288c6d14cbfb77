"""``/v1/config``: write, read, list and delete config entries."""

from __future__ import annotations

from pyconsul.agent.http.discovery import refuse_partition
from pyconsul.agent.http.numbers import parse_uint
from pyconsul.agent.http.reply import Reply
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import route
from pyconsul.lang.strconv import quote
from pyconsul.server.aside import aside
from pyconsul.structs import godecode
from pyconsul.structs.catalog import DCSpecificRequest
from pyconsul.structs.config_entries.decode import EntryDecodeError, decode_entry
from pyconsul.structs.config_entries.exported_services import ExportedServices, IndexedExportedServices
from pyconsul.structs.config_entries.kinds import UnknownKindError, empty_entry
from pyconsul.structs.config_entries.requests import (
    DELETE,
    DELETE_CAS,
    UPSERT,
    UPSERT_CAS,
    ConfigEntryDeleteResponse,
    ConfigEntryQuery,
    ConfigEntryRequest,
    ConfigEntryResponse,
    IndexedConfigEntries,
)
from pyconsul.structs.errors import BadRequest, InternalError, NotFound
from pyconsul.structs.wire import changed


@route("PUT", "/v1/config")
async def config_apply(req: Request) -> Reply:
    """Write an entry; answers whether a check-and-set went through, true without one."""
    try:
        entry = await aside(len(req.body), lambda: decode_entry(godecode.parse(req.body)))
    except (EntryDecodeError, ValueError) as error:
        raise BadRequest(f"Request decoding failed: {error}") from error
    if isinstance(entry, ExportedServices) and req.datacenter() != req.agent.datacenter:
        raise InternalError("exported-services writes must not target secondary datacenters.")
    options = req.primary_write_options()
    op = UPSERT
    if cas := req.query.get("cas"):
        op, entry = UPSERT_CAS, changed(entry, ModifyIndex=parse_uint(cas))
    return Reply(await req.rpc("ConfigEntry.Apply", ConfigEntryRequest(Op=op, Entry=entry, **options), bool))


@route("GET", "/v1/exported-services")
async def exported_services(req: Request) -> Reply:
    """Every exported service with the peers that may use it, wildcards replaced by names."""
    refuse_partition(req)
    options = req.read_options(refuse_enterprise=False)
    options["Datacenter"] = ""  # answered here, whichever is asked for
    ask = DCSpecificRequest(**options)
    found = await req.rpc("ConfigEntry.ResolvedExportedServices", ask, IndexedExportedServices)
    return Reply(found.Services or [], meta=found)


@route("GET", "/v1/config/{kind}")
async def config_list(req: Request) -> Reply:
    """All entries of a kind, by name."""
    ask = ConfigEntryQuery(Kind=req.path["kind"], **req.read_options())
    found = await req.rpc("ConfigEntry.List", ask, IndexedConfigEntries)
    return Reply(found.Entries or [], meta=found)


@route("DELETE", "/v1/config/{kind}")
async def config_delete_nothing(req: Request) -> Reply:
    """404: a kind alone is not deleted."""
    del req
    raise NotFound("Must provide both a kind and name to delete")


@route("GET", "/v1/config/{kind}/{name...}")
async def config_get(req: Request) -> Reply:
    """One entry; 404 where there is none."""
    kind, name = req.path["kind"], req.path["name"]
    found = await req.rpc(
        "ConfigEntry.Get", ConfigEntryQuery(Kind=kind, Name=name, **req.read_options()), ConfigEntryResponse
    )
    if found.Entry is None:
        raise NotFound(f"Config entry not found for {quote(kind)} / {quote(name)}", meta=found)
    return Reply(found.Entry, meta=found)


@route("DELETE", "/v1/config/{kind}/{name...}")
async def config_delete(req: Request) -> Reply:
    """Drop an entry; with ``cas`` answers whether it was as expected, without it an empty object."""
    try:
        entry = empty_entry(req.path["kind"], req.path["name"])
    except UnknownKindError as error:
        raise BadRequest(str(error)) from error
    options = req.primary_write_options()
    op = DELETE
    if cas := req.query.get("cas"):
        op, entry = DELETE_CAS, changed(entry, ModifyIndex=parse_uint(cas))
    request = ConfigEntryRequest(Op=op, Entry=entry, **options)
    answer = await req.rpc("ConfigEntry.Delete", request, ConfigEntryDeleteResponse)
    return Reply(answer.Deleted if op == DELETE_CAS else {})
