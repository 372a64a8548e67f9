"""Who takes part: the command that starts each server, and in which scenarios it stands."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPOSITORY = ROOT.parent
GATEWAY_CONFIG = ROOT / "peers" / "gateway" / "gateway.toml"
NODE = ROOT / "peers" / "node"
GLIBC = ROOT / "peers" / "glibc" / "lib"
TAILCALL_GLIBC = (2, 39)  # as peers/glibc.sh says
MAIN = "posts-and-users"
PACED = ("Mercurius, JIT",)

FAMILIES = {
    "ours": "the gateway",
    "hand": "hand-written handlers for this one query",
    "python": "GraphQL servers in Python",
    "node": "GraphQL servers in JavaScript",
    "native": "GraphQL gateways in native code",
    "floor": "the HTTP server alone",
}


@dataclass(frozen=True, slots=True)
class Contestant:
    """One server.

    Attributes:
        name: In tables.
        family: A key of FAMILIES.
        command: Arguments; `{port}`, `{upstream}` and `{scenario}` are filled in, and in `env` too.
        only: Names of the scenarios that it stands in; empty: all.
        quick: Whether it stands in the quick run.
        paced: Whether it is also loaded at constant rates.
        unavailable: Why it cannot run here, or "".
        cwd: Where it is started: what Python imports from there comes first.
    """

    name: str
    family: str
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    only: frozenset[str] = frozenset()
    quick: bool = False
    paced: bool = False
    unavailable: str = ""
    cwd: Path = REPOSITORY
    path: str = "/graphql"


def uvicorn(app: str) -> list[str]:
    """uvicorn with one worker, fast loop and parser, without a log."""
    return [
        sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", "{port}",
        "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning",
        "--no-server-header", "--no-date-header", "--ws", "none", "--lifespan", "auto",
    ]  # fmt: skip


NOTHING_SHARED = {
    "GATEWAY_TRAFFIC_SHAPING__ROUTER__DEDUPE__ENABLED": "false",
    **{
        f"GATEWAY_SOURCES__{name}__DEDUPE_ENABLED": "false" for name in ("API", "PEOPLE", "NUMBERS")
    },
}


# Answers are kept for ten seconds: nginx says nothing of caching.
KEPT = {
    f"GATEWAY_SOURCES__{name}__CACHE__{member}": value
    for name in ("API", "PEOPLE", "NUMBERS")
    for member, value in (("ENABLED", "true"), ("TTL_S", "10"))
}

# Traces are configured, and none of the load's is wanted: every request brings one that its client does not record.
UNSAMPLED = {
    "GATEWAY_TELEMETRY__TRACING__ENDPOINT": "http://127.0.0.1:9/v1/traces",
    "GATEWAY_TELEMETRY__TRACING__SAMPLE_RATIO": "0",
    "GATEWAY_TELEMETRY__TRACING__SLOW_THRESHOLD_MS": "60000",
}


def gateway(name: str = "gateway", *only: str, **settings: str) -> Contestant:
    """The gateway; `settings` are `GATEWAY_…` variables over the shipped configuration."""
    command = [sys.executable, "-m", "gateway", "serve", "--config", str(GATEWAY_CONFIG), "--port", "{port}"]  # fmt: skip
    env = {"UPSTREAM": "{upstream}", **settings}
    return Contestant(name, "ours", command, env, frozenset(only), quick=True)


def by_hand(kind: str, *only: str, quick: bool = False) -> Contestant:
    """A hand-written handler."""
    env = {"KIND": kind, "UPSTREAM": "{upstream}", "SCENARIO": "{scenario}"}
    command = uvicorn("benchmarks.peers.by_hand:app")
    return Contestant(f"by hand: {kind}", "hand", command, env, frozenset(only), quick)


def python_peer(
    name: str, app: str, *only: str, client: str = "aiohttp", quick: bool = False
) -> Contestant:
    """A GraphQL server in Python under uvicorn."""
    env = {"CLIENT": client, "UPSTREAM": "{upstream}"}
    return Contestant(
        name, "python", uvicorn(f"benchmarks.peers.{app}:app"), env, frozenset(only), quick
    )


def node_peer(name: str, script: str, *only: str, **extra: str) -> Contestant:
    """A server in JavaScript; unavailable without node and the installed packages."""
    program = shutil.which("node")
    reason = "" if program else "node is not installed"
    if program and not (NODE / "node_modules").exists():
        reason = "its packages are not installed (make bench-peers)"
    env = {"UPSTREAM": "{upstream}", "PORT": "{port}", "NODE_ENV": "production", **extra}
    command = [program or "node", str(NODE / script)]
    return Contestant(name, "node", command, env, frozenset(only), unavailable=reason)


def tailcall() -> Contestant:
    """Tailcall's binary from npm, by the C library that glibc.sh fetched where the machine's is too old for it."""
    binary = NODE / "node_modules" / "@tailcallhq" / "core-linux-x64-gnu" / "bin" / "tailcall"
    program = [str(binary)]
    reason = "" if binary.exists() else "its package is not installed (make bench-peers)"
    _, version = platform.libc_ver()
    found = tuple(int(part) for part in version.split(".") if part.isdigit())
    if found < TAILCALL_GLIBC:
        loader = GLIBC / "ld-linux-x86-64.so.2"
        program = [str(loader), "--library-path", str(GLIBC), *program]
        if not reason and not loader.exists():
            needed = ".".join(map(str, TAILCALL_GLIBC))
            reason = f"its binary needs glibc {needed}; this is {version or 'another C library'} (make bench-peers)"
    command = [sys.executable, "-m", "benchmarks.peers.tailcall", "{port}", "{upstream}", *program]
    return Contestant("Tailcall", "native", command, unavailable=reason)


def contestants() -> list[Contestant]:
    """Everybody, ourselves first."""
    floor = Contestant(
        "uvicorn: constant",
        "floor",
        uvicorn("benchmarks.peers.by_hand:app"),
        {"KIND": "constant", "UPSTREAM": "{upstream}", "SCENARIO": "{scenario}"},
        frozenset((MAIN, "constant")),
        quick=True,
    )
    few = (MAIN, "constant", "cold-plans")
    typed = (MAIN, "titles", "wide-list", "large-body", "three-sources")
    everybody = [
        gateway(**NOTHING_SHARED),
        gateway("gateway: shared", MAIN, "wide-list", "slow-backends", "popular-pages"),
        gateway("gateway: cached", MAIN, "literals", "popular-pages", **KEPT),
        gateway("gateway: traced", MAIN, "constant", **NOTHING_SHARED, **UNSAMPLED),
        by_hand("bare", quick=True),
        by_hand("aiohttp", MAIN),
        by_hand("typed", *typed),
        by_hand("shared", MAIN),
        floor,
        python_peer("graphql-core + aiohttp", "obvious", quick=True),
        python_peer("graphql-core + httpx", "obvious", MAIN, client="httpx"),
        python_peer("Strawberry", "strawberry_peer", *few),
        python_peer("Ariadne", "ariadne_peer", *few),
        node_peer("Mercurius, JIT", "mercurius.mjs"),
        node_peer("Yoga, graphql-jit", "yoga.mjs", JIT="1"),
        node_peer("Yoga", "yoga.mjs", MAIN),
        node_peer("Apollo Server", "apollo.mjs", *few),
        tailcall(),
    ]
    return [replace(one, paced=one.quick or one.name in PACED) for one in everybody]
