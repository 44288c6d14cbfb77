"""Amazon's cloud as moto plays it, and Amazon's own client for it."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any


@contextmanager
def moto() -> Generator[str]:
    """The URL of a moto server that runs in a thread of this process while the block does."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def client(service: str, endpoint: str, region: str) -> Any:
    """A client of one of Amazon's services; moto lets anybody in."""
    import boto3

    session: Any = boto3.Session("test", "test", region_name=region)
    return session.client(service, endpoint_url=endpoint)
