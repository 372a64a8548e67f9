"""What `@defer` is for: how long until a client has something, with one slow backend: `python -m
benchmarks.load.first_byte`.

The upstream gives posts after 5 ms and users after 20 ms. Asked are the posts with their users: whole, and with
the users deferred. Milliseconds of wall time of one request at a time, the median of `RUNS`, with the middle half.
"""

from __future__ import annotations

import http.client
import json
import statistics
import sys
import time
from collections.abc import Callable

from benchmarks.load import upstream
from benchmarks.load.contestants import NOTHING_SHARED, gateway
from benchmarks.load.process import CPUS, started

RUNS = 100
WHOLE = "{ posts { id title user { name } } }"
DEFERRED = "{ posts { id title ... @defer { user { name } } } }"
MULTIPART = "multipart/mixed, application/json"


def first_and_last(port: int, query: str, accept: str) -> tuple[float, float, bytes]:
    """When the first payload is there, when the last bytes, milliseconds, and all of them."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"content-type": "application/json", "accept": accept}
    begin = time.perf_counter()
    connection.request("POST", "/graphql", json.dumps({"query": query}), headers)
    answer = connection.getresponse()
    pieces = [answer.read1(65536)]
    while b'"data"' not in b"".join(pieces):  # a multipart answer begins with a boundary
        pieces.append(answer.read1(65536))
    first = time.perf_counter()
    while piece := answer.read1(65536):
        pieces.append(piece)
    last = time.perf_counter()
    connection.close()
    return (first - begin) * 1000, (last - begin) * 1000, b"".join(pieces)


def measure(ask: Callable[[], tuple[float, float, bytes]]) -> list[list[float]]:
    """Ascending times until the first payload, and until the last bytes."""
    ask()
    found = [ask()[:2] for _ in range(RUNS)]
    return [sorted(column) for column in zip(*found, strict=True)]


def main() -> int:
    """Measure and print."""
    who = gateway(**NOTHING_SHARED, GATEWAY_INCREMENTAL__ENABLED="true")
    with (
        upstream.started("slow", CPUS.upstream) as backend,
        started(who, "slow-backends", backend, CPUS.server) as server,
    ):
        whole = first_and_last(server.port, WHOLE, "application/json")[2]
        parts = first_and_last(server.port, DEFERRED, MULTIPART)[2]
        names = whole.count(b'"name"')
        if not names or parts.count(b'"name"') != names or b'"hasNext":true' not in parts:
            print(f"the answers differ: {whole[:200]!r} {parts[:200]!r}", file=sys.stderr)
            return 1
        rows = {
            "whole": measure(lambda: first_and_last(server.port, WHOLE, "application/json")),
            "deferred": measure(lambda: first_and_last(server.port, DEFERRED, MULTIPART)),
        }
    for name, (first, last) in rows.items():
        print(f"{name:9} first payload {said(first)}, last {said(last)}")
    return 0


def said(ordered: list[float]) -> str:
    """Median and the middle half."""
    quarter = len(ordered) // 4
    return f"{statistics.median(ordered):.1f} ({ordered[quarter]:.1f}..{ordered[-quarter]:.1f}) ms"


if __name__ == "__main__":
    sys.exit(main())
