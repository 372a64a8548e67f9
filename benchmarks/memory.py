"""What an operation allocates, by tracemalloc: what its plan keeps, its peak, and what requests leave behind.

The gateway runs in this process; tracemalloc makes it slow, so nothing here is timed.
"""

from __future__ import annotations

import asyncio
import gc
import os
import tracemalloc
from contextlib import ExitStack
from pathlib import Path
from unittest import mock

from benchmarks.load import upstream
from benchmarks.load.scenarios import COUNTER
from benchmarks.profile import NotProfiledError, Subject
from gateway.cli.options import read_config
from gateway.testing import GatewayClient

REQUESTS = 100
SHOWN = 15


def report(subject: Subject) -> str:
    """The text for a terminal. Errors: NotProfiledError, ConfigError."""
    with ExitStack() as stack:
        port = stack.enter_context(upstream.started(subject.scenario.upstream, None))
        address = {"UPSTREAM": f"http://127.0.0.1:{port}", "GATEWAY_LOGS__ACCESS": os.devnull}
        address |= subject.env
        stack.enter_context(mock.patch.dict(os.environ, address))
        options = dict(zip(subject.options[::2], subject.options[1::2], strict=True))
        schema = [Path(path) for flag, path in zip(subject.options[::2], subject.options[1::2], strict=True) if flag == "--schema"]  # fmt: skip
        config = Path(options["--config"]) if "--config" in options else None
        return asyncio.run(_measure(subject, *read_config(config, schema)))


async def _measure(subject: Subject, config: object, base: Path) -> str:
    query = subject.scenario.query.replace(COUNTER, "1")
    async with GatewayClient(config, base=base) as client:  # type: ignore[arg-type]
        await client.execute("{ __typename }")
        tracemalloc.start()
        first = await client.execute(query)
        if first.errors:
            raise NotProfiledError(f"the operation has errors: {first.errors}")
        del first
        empty = _snapshot()
        await client.execute(query)
        gc.collect()
        rest, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        size = len((await client.http.post(client.app.config.server.path, json={"query": query})).content)  # fmt: skip
        _, peak = tracemalloc.get_traced_memory()
        before = _snapshot()
        for _ in range(REQUESTS):
            await client.execute(query)
        after = _snapshot()
        tracemalloc.stop()
    left = sum(item.size_diff for item in after.compare_to(before, "filename"))
    lines = [
        f"{subject.scenario.name}: answer of {size:,} bytes",
        f"peak of one request above rest: {peak - rest:,} bytes",
        f"left behind by {REQUESTS} requests: {left / REQUESTS:,.0f} bytes each",
        "",
        "kept after the first request (the plan, its code, connections):",
        *_top(empty),
    ]
    return "\n".join(lines)


def _snapshot() -> tracemalloc.Snapshot:
    gc.collect()
    return tracemalloc.take_snapshot().filter_traces(
        [tracemalloc.Filter(inclusive=False, filename_pattern=tracemalloc.__file__)]
    )


def _top(snapshot: tracemalloc.Snapshot) -> list[str]:
    found = snapshot.statistics("lineno")[:SHOWN]
    return [f"  {item.size:>10,} bytes in {item.count:>6,} blocks  {item.traceback[0]}" for item in found]  # fmt: skip
