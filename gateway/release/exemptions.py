"""Exemptions: a setting that production must not have, and the reason why this one has it.

They stand in the values, `exemptions: [{setting: …, reason: …}]`, and the chart writes them on the Deployment: the plan
shows each, an approval covers it, the audit log and the cluster keep it. What could never be right has none. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any
from urllib.parse import urlsplit

from gateway.app.config import Config
from gateway.release.configured import pod_settings
from gateway.release.manifests import find_object
from gateway.release.model import RELEASE, Object, Target

ANNOTATION = "gateway.release/exemptions"
# Settings that are for a developer's machine: key → the value that may not be.
DEVELOPMENT: dict[str, Any] = {
    "errors.mask": False, "csrf.enabled": False, "telemetry.enabled": False, "telemetry.metrics.enabled": False,
    "http.graphiql": True, "limits.introspection": True, "limits.mode": "measure", "explain.plan_header": True,
    "explain.trace_header": "always", "authorization.directives.enabled": False,
    "authorization.directives.dry_run": True, "authentication.jwt.require_expiry": False,
    "authentication.jwt.on_error": "continue", "federation.enabled": True,
}  # fmt: skip
# Bounds of what one request may take: more than fifty times the default bounds nothing, as measuring alone does.
BOUNDS = (
    *(f"limits.{field.name}" for field in fields(Config().limits) if field.name.startswith("max_")),
    "http.max_body_bytes", "http.max_header_bytes", "server.max_unread_bytes", "server.header_timeout_s",
    "server.body_timeout_s", "server.write_timeout_s", "traffic_shaping.router.timeout_s",
    "traffic_shaping.router.max_in_flight",
)  # fmt: skip
MOST_DEFAULTS = 50
# What may be meant: an open API, a migration, a subgraph of others. The chart's schema has the same list.
EXEMPTABLE = frozenset({
    "http.graphiql", "limits.introspection", "limits.mode", "authorization.directives.dry_run",
    "authentication.jwt.on_error", "authentication.jwt.jwks.audiences", "authentication.jwt.jwks.issuers",
    "federation.enabled",
})  # fmt: skip


def exemptions(objects: Iterable[Object]) -> dict[str, str]:
    """The settings that a release exempts → their reasons."""
    deployment = find_object(objects, "Deployment", RELEASE)
    annotations = (deployment or {"metadata": {}})["metadata"].get("annotations") or {}
    try:
        found = json.loads(str(annotations.get(ANNOTATION, "[]")))
        return {str(item["setting"]): str(item["reason"]) for item in found}
    except (ValueError, TypeError, KeyError):
        return {}


def no_development(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """Settings of a developer's machine, and those that let more in than they seem to, but for what is exempted."""
    if target.environment != "production":
        return
    exempted = exemptions(objects)
    used = set()
    for pod in pod_settings(objects, target.image_config):
        for setting, problem in _weak(pod.config) if pod.config else ():
            if setting in exempted and setting in EXEMPTABLE:
                used.add(setting)
                continue
            how = "; where it is meant, `exemptions` says why" if setting in EXEMPTABLE else ""
            yield f"{pod.name}: {problem}{how}"
    for setting in sorted(set(exempted) - used):
        yield f"Deployment/{RELEASE}: {setting} is exempted and need not be: take the exemption out"


def _weak(config: Config) -> Iterator[tuple[str, str]]:
    for setting, bad in DEVELOPMENT.items():
        if at_path(config, setting) == bad:
            yield setting, f"{setting} is {str(bad).lower()} in production"
    usual = Config()
    for setting in BOUNDS:
        value, most = at_path(config, setting), MOST_DEFAULTS * at_path(usual, setting)
        if value > most:
            exempted_by = "limits.mode" if setting.startswith("limits.") else setting
            yield exempted_by, f"{setting} is {value}: more than {most:g} limits nothing"
    for number, keys in enumerate(config.authentication.jwt.jwks):
        place = f"authentication.jwt.jwks.{number}"
        if urlsplit(keys.url or "").scheme == "http":
            yield place, f"{place}.url is http: whoever stands between makes tokens"
        if not keys.audiences:
            yield (
                "authentication.jwt.jwks.audiences",
                f"{place} names no audiences: a token that was made for another service is accepted",
            )
        if not keys.issuers:
            yield (
                "authentication.jwt.jwks.issuers",
                f"{place} names no issuers: whoever signs with its keys is believed",
            )


def at_path(config: object, path: str) -> Any:
    """The value at `errors.mask` of a configuration."""
    for part in path.split("."):
        config = getattr(config, part)
    return config
