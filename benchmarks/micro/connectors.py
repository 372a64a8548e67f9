"""What connectors cost beside the network: `python -m benchmarks.micro.connectors [--pairs 20]`.

Request building, decoding, mapping, shaping and encoding of the posts-and-users workload, over a stand-in
for the network that answers at once; beside the same by hand, in interleaved pairs on one pinned core.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import orjson
from rich.console import Console
from rich.table import Table

from benchmarks.load import data
from benchmarks.load.contestants import NOTHING_SHARED
from benchmarks.micro.timing import RUNNER, measure
from benchmarks.stats import median_of_ratios
from gateway.app.config import load_config
from gateway.app.gateway import Gateway
from gateway.client.request import ClientRequest
from gateway.concurrency.awaitable import value_of
from gateway.pipeline.operation import GraphQLParams, Operation
from gateway.upstream.transport import Fetched

FOLDER = Path(__file__).resolve().parent.parent / "peers" / "gateway"
POSTS, USERS = orjson.dumps(data.posts()), orjson.dumps(data.users())
WIDE = orjson.dumps([{f"field{n}": f"value {n} of {row}" for n in range(40)} for row in range(120)])
HEADERS = [("content-type", "application/json")]


class AtOnce:
    """In the place of the network: knows two paths."""

    async def fetch(self, request: Any, _context: Any) -> Fetched:
        return Fetched(200, HEADERS, POSTS if request.url.endswith("/posts") else USERS)


@contextmanager
def by_gateway(query: str) -> Iterator[Callable[[], Awaitable[bytes]]]:
    """One request from its text to its bytes, without the HTTP server."""
    config = load_config(
        FOLDER / "gateway.toml",
        {"UPSTREAM": "http://127.0.0.1:1", "GATEWAY_LOGS__ACCESS": os.devnull, **NOTHING_SHARED},
    )
    app = Gateway(config, FOLDER, {})
    lifespan = app.lifespan()
    RUNNER.run(lifespan.__aenter__())
    worker = app.worker
    started = worker.upstream
    worker.upstream = AtOnce()  # type: ignore[assignment] # only `fetch` is called
    serving = worker.serving()

    async def run() -> bytes:
        client = ClientRequest({}, request_id="r")
        context = await value_of(serving.new_context(client))
        operation = Operation(GraphQLParams(query), client, serving)
        return (await value_of(serving.pipeline.run(operation, context))).body

    try:
        yield run
    finally:
        worker.upstream = started
        RUNNER.run(lifespan.__aexit__(None, None, None))


def joined_by_hand() -> bytes:
    posts = orjson.loads(POSTS)
    rows = orjson.loads(USERS)
    users = {
        row["id"]: {"id": row["id"], "name": row["name"], "email": row["email"]} for row in rows
    }
    return orjson.dumps(
        {"data": {"posts": [
            {"id": p["id"], "userId": p["userId"], "title": p["title"], "user": users.get(p["userId"])}
            for p in posts
        ]}}
    )  # fmt: skip


def titles_by_hand() -> bytes:
    posts = orjson.loads(POSTS)
    return orjson.dumps({"data": {"posts": [{"title": post["title"]} for post in posts]}})


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.micro.connectors", description=__doc__
    )
    parser.add_argument("--pairs", type=int, default=20)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {0})
    table = Table(title="Connectors without the network", title_justify="left")
    for column in ("", "ours µs", "by hand µs", "ours / by hand [95 %]", "target", ""):
        table.add_column(column, justify="left" if not column else "right")
    three = msgspec.defstruct("Three", [(f"field{n}", str) for n in range(3)])
    decode = msgspec.json.Decoder(list[three]).decode  # type: ignore[valid-type]
    stack = ExitStack()
    cases: list[tuple[str, Any, Any, float]] = [
        (
            "posts and users",
            stack.enter_context(by_gateway(data.POSTS_AND_USERS)),
            joined_by_hand,
            0.6,
        ),
        ("titles", stack.enter_context(by_gateway(data.TITLES)), titles_by_hand, 0.6),
        (
            f"3 of 40 fields, {len(WIDE) // 1000} kB, decoding",
            lambda: decode(WIDE),
            lambda: orjson.loads(WIDE),
            0.33,
        ),
    ]
    with stack:
        measure_into(table, cases, options.pairs)
    Console(width=120).print(table)
    return 0


def measure_into(table: Table, cases: list[tuple[str, Any, Any, float]], pairs: int) -> None:
    """A row for each case."""
    for name, ours, by_hand, target in cases:
        first, second = measure(ours, by_hand, pairs)
        ratio = median_of_ratios(first, second)
        middles = (f"{sorted(s)[len(s) // 2] * 1e6:,.0f}" for s in (first, second))
        table.add_row(name, *middles, str(ratio), f"≤ {target}", ratio.verdict(target))


if __name__ == "__main__":
    sys.exit(main())
