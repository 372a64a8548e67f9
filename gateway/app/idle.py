"""Settings that have no effect as they are written: warnings of `gateway check`, and counted by a start. Pure.

Whoever writes a setting means something by it. What else it needs is looked for among the keys that are written:
a switch that is written counts as one, whatever it says, since `enabled = false` keeps a table for later and
`endpoint = "${ENDPOINT:-}"` leaves it to the environment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, Final

from gateway.app.config import Config
from gateway.errors import Diagnostic
from gateway.settings.environment import PREFIX, overlay, read_environment
from gateway.settings.hints import field_hints, is_list, item_of, table_of
from gateway.settings.mistakes import ConfigOrigin
from gateway.settings.text import Key

NEEDS: Final[dict[str, str]] = {
    "server.unix_socket_mode": "server.unix_socket",
    "server.forwarded": "server.trusted_proxies",
    "sources.*.tls_client_key": "sources.*.tls_client_cert",
    "sources.*.circuit_breaker.slow_threshold_percentage": "sources.*.circuit_breaker.slow_call_duration_s",
    "admin": "admin.keys",
    "response_cache": "sources.*.cache.enabled",
    "response_cache.tag_header": "response_cache.client_headers",
    "override.header_scope": "override.header",
    "override.header_secret_env": "override.header",
    "override.promote_when": "override.promote_when.calls",
    "override.rollback_when": "override.rollback_when.calls",
    "flags.calls": "flags.provider",
    "flags.timeout_ms": "flags.provider",
    "flags.context": "flags.file | flags.provider",
    "experiments": "experiments.file",
    "authentication.jwt": "authentication.jwt.jwks",
    "authentication.api_keys": "authentication.api_keys.file | authentication.api_keys.kind",
    "cost": "cost.mode",
    "quotas.store": "quotas.policies",
    "quotas.on_unavailable": "quotas.store",
    "quotas.timeout_s": "quotas.store",
    "quotas.address": "quotas.address.requests",
    "persisted_documents": "persisted_documents.manifest | persisted_documents.apps",
    "redis": "redis.url",
    "redis.url": "response_cache.redis.enabled | quotas.store | pubsub.kind | authentication.api_keys.kind",
    "telemetry.metrics.otlp_headers": "telemetry.metrics.otlp_endpoint",
    "telemetry.metrics.otlp_interval_s": "telemetry.metrics.otlp_endpoint",
    "telemetry.usage": "telemetry.usage.file",
    "telemetry.tracing": "telemetry.tracing.endpoint",
    "telemetry.tracing.max_objects": "telemetry.tracing.detail",
    "explain.cost_header": "cost.mode",
    "explain.trace_secret_env": "explain.trace_header",
    "explain.trace_max_age_s": "explain.trace_header",
}
"""What has no effect unless one of others is written; tables with an `enabled` that is off need that one besides."""

BOUNDED: Final[dict[str, str]] = {
    "sources.*.timeout_s": "traffic_shaping.router.timeout_s",
    "sources.*.connect_timeout_s": "sources.*.timeout_s",
    "sources.*.pool_timeout_s": "sources.*.timeout_s",
    "sources.*.circuit_breaker.slow_call_duration_s": "sources.*.timeout_s",
    "sources.*.hedge.min_delay_s": "sources.*.timeout_s",
    "sources.*.retry.base_backoff_s": "sources.*.retry.max_backoff_s",
    "sources.*.adaptive_concurrency.min_concurrency": "sources.*.max_concurrency",
    "cost.sources.*.max": "cost.max",
    "limits.max_document_bytes": "http.max_body_bytes",
    "limits.max_list_length": "limits.max_variables_nodes",
    "subscription.max_init_bytes": "subscription.max_message_bytes",
}
"""What has no effect where it is larger than another, which ends first."""

_SERVICE = re.compile(r"(?:tcp|udp|sctp)://")
"""Kubernetes sets `GATEWAY_SERVER_PORT=tcp://…` in every pod beside a Service called "gateway-server"."""


def find_idle(config: Config, origin: ConfigOrigin, env: Mapping[str, str]) -> list[Diagnostic]:
    """A warning for each setting that is written and changes nothing.

    Args:
        config: As it was read.
        origin: Where its values stand.
        env: The environment that it was read with.
    """
    above = read_environment(Config, origin.written, env).tables
    written = set(_keys_of(overlay(origin.written, above)))
    found = [*_unswitched(written, origin), *_outdone(config, written, origin)]
    return [*sorted(found, key=lambda one: one.line or 0), *_misread(env)]


def _unswitched(written: set[Key], origin: ConfigOrigin) -> Iterator[Diagnostic]:
    for pattern, needed in {**_switches(), **NEEDS}.items():
        for key in _matching(pattern, written):
            others = [_bound(other, pattern, key) for other in needed.split(" | ")]
            if not any(_matching(other, written) for other in others):
                names = [f"`{other.replace('*', 'NAME')}`" for other in others]
                missing = f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} not set"
                hint = f"set {' or '.join(names)}, or remove this"
                yield _finding(key, missing, hint, origin)


def _switches() -> dict[str, str]:
    """The tables that do nothing unless they are enabled."""
    return {
        ".".join(key): ".".join((*key, "enabled"))
        for key, table in _tables(Config, ())
        for item in fields(table)
        if item.name == "enabled" and item.default is False
    }


def _outdone(config: Config, written: set[Key], origin: ConfigOrigin) -> Iterator[Diagnostic]:
    for pattern, larger in BOUNDED.items():
        for key in _matching(pattern, written):
            other = _bound(larger, pattern, key)
            value, most = _value_at(config, key), _value_at(config, tuple(other.split(".")))
            if value is not None and most is not None and value > most:
                why = f"{value:g} is more than `{other}`, {most:g}"
                yield _finding(key, why, "make it smaller, or the other one larger", origin)


def _misread(env: Mapping[str, str]) -> Iterator[Diagnostic]:
    """Variables that would set a key, were their levels separated by two underscores."""
    forms = {
        re.compile("_".join(".+" if part == "*" else part for part in key), re.IGNORECASE): key
        for table, hint in _tables(Config, ())
        for key in ((*table, name) for name in field_hints(hint))
        if len(key) > 1
    }
    for name in sorted(env):
        rest = name[len(PREFIX) :]
        if not name.upper().startswith(PREFIX) or "__" in name or _SERVICE.match(env[name]):
            continue
        key = next((key for form, key in forms.items() if form.fullmatch(rest)), None)
        if key is not None:
            meant = PREFIX + "__".join("NAME" if one == "*" else one.upper() for one in key)
            text = f"environment variable {name} has no effect: two underscores separate the levels"
            yield Diagnostic(text, "NoEffect", hint=f"write {meant}", severity="warning")


def _finding(key: Key, why: str, hint: str, origin: ConfigOrigin) -> Diagnostic:
    file, line = origin.place(key)
    text = f"{'.'.join(key)} has no effect: {why}"
    return Diagnostic(text, "NoEffect", file, line, hint=hint, severity="warning")


def _tables(hint: Any, key: Key) -> Iterator[tuple[Key, type]]:
    """Each table of the settings, `*` for a name that is free. Those of lists are left out."""
    table = table_of(hint)
    if table is not None:
        yield key, table
        for name, inner in field_hints(table).items():
            yield from _tables(inner, (*key, name))
    elif table_of(item_of(hint)) is not None and not is_list(hint):
        yield from _tables(item_of(hint), (*key, "*"))


def _keys_of(value: Any, key: Key = ()) -> Iterator[Key]:
    """Each key that is written, and each table."""
    yield key
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _keys_of(item, (*key, name))


def _matching(pattern: str, keys: set[Key]) -> list[Key]:
    parts = pattern.split(".")
    return sorted(
        key
        for key in keys
        if len(key) == len(parts) and all(p in ("*", k) for p, k in zip(parts, key, strict=True))
    )


def _bound(other: str, pattern: str, key: Key) -> str:
    """A pattern with the names that a key has in the place of another one's `*`, as far as the two are in one table."""
    names = []
    is_beside = True
    for i, part in enumerate(other.split(".")):
        beside = pattern.split(".")[i : i + 1]
        is_beside = is_beside and beside == [part]
        names.append(key[i] if part == "*" and is_beside else part)
    return ".".join(names)


def _value_at(value: Any, key: Key) -> Any:
    for part in key:
        value = value.get(part) if isinstance(value, Mapping) else getattr(value, part)
    return value
