"""Registers two instances of a service, reads them back by health, and follows a key while another task writes it.

python examples/sdk/discover.py            # against CONSUL_HTTP_ADDR or 127.0.0.1:8500
"""

from __future__ import annotations

import asyncio

from pyconsul.sdk import AsyncClient
from pyconsul.sdk.kv import get_request
from pyconsul.sdk.registration import CheckRegistration, ServiceRegistration


async def main() -> None:
    """Run the example from begin to end; it leaves nothing behind."""
    async with AsyncClient() as consul:
        for number in (1, 2):
            check = CheckRegistration(TTL="30s", CheckID=f"shop-{number}-alive")
            service = ServiceRegistration(Name="shop", ID=f"shop-{number}", Port=8000 + number, Check=check)
            await consul.agent.register_service(service)
        await consul.agent.pass_check("shop-1-alive")
        await show_healthy(consul)
        await follow(consul)
        for number in (1, 2):
            await consul.agent.deregister_service(f"shop-{number}")


async def show_healthy(consul: AsyncClient) -> None:
    """Wait until the first instance is healthy in the catalog, then print where it is."""
    from pyconsul.sdk.health import service_request

    async for reply in consul.watch(service_request("shop", passing=True)):
        if reply.value:
            [entry] = reply.value
            print("healthy:", entry.Service.ID, entry.Service.Port)
            return


async def follow(consul: AsyncClient) -> None:
    """Print each value of a key that another task writes."""
    writer = asyncio.create_task(write(consul))
    async for reply in consul.watch(get_request("examples/color")):
        if reply.value is not None:
            print("color:", (reply.value.Value or b"").decode())
            if reply.value.Value == b"red":
                break
    await writer
    await consul.kv.delete("examples/color")


async def write(consul: AsyncClient) -> None:
    """Two values, the second once the first has been stored."""
    for color in ("blue", "red"):
        await consul.kv.put("examples/color", color)


if __name__ == "__main__":
    asyncio.run(main())
