"""DNS questions over UDP, so many under way at a time: ``python -m bench.dns_load PORT NAME TYPE WINDOW SECONDS``."""

from __future__ import annotations

import json
import socket
import sys
import time

import dns.message

from bench.agents import HOST

LOST_AFTER = 0.5


def run(port: int, name: str, kind: str, window: int, seconds: float) -> dict[str, float]:
    """Ask until the time is over; answers without success count as an error of the run."""
    question = dns.message.make_query(name, kind).to_wire()[2:]
    answers = lost = number = 0
    with socket.socket(type=socket.SOCK_DGRAM) as door:
        door.connect((HOST, port))
        door.settimeout(LOST_AFTER)

        def ask() -> None:
            nonlocal number
            number = (number + 1) & 0xFFFF
            door.send(number.to_bytes(2, "big") + question)

        began = time.perf_counter()
        for _ in range(window):
            ask()
        while (now := time.perf_counter()) - began < seconds or not (answers or lost):
            try:
                answer = door.recv(65535)
            except TimeoutError:
                lost += window
                for _ in range(window):
                    ask()
                continue
            if answer[3] & 0x0F or not answer[7]:
                raise OSError(f"{name} {kind}: no success: {answer[:12].hex()}")
            answers += 1
            ask()
    return {"answers": answers, "lost": lost, "seconds": now - began}


if __name__ == "__main__":
    asked = sys.argv[1:]
    print(json.dumps(run(int(asked[0]), asked[1], asked[2], int(asked[3]), float(asked[4]))))
