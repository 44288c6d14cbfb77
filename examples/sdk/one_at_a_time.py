"""Several workers that take turns under one lock, with plain threads and the blocking client.

python examples/sdk/one_at_a_time.py       # against CONSUL_HTTP_ADDR or 127.0.0.1:8500
"""

from __future__ import annotations

import threading

from pyconsul.sdk import Client


def work(name: str) -> None:
    """Wait for the lock, count one up while holding it, give it back."""
    with Client() as consul, consul.lock("examples/turn", value=name):
        count = int(consul.kv.raw("examples/count") or 0)
        consul.kv.put("examples/count", str(count + 1))


def main() -> None:
    """Five workers; without the lock some of their counts would be lost."""
    threads = [threading.Thread(target=work, args=(f"worker-{number}",)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Client() as consul:
        print("counted:", (consul.kv.raw("examples/count") or b"").decode())
        consul.kv.delete("examples/count")
        consul.lock("examples/turn").destroy()


if __name__ == "__main__":
    main()
