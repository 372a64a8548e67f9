"""The scenarios as data: which query, what it must answer, and who takes part."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import orjson

from benchmarks.load import data
from benchmarks.load.measure import Contestant

ROOT = Path(__file__).resolve().parent.parent
GATEWAY = ROOT / "peers" / "gateway"


def uvicorn(app: str) -> list[str]:
    """uvicorn with one worker, fast loop and parser, without a log."""
    return [
        sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", "{port}",
        "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning",
        "--no-server-header", "--no-date-header", "--ws", "none", "--lifespan", "auto",
    ]  # fmt: skip


def by_hand(kind: str) -> Callable[[str, object], Contestant]:
    """A hand-written handler."""
    return lambda query, expected: Contestant(
        f"by hand: {kind}",
        uvicorn("benchmarks.peers.by_hand:app"),
        _body(query),
        expected,
        env={"KIND": kind, "UPSTREAM": "{upstream}"},
    )


def obvious(client: str) -> Callable[[str, object], Contestant]:
    """graphql-core + Starlette + a dataloader."""
    return lambda query, expected: Contestant(
        f"graphql-core + {client}",
        uvicorn("benchmarks.peers.obvious:app"),
        _body(query),
        expected,
        env={"CLIENT": client, "UPSTREAM": "{upstream}"},
    )


def gateway(name: str = "gateway", **settings: str) -> Callable[[str, object], Contestant]:
    """The gateway; `settings` are `GATEWAY_…` variables over the shipped configuration."""
    command = [sys.executable, "-m", "gateway", "serve", "--config", str(GATEWAY / "gateway.toml"),
               "--port", "{port}"]  # fmt: skip
    return lambda query, expected: Contestant(
        name, command, _body(query), expected, env={"UPSTREAM": "{upstream}", **settings}
    )


QUERIES: dict[str, tuple[str, object]] = {
    "posts-and-users": (data.POSTS_AND_USERS, data.joined()),
    "titles": (data.TITLES, data.titles()),
    "constant": (data.CONSTANT, {"data": {"greeting": "hello"}}),
}


def _body(query: str) -> bytes:
    return orjson.dumps({"query": query})


DEMO_QUERY = (
    "{ videos(first: 50) { edges { node { id title channel { name verified } stats { views } "
    "topic { name } } } } }"
)


def demo(backends: Mapping[str, str], expected: object) -> Contestant:
    """The gateway as `make run` starts it, over the demo's real backends."""
    command = [sys.executable, "-m", "gateway", "serve", "--config", "gateway.toml",
               "--port", "{port}"]  # fmt: skip
    env = {**backends, "GATEWAY_LOGS__ACCESS": os.devnull}
    return Contestant("gateway, demo", command, _body(DEMO_QUERY), expected, env=env)
