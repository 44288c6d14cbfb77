"""Every method asks the route it should; the table of routes is complete."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pyconsul.sdk import AsyncClient, Client, QueryOptions, Retry, Settings, agent, query, status, txn
from pyconsul.sdk.registration import CheckRegistration, ServiceRegistration
from pyconsul.sdk.request import Answer, Request
from pyconsul.sdk.txn import kv_op

SPEC = Path(__file__).resolve().parents[3] / "shared" / "spec" / "http.tsv"

ERRORS = b'{"Results":null,"Errors":[{"OpIndex":0,"What":"key is locked"}]}'

# One row a method: how it is called, and the method and target that must go out.
CALLS: list[tuple[str, str]] = [
    ("kv.get('a')", "GET /v1/kv/a"),
    ("kv.raw('a')", "GET /v1/kv/a?raw="),
    ("kv.list('a/')", "GET /v1/kv/a/?recurse="),
    ("kv.keys('a/', '/')", "GET /v1/kv/a/?keys=&separator=%2F"),
    ("kv.put('a', 'v', flags=1, cas=0)", "PUT /v1/kv/a?cas=0&flags=1"),
    ("kv.put('a', acquire='s')", "PUT /v1/kv/a?acquire=s"),
    ("kv.put('a', release='s')", "PUT /v1/kv/a?release=s"),
    ("kv.delete('a', cas=3)", "DELETE /v1/kv/a?cas=3"),
    ("kv.delete('a', recurse=True)", "DELETE /v1/kv/a?recurse="),
    ("txn.apply([])", "PUT /v1/txn"),
    ("session.create()", "PUT /v1/session/create"),
    ("session.destroy('s')", "PUT /v1/session/destroy/s"),
    ("session.renew('s')", "PUT /v1/session/renew/s"),
    ("session.info('s')", "GET /v1/session/info/s"),
    ("session.node('n')", "GET /v1/session/node/n"),
    ("session.list()", "GET /v1/session/list"),
    ("status.leader()", "GET /v1/status/leader"),
    ("status.peers()", "GET /v1/status/peers"),
    ("event.fire('e', b'', node='n', service='s', tag='t')", "PUT /v1/event/fire/e?node=n&service=s&tag=t"),
    ("event.list('e')", "GET /v1/event/list?name=e"),
    ("catalog.register({})", "PUT /v1/catalog/register"),
    ("catalog.deregister({})", "PUT /v1/catalog/deregister"),
    ("catalog.datacenters()", "GET /v1/catalog/datacenters"),
    ("catalog.nodes()", "GET /v1/catalog/nodes"),
    ("catalog.services()", "GET /v1/catalog/services"),
    ("catalog.service('w', tags=['a', 'b'])", "GET /v1/catalog/service/w?tag=a&tag=b"),
    ("catalog.connect('w')", "GET /v1/catalog/connect/w"),
    ("catalog.node('n')", "GET /v1/catalog/node/n"),
    ("catalog.node_services('n')", "GET /v1/catalog/node-services/n"),
    ("catalog.gateway_services('g')", "GET /v1/catalog/gateway-services/g"),
    ("health.node('n')", "GET /v1/health/node/n"),
    ("health.checks('w')", "GET /v1/health/checks/w"),
    ("health.state()", "GET /v1/health/state/any"),
    ("health.service('w', tags=['a'], passing=True)", "GET /v1/health/service/w?passing=&tag=a"),
    ("health.connect('w')", "GET /v1/health/connect/w"),
    ("health.ingress('w')", "GET /v1/health/ingress/w"),
    ("agent.self()", "GET /v1/agent/self"),
    ("agent.host()", "GET /v1/agent/host"),
    ("agent.version()", "GET /v1/agent/version"),
    ("agent.metrics()", "GET /v1/agent/metrics"),
    ("agent.prometheus()", "GET /v1/agent/metrics?format=prometheus"),
    ("agent.metrics_stream()", "GET /v1/agent/metrics/stream"),
    ("agent.monitor(log_level='debug', log_json=True)", "GET /v1/agent/monitor?logjson=true&loglevel=debug"),
    ("agent.members(wan=True, segment='s')", "GET /v1/agent/members?segment=s&wan=1"),
    ("agent.services()", "GET /v1/agent/services"),
    ("agent.service('w')", "GET /v1/agent/service/w"),
    ("agent.checks()", "GET /v1/agent/checks"),
    ("agent.service_health('w')", "GET /v1/agent/health/service/id/w"),
    ("agent.service_health_by_name('w')", "GET /v1/agent/health/service/name/w"),
    ("agent.register_service({})", "PUT /v1/agent/service/register"),
    (
        "agent.register_service({}, replace_existing_checks=True)",
        "PUT /v1/agent/service/register?replace-existing-checks=true",
    ),
    ("agent.deregister_service('w')", "PUT /v1/agent/service/deregister/w"),
    (
        "agent.service_maintenance('w', True, reason='r s')",
        "PUT /v1/agent/service/maintenance/w?enable=true&reason=r+s",
    ),
    ("agent.register_check({})", "PUT /v1/agent/check/register"),
    ("agent.deregister_check('c')", "PUT /v1/agent/check/deregister/c"),
    ("agent.pass_check('c', note='n')", "PUT /v1/agent/check/pass/c?note=n"),
    ("agent.warn_check('c')", "PUT /v1/agent/check/warn/c"),
    ("agent.fail_check('c')", "PUT /v1/agent/check/fail/c"),
    ("agent.update_check('c', 'passing')", "PUT /v1/agent/check/update/c"),
    ("agent.maintenance(True)", "PUT /v1/agent/maintenance?enable=true&reason="),
    ("agent.maintenance(False)", "PUT /v1/agent/maintenance?enable=false"),
    ("agent.join('1.2.3.4:8301', wan=True)", "PUT /v1/agent/join/1.2.3.4:8301?wan=1"),
    ("agent.leave()", "PUT /v1/agent/leave"),
    ("agent.force_leave('n', prune=True)", "PUT /v1/agent/force-leave/n?prune=1"),
    ("agent.reload()", "PUT /v1/agent/reload"),
    ("agent.set_token('default', 't')", "PUT /v1/agent/token/default"),
    ("agent.connect_authorize({})", "POST /v1/agent/connect/authorize"),
    ("agent.ca_roots()", "GET /v1/agent/connect/ca/roots"),
    ("agent.ca_leaf('w')", "GET /v1/agent/connect/ca/leaf/w"),
    ("query.create({})", "POST /v1/query"),
    ("query.update('q', {})", "PUT /v1/query/q"),
    ("query.delete('q')", "DELETE /v1/query/q"),
    ("query.get('q')", "GET /v1/query/q"),
    ("query.execute('q', limit=2)", "GET /v1/query/q/execute?limit=2"),
    ("query.explain('q')", "GET /v1/query/q/explain"),
    ("query.list()", "GET /v1/query"),
    ("coordinate.datacenters()", "GET /v1/coordinate/datacenters"),
    ("coordinate.nodes(segment='s')", "GET /v1/coordinate/nodes?segment=s"),
    ("coordinate.node('n')", "GET /v1/coordinate/node/n"),
    ("coordinate.update({})", "PUT /v1/coordinate/update"),
    ("snapshot.save()", "GET /v1/snapshot"),
    ("snapshot.restore(b'')", "PUT /v1/snapshot"),
    ("operator.raft_configuration()", "GET /v1/operator/raft/configuration"),
    ("operator.raft_transfer_leader(server_id='s')", "POST /v1/operator/raft/transfer-leader?id=s"),
    ("operator.raft_remove_peer(address='a')", "DELETE /v1/operator/raft/peer?address=a"),
    ("operator.keyring_list(relay_factor=2)", "GET /v1/operator/keyring?relay-factor=2"),
    ("operator.keyring_install('k')", "POST /v1/operator/keyring"),
    ("operator.keyring_use('k')", "PUT /v1/operator/keyring"),
    ("operator.keyring_remove('k')", "DELETE /v1/operator/keyring"),
    ("operator.usage()", "GET /v1/operator/usage"),
    ("operator.autopilot_configuration()", "GET /v1/operator/autopilot/configuration"),
    ("operator.autopilot_set_configuration({}, cas=0)", "PUT /v1/operator/autopilot/configuration?cas=0"),
    ("operator.autopilot_health()", "GET /v1/operator/autopilot/health"),
    ("operator.autopilot_state()", "GET /v1/operator/autopilot/state"),
    ("internal.nodes()", "GET /v1/internal/ui/nodes"),
    ("internal.node('n')", "GET /v1/internal/ui/node/n"),
    ("internal.services()", "GET /v1/internal/ui/services"),
    ("internal.exported_services()", "GET /v1/internal/ui/exported-services"),
    ("internal.catalog_overview()", "GET /v1/internal/ui/catalog-overview"),
    ("internal.gateway_services_nodes('g')", "GET /v1/internal/ui/gateway-services-nodes/g"),
    ("internal.gateway_intentions('g')", "GET /v1/internal/ui/gateway-intentions/g"),
    ("internal.service_topology('w', kind='')", "GET /v1/internal/ui/service-topology/w"),
    ("internal.service_virtual_ip({})", "PUT /v1/internal/service-virtual-ip"),
    ("internal.federation_states()", "GET /v1/internal/federation-states"),
    ("internal.federation_state('dc1')", "GET /v1/internal/federation-state/dc1"),
    ("internal.mesh_gateways()", "GET /v1/internal/federation-states/mesh-gateways"),
    ("acl.bootstrap()", "PUT /v1/acl/bootstrap"),
    ("acl.replication()", "GET /v1/acl/replication"),
    ("acl.login('m', 'b')", "POST /v1/acl/login"),
    ("acl.logout()", "POST /v1/acl/logout"),
    ("acl.token_list(policy='p')", "GET /v1/acl/tokens?policy=p"),
    ("acl.token_list(role='r', auth_method='m', service='w')", "GET /v1/acl/tokens?authmethod=m&role=r&servicename=w"),
    ("acl.token_create({})", "PUT /v1/acl/token"),
    ("acl.token_read('t', expanded=True)", "GET /v1/acl/token/t?expanded=true"),
    ("acl.token_read_self()", "GET /v1/acl/token/self"),
    ("acl.token_update('t', {})", "PUT /v1/acl/token/t"),
    ("acl.token_clone('t')", "PUT /v1/acl/token/t/clone"),
    ("acl.token_delete('t')", "DELETE /v1/acl/token/t"),
    ("acl.policy_list()", "GET /v1/acl/policies"),
    ("acl.policy_create({})", "PUT /v1/acl/policy"),
    ("acl.policy_read('p')", "GET /v1/acl/policy/p"),
    ("acl.policy_update('p', {})", "PUT /v1/acl/policy/p"),
    ("acl.policy_delete('p')", "DELETE /v1/acl/policy/p"),
    ("acl.policy_read_by_name('p')", "GET /v1/acl/policy/name/p"),
    ("acl.role_list()", "GET /v1/acl/roles"),
    ("acl.role_create({})", "PUT /v1/acl/role"),
    ("acl.role_read('r')", "GET /v1/acl/role/r"),
    ("acl.role_update('r', {})", "PUT /v1/acl/role/r"),
    ("acl.role_delete('r')", "DELETE /v1/acl/role/r"),
    ("acl.role_read_by_name('r')", "GET /v1/acl/role/name/r"),
    ("acl.auth_method_list()", "GET /v1/acl/auth-methods"),
    ("acl.auth_method_create({})", "PUT /v1/acl/auth-method"),
    ("acl.auth_method_read('m')", "GET /v1/acl/auth-method/m"),
    ("acl.auth_method_update('m', {})", "PUT /v1/acl/auth-method/m"),
    ("acl.auth_method_delete('m')", "DELETE /v1/acl/auth-method/m"),
    ("acl.binding_rule_list(auth_method='m')", "GET /v1/acl/binding-rules?authmethod=m"),
    ("acl.binding_rule_create({})", "PUT /v1/acl/binding-rule"),
    ("acl.binding_rule_read('b')", "GET /v1/acl/binding-rule/b"),
    ("acl.binding_rule_update('b', {})", "PUT /v1/acl/binding-rule/b"),
    ("acl.binding_rule_delete('b')", "DELETE /v1/acl/binding-rule/b"),
    ("acl.templated_policy_list()", "GET /v1/acl/templated-policies"),
    ("acl.templated_policy_read('t')", "GET /v1/acl/templated-policy/name/t"),
    ("acl.templated_policy_preview('t', {})", "POST /v1/acl/templated-policy/preview/t"),
    ("config.get('k', 'n')", "GET /v1/config/k/n"),
    ("config.set({}, cas=0)", "PUT /v1/config?cas=0"),
    ("config.delete('k', 'n')", "DELETE /v1/config/k/n"),
    ("config.list('k')", "GET /v1/config/k"),
    ("connect.ca_roots()", "GET /v1/connect/ca/roots"),
    ("connect.ca_roots_pem()", "GET /v1/connect/ca/roots?pem=true"),
    ("connect.ca_configuration()", "GET /v1/connect/ca/configuration"),
    ("connect.ca_set_configuration({})", "PUT /v1/connect/ca/configuration"),
    ("connect.intention_list()", "GET /v1/connect/intentions"),
    ("connect.intention_get('a', 'b')", "GET /v1/connect/intentions/exact?destination=b&source=a"),
    ("connect.intention_get('', 'b')", "GET /v1/connect/intentions/exact?destination=b&source="),
    ("connect.intention_set('a', 'b', {})", "PUT /v1/connect/intentions/exact?destination=b&source=a"),
    ("connect.intention_delete('a', 'b')", "DELETE /v1/connect/intentions/exact?destination=b&source=a"),
    ("connect.intention_with_id('i')", "GET /v1/connect/intentions/i"),
    ("connect.intention_create({})", "POST /v1/connect/intentions"),
    ("connect.intention_update('i', {})", "PUT /v1/connect/intentions/i"),
    ("connect.intention_delete_with_id('i')", "DELETE /v1/connect/intentions/i"),
    ("connect.intention_match('source', ['a'])", "GET /v1/connect/intentions/match?by=source&name=a"),
    ("connect.intention_check('a', 'b')", "GET /v1/connect/intentions/check?destination=b&source=a&source-type=consul"),
    ("connect.discovery_chain('w')", "GET /v1/discovery-chain/w"),
    ("connect.exported_services()", "GET /v1/exported-services"),
    ("peering.generate_token('p')", "POST /v1/peering/token"),
    ("peering.establish('p', 't')", "POST /v1/peering/establish"),
    ("peering.read('p')", "GET /v1/peering/p"),
    ("peering.delete('p')", "DELETE /v1/peering/p"),
    ("peering.list()", "GET /v1/peerings"),
]

# Routes that have no method: for browsers and profilers, deprecated, or of the resource API.
WITHOUT_METHOD = re.compile(
    r"^(GET /$|GET /ui|GET /robots|GET /debug|\w+ /api/|GET /v1/internal/ui/metrics-proxy"
    r"|POST /v1/connect/intentions$|\w+ /v1/connect/intentions/\{id\}|POST /v1/discovery-chain"
    r"|POST /v1/internal/acl/authorize)"
)


class Recorder(AsyncClient):
    """A client that sends nothing: it keeps the request and answers with an empty body."""

    def __init__(self) -> None:
        super().__init__(Settings(retry=Retry.NEVER))
        self.sent: list[Request[Any]] = []

    async def call(self, request: Request[Any], options: QueryOptions | None = None) -> Any:
        """Keep the request; its reader must stand a null body."""
        self.sent.append(request)
        return None

    stream = call

    def target(self) -> str:
        """Method and target of the last request."""
        wire = self._encoder.encode(self.sent[-1], None)
        return f"{wire.method} {wire.target}"


class BlockingRecorder(Client):
    """The same for programs without a loop."""

    def __init__(self) -> None:
        super().__init__(Settings(retry=Retry.NEVER))
        self.sent: list[Request[Any]] = []

    def call(self, request: Request[Any], options: QueryOptions | None = None) -> Any:
        """Keep the request."""
        self.sent.append(request)
        return None

    stream = call


@pytest.mark.parametrize(("call", "target"), CALLS, ids=[call for call, _ in CALLS])
async def test_a_method_asks_its_route(call: str, target: str) -> None:
    """Method, path and parameters are those of the HTTP API, and the same from both clients."""
    client, blocking = Recorder(), BlockingRecorder()
    await eval(f"client.{call}", {"client": client})
    assert client.target() == target
    eval(f"client.{call}", {"client": blocking})
    assert as_sent(blocking.sent[-1]) == as_sent(client.sent[-1])


def as_sent(request: Request[Any]) -> list[Any]:
    """What of a request goes out, and whether it may go out again."""
    parts = msgspec.structs.asdict(request)
    del parts["decode"]
    return list(parts.items())


@pytest.mark.parametrize(
    ("request_of", "body", "result"),
    [
        (agent.prometheus_request(), b"# HELP a\n", "# HELP a\n"),
        (query.create_request({}), b'{"ID":"q1"}', "q1"),
        (status.leader_request(), b'"10.0.0.1:8300"', "10.0.0.1:8300"),
    ],
)
def test_an_answer_is_read_as_its_method_says(request_of: Request[Any], body: bytes, result: Any) -> None:
    """Text as it came, and of an object what matters in it."""
    assert request_of.read(Answer(200, {}, body)) == result


@pytest.mark.parametrize(("body", "is_applied"), [(b'{"Results":[],"Errors":null}', True), (ERRORS, False)])
def test_a_transaction_says_whether_it_was_applied(body: bytes, is_applied: bool) -> None:
    """Else it tells which of its operations could not be done."""
    assert txn.apply_request([]).read(Answer(200, {}, body)).is_applied is is_applied


def test_every_method_is_in_the_table() -> None:
    """A new method needs its row."""
    called = {call.split("(")[0] for call, _ in CALLS}
    client = Recorder()
    families = {call.split(".")[0] for call in called}
    methods = {
        f"{family}.{name}" for family in families for name in dir(getattr(client, family)) if not name.startswith("_")
    }
    assert called == methods


@pytest.mark.skipif(not SPEC.exists(), reason="the table of routes does not lie beside this clone")
def test_every_route_has_a_method() -> None:
    """The table of the HTTP API has no route that the SDK cannot ask."""
    known = [re.sub(r"\?.*", "", target) for _, target in CALLS]
    missing: list[str] = []
    for line in SPEC.read_text().splitlines()[1:]:
        method, path = line.split("\t")[:2]
        pattern = f"{method} " + re.sub(r"\{[^}]*\}", "[^/]+", path.split("?")[0].replace(".", r"\."))
        if not WITHOUT_METHOD.match(f"{method} {path}") and not any(re.fullmatch(pattern, it) for it in known):
            missing.append(f"{method} {path}")
    assert missing == []


def test_typed_registrations_send_only_what_is_set() -> None:
    """Defaults are Consul's, not ours."""
    from pyconsul.sdk.agent import register_service_request

    service = ServiceRegistration(Name="web", Port=80, Check=CheckRegistration(TTL="10s"))
    assert register_service_request(service).body == b'{"Name":"web","Port":80,"Check":{"TTL":"10s"}}'


