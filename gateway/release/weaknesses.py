"""What production has and had better not: each with the setting by which it can be exempted, or not.

Settings of a developer's machine, those that let more in than they seem to, and a release that nobody would see fail.
Pure; `exemptions` decides what comes of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from gateway.app.config import Config
from gateway.auth.settings import JwksSettings
from gateway.release.configured import PodSettings, pod_settings, texts_of
from gateway.release.gates import loose_gate
from gateway.release.model import RELEASE, Object, Target
from gateway.release.production import is_seen_host


class Weakness(NamedTuple):
    """One of them.

    Attributes:
        setting: What an exemption names, `limits.mode`; of what, where there may be several.
        where: The object that it stands in, or targets.yaml.
        problem: What is wrong.
    """

    setting: str
    where: str
    problem: str


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
# What shows that pods fail: kind → the chart's value that makes one, and what is not seen without it.
_SEEN_BY = {
    "ServiceMonitor": ("metrics.serviceMonitor.enabled", "Prometheus finds no pod, and the gate of a release sees none"),
    "PrometheusRule": ("metrics.rules.enabled", "no alert fires, and users are the first to see an outage"),
}  # fmt: skip
_REDIS = ("redis", "url")


def weaknesses(objects: Sequence[Object], target: Target) -> Iterator[Weakness]:
    """Every one that production has."""
    for pod in pod_settings(objects, target.image_config):
        yield from _of_settings(pod)
        yield from _of_secrets(pod)
    for kind, (setting, unseen) in _SEEN_BY.items():
        if not any(item["kind"] == kind for item in objects):
            yield Weakness(setting, f"Deployment/{RELEASE}", f"there is no {kind}: {unseen}")
    for key, problem in loose_gate(target.gate):
        yield Weakness(f"gate.{key}", "targets.yaml", f"gate.{key} {problem}")


def _of_settings(pod: PodSettings) -> Iterator[Weakness]:
    if pod.config is None:
        return
    usual = Config()
    for setting, bad in DEVELOPMENT.items():
        if at_path(pod.config, setting) == bad:
            yield Weakness(setting, pod.name, f"{setting} is {str(bad).lower()} in production")
    for setting in BOUNDS:
        value, most = at_path(pod.config, setting), MOST_DEFAULTS * at_path(usual, setting)
        if value > most:
            by = "limits.mode" if setting.startswith("limits.") else setting
            yield Weakness(by, pod.name, f"{setting} is {value}: more than {most:g} limits nothing")
    for number, keys in enumerate(pod.config.authentication.jwt.jwks):
        yield from _of_key_set(pod.name, f"authentication.jwt.jwks.{number}", keys)


def _of_key_set(where: str, place: str, keys: JwksSettings) -> Iterator[Weakness]:
    setting, of = "authentication.jwt.jwks", keys.url or keys.file or "secret"
    if urlsplit(keys.url or "").scheme == "http":
        problem = f"{place}.url is http: whoever stands between makes tokens"
        yield Weakness(f"{setting}.url", where, problem)
    if not keys.audiences:
        problem = (
            f"{place} names no audiences: a token that was made for another service is accepted"
        )
        yield Weakness(of_which(f"{setting}.audiences", str(of)), where, problem)
    if not keys.issuers:
        problem = f"{place} names no issuers: whoever signs with its keys is believed"
        yield Weakness(of_which(f"{setting}.issuers", str(of)), where, problem)


def _of_secrets(pod: PodSettings) -> Iterator[Weakness]:
    """Where kept answers are is seen: `rediss://:${REDIS_PASSWORD}@redis.internal.example.com`."""
    variable = pod.hidden.get(_REDIS)
    written = dict(texts_of(pod.written)).get(_REDIS, "")
    if variable is not None and not is_seen_host(written, variable):
        problem = (
            f"redis.url is what the Secret behind {variable} says: nobody sees whose Redis has kept answers; write the "
            "host down and refer to a Secret for the password"
        )
        yield Weakness("redis.url", pod.name, problem)


def of_which(setting: str, of: str) -> str:
    """How one of several is named."""
    return f"{setting} of {of}" if of else setting


def at_path(config: object, path: str) -> Any:
    """The value at `errors.mask` of a configuration."""
    for part in path.split("."):
        config = getattr(config, part)
    return config
