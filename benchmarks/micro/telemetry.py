"""What telemetry and the policies of sources cost: `python -m benchmarks.micro.telemetry [--pairs 40] [--cpu 0]`.

Two gateways in this process over one nginx, told apart by their settings only, and asked through their ASGI
application in turns: CPU time of one core, interleaved in pairs whose order alternates. The socket to the
client and uvicorn are left out, so that the difference is a larger part than a deployment sees.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import sys
import time
from collections.abc import Mapping, MutableMapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

import orjson
import uvloop
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from rich.console import Console
from rich.table import Table

from benchmarks.load import upstream
from benchmarks.load.contestants import GATEWAY_CONFIG, MAIN, NOTHING_SHARED
from benchmarks.load.scenarios import SCENARIOS
from benchmarks.stats import median_of_ratios
from gateway.app.config import load_config
from gateway.app.gateway import Gateway
from gateway.telemetry import tracing

QUIET = {"GATEWAY_LOGS__ACCESS": "off"}
METRICS_ON = {**QUIET, "GATEWAY_TELEMETRY__METRICS__ENABLED": "true"}
METRICS_OFF = {**QUIET, "GATEWAY_TELEMETRY__METRICS__ENABLED": "false"}
OFF = {**QUIET, "GATEWAY_TELEMETRY__ENABLED": "false"}
UNSAMPLED = {
    **METRICS_OFF,
    "GATEWAY_TELEMETRY__TRACING__ENDPOINT": "http://127.0.0.1:9/v1/traces",  # nothing is sent
    "GATEWAY_TELEMETRY__TRACING__SAMPLE_RATIO": "0",
    "GATEWAY_TELEMETRY__TRACING__SLOW_THRESHOLD_MS": "60000",
}
SAMPLED = {**UNSAMPLED, "GATEWAY_TELEMETRY__TRACING__SAMPLE_RATIO": "1"}
LOGGED = {"GATEWAY_LOGS__ACCESS": os.devnull}
NO_POLICIES = {
    **QUIET,
    "GATEWAY_SOURCES__API__CIRCUIT_BREAKER__ENABLED": "false",
    "GATEWAY_SOURCES__API__RETRY__ENABLED": "false",
    "GATEWAY_SOURCES__API__DEADLINE_HEADER": "",
}
# Name, scenario, what is measured, what it is measured against, the target.
CASES = (
    ("metrics on / off", MAIN, METRICS_ON, METRICS_OFF, 1.03),
    ("metrics on / off", "constant", METRICS_ON, METRICS_OFF, None),
    ("tracing, unsampled / telemetry off", MAIN, UNSAMPLED, OFF, 1.03),
    ("sampled, exported to memory / unsampled", MAIN, SAMPLED, UNSAMPLED, 1.25),
    ("access log on / off", MAIN, LOGGED, QUIET, 1.05),
    ("policies on / off", MAIN, QUIET, NO_POLICIES, 1.08),
)
SAMPLE_S = 0.1


class Asker:
    """One gateway and one scenario's request, as uvicorn would hand it over.

    Args:
        app: Running.
        body: The request's.
    """

    def __init__(self, app: Gateway, body: bytes) -> None:
        self._app = app
        self._body = body
        self.answer = b""

    async def ask(self, times: int) -> float:
        """CPU seconds of one request, over so many."""
        gc.collect()
        start = time.process_time()
        for _ in range(times):
            scope = {
                "type": "http", "method": "POST", "path": "/graphql", "root_path": "",
                "query_string": b"", "headers": [(b"content-type", b"application/json")],
            }  # fmt: skip
            await self._app(scope, self._receive, self._send)
        return (time.process_time() - start) / times

    async def _receive(self) -> dict[str, Any]:
        return {"type": "http.request", "body": self._body, "more_body": False}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        self.answer = message.get("body", b"")


def gateway(port: int, settings: Mapping[str, str]) -> Gateway:
    """The benchmarks' gateway with some settings over its own."""
    env = {"UPSTREAM": f"http://127.0.0.1:{port}", **NOTHING_SHARED, **settings}
    return Gateway(load_config(GATEWAY_CONFIG, env), GATEWAY_CONFIG.parent, env)


async def measure(
    port: int, scenario: str, settings: Sequence[Mapping[str, str]], pairs: int
) -> list[list[float]]:
    """CPU seconds of one request of each of two gateways, sampled in turns."""
    asked = SCENARIOS[scenario]
    async with AsyncExitStack() as stack:
        askers = []
        for item in settings:
            app = gateway(port, item)
            await stack.enter_async_context(app.lifespan())
            askers.append(Asker(app, asked.body))
        for asker in askers:
            await asker.ask(20)
            assert orjson.loads(asker.answer) == asked.expected
        times = max(1, int(SAMPLE_S / await askers[0].ask(20)))
        samples: list[list[float]] = [[], []]
        for number in range(pairs):
            for which in (0, 1) if number % 2 else (1, 0):
                samples[which].append(await askers[which].ask(times))
    return samples


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.micro.telemetry", description=__doc__
    )
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--cpu", type=int, default=0, help="the core to pin")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {options.cpu})
    table = Table(title="Telemetry and policies", title_justify="left")
    for column in ("case", "scenario", "with, µs", "without, µs", "ratio [95 %]", "target", ""):
        table.add_column(column, justify="left" if column in ("case", "scenario") else "right")
    tracing._otlp = lambda settings: InMemorySpanExporter()
    with upstream.started("fast", None) as port:
        for name, scenario, with_it, without, target in CASES:
            found = uvloop.run(measure(port, scenario, (with_it, without), options.pairs))
            ratio = median_of_ratios(*found)
            table.add_row(
                name,
                scenario,
                *(f"{statistics.median(series) * 1e6:,.1f}" for series in found),
                str(ratio),
                f"≤ {target}" if target else "",
                ratio.verdict(target) if target else "",
            )
    Console(width=120).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