def test_a_transaction_of_reads_may_be_repeated() -> None:
    """One with a write may not."""
    from pyconsul.sdk.txn import apply_request

    assert apply_request([kv_op("get", "a"), kv_op("check-session", "a", session="s")]).is_idempotent
    assert not apply_request([kv_op("get", "a"), kv_op("set", "a", "v")]).is_idempotent


def test_a_kv_operation_carries_its_value_as_base64() -> None:
    """Bytes that are no text included."""
    from pyconsul.sdk.txn import apply_request

    body = apply_request([kv_op("set", "a", b"\xff", flags=7)]).body
    assert body == b'[{"KV":{"Verb":"set","Key":"a","Flags":7,"Value":"/w=="}}]'


def test_an_event_id_gives_its_index() -> None:
    """The two halves of the UUID, XORed; text that is no UUID is refused."""
    from pyconsul.sdk.event import index_of

    assert index_of("00000000-0000-0001-0000-000000000003") == 2
    with pytest.raises(ValueError, match="not a UUID"):
        index_of("nonsense")


def test_a_deleted_config_entry_is_told_by_its_body() -> None:
    """Without ``cas`` the body is an empty object, which is a yes."""
    from pyconsul.sdk.config import delete_request

    request = delete_request("k", "n")
    assert request.read(Answer(200, {}, b"{}"))
    assert not request.read(Answer(200, {}, b"false"))
