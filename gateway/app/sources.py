"""The sources of one worker by its settings: how each is called, whose calls are shared, where answers are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from gateway.app.config import Config
from gateway.upstream.cache.memory import MemoryCache
from gateway.upstream.cache.shared_tier import SharedTier
from gateway.upstream.client import Upstream
from gateway.upstream.hooks import HookedUpstream, SourceHooks
from gateway.upstream.policy.counters import Counters
from gateway.upstream.settings import SourceSettings
from gateway.upstream.transport import Transport

if TYPE_CHECKING:
    from redis.asyncio import Redis


def make_upstream(
    config: Config,
    declared: Collection[str],
    transports: Mapping[str, Transport],
    hooks: SourceHooks | None,
    redis: Redis | None,
    *,
    is_measured: bool,
) -> Upstream:
    """The sources, on the worker's event loop.

    Args:
        config: The whole.
        declared: Names of the sources of the schema.
        transports: By source name, in place of those that lead to the network.
        hooks: Of sources; None without.
        redis: A client, where the configuration asks for one.
        is_measured: Whether somebody reads how long calls take.
    """
    make = Upstream if hooks is None else partial(HookedUpstream, hooks)
    made: Upstream = make(
        upstream_settings(config, declared),
        Counters(is_measured=is_measured),
        config.response_cache,
        transports,
    )
    made.shared = make_shared_tier(config, made.memory, redis)
    return made


def unshared_sources(config: Config, declared: Iterable[str]) -> dict[str | None, str]:
    """The sources whose calls are one client's own, and why; "" is what has none.

    Args:
        config: The whole.
        declared: Names of the sources of the schema.
    """
    found: dict[str | None, str] = {}
    for name in (*declared, ""):
        if name in config.sources and not config.sources[name].dedupe_enabled:
            found[name] = f"sources.{name}.dedupe_enabled is false"
        elif config.headers.propagates(name):
            source = f"sources.{name}" if name in config.headers.sources else "all"
            found[name] = f"headers.{source}.response gives headers of its answers to the client"
    return found


def upstream_settings(config: Config, declared: Collection[str]) -> dict[str, SourceSettings]:
    """The settings of each source for one worker. Calls that are one client's own are not shared."""
    unshared = unshared_sources(config, declared)
    found = {}
    for name in dict.fromkeys((*declared, *(name for name in unshared if name is not None))):
        settings = config.sources.get(name, SourceSettings()).for_worker(config.server.workers)
        found[name] = replace(settings, dedupe_enabled=False) if name in unshared else settings
    return found


def make_shared_tier(
    config: Config, memory: MemoryCache, client: Redis | None
) -> SharedTier | None:
    """The tier behind a worker's memory, on its event loop; None without one.

    Args:
        config: The whole.
        memory: What the worker keeps, of which other pods' purges are true too.
        client: Of Redis; there where the configuration asks for it.
    """
    settings = config.response_cache.redis
    if not settings.enabled:
        return None
    assert client is not None

    redis, clock = config.redis, asyncio.get_running_loop().time
    return SharedTier(client, settings, redis.prefix, redis.timeout_s, memory.drop, clock=clock)
