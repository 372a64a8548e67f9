"""Whole requests for the guard, each with bytes of its own, over the ASGI adapter: no network, no event loop's I/O.

The sides that are compared have this suite and their own gateway: nothing is used here but what a host
application has, `gateway.create_app` and ASGI.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import orjson

from benchmarks.load.traffic import COUNTER, varied_body, varied_requests
from benchmarks.micro.timing import RUNNER
from gateway.app.gateway import create_app

FOLDER = Path(__file__).resolve().parent.parent / "peers" / "gateway"
SETTINGS = {"UPSTREAM": "http://127.0.0.1:1", "GATEWAY_LOGS__ACCESS": os.devnull}


@dataclass(frozen=True, slots=True)
class Served:
    """One kind of request.

    Attributes:
        name: As it is printed.
        ours: Answers the next one.
        lifespan: Of its application, which ends when nobody has it any more.
    """

    name: str
    ours: Callable[[], Awaitable[Any]]
    lifespan: Any


def served(name: str, query: str, answer: str) -> Served:
    """Requests for a query, in which COUNTER may stand; the first two answers are checked."""
    os.environ.update(SETTINGS)
    app: Any = create_app(FOLDER / "gateway.toml")
    lifespan = app.lifespan()
    RUNNER.run(lifespan.__aenter__())
    scopes = make_scopes(orjson.dumps({"query": query}))

    async def run() -> bytes:
        scope, messages = next(scopes)
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return messages.pop()

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await app(scope, receive, send)
        body: bytes = sent[1]["body"]
        return body

    for number in (1, 2):
        found, wanted = RUNNER.run(run()).decode(), answer.replace(COUNTER, str(number))
        assert found == wanted, found
    return Served(name, run, lifespan)


def make_scopes(body: bytes) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """ASGI's form of varied requests: the scope, and what is received in it, last first."""
    text = varied_body(body)
    for number, whole in zip(
        count(1), varied_requests(body, "/graphql", "localhost"), strict=False
    ):
        lines = whole.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
        pairs = [line.split(b": ", 1) for line in lines]
        scope = {
            "type": "http", "method": "POST", "path": "/graphql", "root_path": "", "query_string": b"",
            "headers": [(name.lower(), value) for name, value in pairs], "client": ("127.0.0.1", 1),
        }  # fmt: skip
        sent = text.replace(COUNTER.encode(), b"%d" % number)
        yield scope, [{"type": "http.disconnect"}, {"type": "http.request", "body": sent}]


SERVED: tuple[Callable[[], Served], ...] = (
    lambda: served("a varied request", "{ greeting }", '{"data":{"greeting":"hello"}}'),
    lambda: served(
        "a cold plan", f"{{ a{COUNTER}: greeting }}", f'{{"data":{{"a{COUNTER}":"hello"}}}}'
    ),
)
