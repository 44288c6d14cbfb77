"""``limits.request_limits`` as clients meet them."""

from pyconsul.server.request_limits import RequestRates
from pyconsul.telemetry.logging import Level, Monitor
from tests.http.conftest import connected, running


async def test_no_kept_answer_goes_round_the_limits() -> None:
    """Not over HTTP, and a reload without limits lifts them."""
    hcl = 'limits { request_limits { mode = "enforcing" read_rate = 1 write_rate = 1 } }'
    async with running(hcl) as agent, connected(agent) as wire:
        statuses = [(await wire.get("/v1/kv/a")).status for _ in range(30)]
        assert set(statuses) == {404, 429} and statuses[-1] == 429
        put = [await wire.get("/v1/kv/a", method="PUT", body=b"x") for _ in range(30)][-1]
        assert put.status == 503 and put.body.startswith(b"rate limit exceeded for operation")
        agent.server.limits.configure(RequestRates())
        assert (await wire.get("/v1/kv/a")).status == 200


async def test_an_event_counts_as_a_write() -> None:
    """Told with 500, since the reply has begun in Consul."""
    hcl = 'limits { request_limits { mode = "enforcing" write_rate = 0 } }'
    async with running(hcl) as agent, connected(agent) as wire:
        answer = await wire.get("/v1/event/fire/x", method="PUT")
        assert answer.status == 500 and answer.body.startswith(b"rate limit exceeded for operation")


async def test_the_log_tells_who_asks_too_much() -> None:
    """So that limits can be tried out before they are enforced."""
    hcl = 'limits { request_limits { mode = "permissive" read_rate = 0 } }'
    lines = Monitor(Level.DEBUG)
    async with running(hcl) as agent, connected(agent) as wire:
        lines.start()
        assert (await wire.get("/v1/kv/a")).status == 404
        lines.stop()
        host, port = wire.writer.get_extra_info("sockname")
    assert f"rpc=KVS.Get source_addr={host}:{port} limit_type=global/read limit_enforced=false" in lines.take()
