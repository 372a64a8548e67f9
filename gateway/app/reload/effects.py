"""What a change of a setting needs: nothing but a reload, new worker processes, or a new server.

Pure: it compares two configurations. `docs/reload.md` is made of the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from typing import Any

from gateway.app.config import Config


class Effect(Enum):
    """How a change comes into effect."""

    HOT = "hot"
    WORKERS = "workers"
    SERVER = "server"


EFFECTS: Mapping[str, Effect] = {
    "graph": Effect.HOT,
    "graph.resolvers": Effect.WORKERS,
    "server": Effect.WORKERS,
    "server.host": Effect.SERVER,
    "server.port": Effect.SERVER,
    "server.unix_socket": Effect.SERVER,
    "server.unix_socket_mode": Effect.SERVER,
    "server.workers": Effect.SERVER,
    "sources": Effect.HOT,
    "response_cache": Effect.WORKERS,
    "override": Effect.HOT,
    "override.switches": Effect.WORKERS,
    "connectors": Effect.HOT,
    "headers": Effect.HOT,
    "traffic_shaping": Effect.HOT,
    "traffic_shaping.router.max_in_flight": Effect.WORKERS,
    "traffic_shaping.router.max_eventloop_lag_ms": Effect.WORKERS,
    "authorization": Effect.WORKERS,
    "authorization.directives": Effect.HOT,
    "authorization.default_views": Effect.HOT,
    "views": Effect.HOT,
    "clients": Effect.HOT,
    "limits": Effect.HOT,
    "cost": Effect.HOT,
    "plan_cache": Effect.HOT,
    "incremental": Effect.HOT,
    "federation": Effect.HOT,
    "errors": Effect.HOT,
    "csrf": Effect.HOT,
    "cors": Effect.HOT,
    "batching": Effect.HOT,
    "compression": Effect.HOT,
    "uploads": Effect.HOT,
    "explain": Effect.HOT,
    "reload": Effect.HOT,
}
"""By table or key; the longest name counts. What has none restarts workers."""


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """A key whose value is another now.

    Attributes:
        key: As it is written, `limits.max_depth`.
        effect: What it needs.
    """

    key: str
    effect: Effect


def effect_of(key: str) -> Effect:
    """What a change of a key needs."""
    while key:
        if key in EFFECTS:
            return EFFECTS[key]
        key = key.rpartition(".")[0]
    return Effect.WORKERS


def changes_between(old: Config, new: Config) -> list[ConfigChange]:
    """The keys whose values differ."""
    return [ConfigChange(key, effect_of(key)) for key in _differing(old, new, "")]


def _differing(old: Any, new: Any, key: str) -> Iterator[str]:
    if old == new:
        return
    if is_dataclass(old) and type(old) is type(new):
        for field in fields(old):
            name = f"{key}.{field.name}" if key else field.name
            yield from _differing(getattr(old, field.name), getattr(new, field.name), name)
    elif isinstance(old, dict) and isinstance(new, dict):
        for name in dict.fromkeys((*old, *new)):
            yield from _differing(old.get(name), new.get(name), f"{key}.{name}")
    else:
        yield key


def with_hot_changes(old: Config, new: Config) -> Config:
    """The old configuration with those of the new values that need no restart."""
    merged: Config = _merged(old, new, "")
    return merged


def _merged(old: Any, new: Any, key: str) -> Any:
    if is_dataclass(old) and type(old) is type(new):
        names = {field.name: f"{key}.{field.name}" if key else field.name for field in fields(old)}
        values = {n: _merged(getattr(old, n), getattr(new, n), full) for n, full in names.items()}
        return replace(old, **values)  # type: ignore[type-var]
    return new if effect_of(key) is Effect.HOT else old
