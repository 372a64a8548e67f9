"""Settings and places of pods by which production would serve next to nobody, though every pod is ready.

As in `policies`: one function, one rule, words that name the object. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from gateway.release.configured import PodSettings, pod_settings
from gateway.release.manifests import find_object, key, pod_specs
from gateway.release.model import RELEASE, Object, Target
from gateway.release.weaknesses import at_path

# Below these an ordinary client's ordinary request is refused or cut off. Seconds, bytes and counts.
LEAST: dict[str, float] = {
    "server.max_connections": 100, "server.header_timeout_s": 1, "server.body_timeout_s": 1,
    "server.write_timeout_s": 1, "server.max_unread_bytes": 1_000_000, "server.keepalive_s": 60,
    "traffic_shaping.router.max_in_flight": 32, "traffic_shaping.router.timeout_s": 0.5,
    "http.max_body_bytes": 10_000, "http.max_header_bytes": 4096, "subscription.max_connections": 100,
    "limits.max_document_bytes": 1000, "limits.max_tokens": 100, "limits.max_depth": 4,
    "limits.max_selections": 100, "limits.max_work": 1000, "limits.max_variables_nodes": 10,
    "limits.max_response_nodes": 1000, "limits.max_response_bytes": 100_000, "plan_cache.max_entries": 10,
}  # fmt: skip
# 0 means another bound, or none.
BY_ZERO = frozenset({"server.max_connections", "traffic_shaping.router.max_in_flight"})
# The alerts look at a minute: four samples in it are enough for a rate, whatever one of them misses.
MOST_SCRAPE_S = 15
TOPOLOGIES = frozenset({"topology.kubernetes.io/zone", "kubernetes.io/hostname"})
_GONE = re.compile(r"node\.kubernetes\.io/(not-ready|unreachable)$")
_SECONDS = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def settings_serve(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """Limits let ordinary requests through, and the endpoint is where clients ask."""
    if target.environment != "production":
        return
    for pod in pod_settings(objects, target.image_config):
        if pod.config is None:
            continue
        for path, least in LEAST.items():
            value = at_path(pod.config, path)
            if value < least and not (value == 0 and path in BY_ZERO):
                yield f"{pod.name}: {path} is {value}: less than {least:g} serves next to nobody"
        for name, source in pod.config.sources.items():
            if source.timeout_s < 0.05:
                yield f"{pod.name}: sources.{name}.timeout_s is {source.timeout_s}: no call ends in that"
        yield from _asked_elsewhere(pod, target)


def _asked_elsewhere(pod: PodSettings, target: Target) -> Iterator[str]:
    smoke = urlsplit(target.smoke or "")
    if pod.config is None or smoke.hostname in (None, "127.0.0.1", "localhost", "::1"):
        return
    if pod.config.server.path != smoke.path:
        yield (
            f"{pod.name}: server.path is {pod.config.server.path}, and clients ask for {smoke.path}, "
            "the path of the smoke URL in targets.yaml"
        )


def pods_leave_dead_nodes(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """Pods are replaced where a node is gone, and not at the first moment in which it does not answer."""
    for name, spec in pod_specs(objects):
        for toleration in spec.get("tolerations") or []:
            yield from _tolerates_death(name, toleration)
        priority = str(spec.get("priorityClassName", ""))
        if target.environment == "production" and not priority and name == f"Deployment/{RELEASE}":
            yield f"{name}: no priorityClassName: where a node is full, pods of any other class push these out"
        if priority.startswith("system-"):
            yield f"{name}: priorityClassName {priority} takes the place of what the cluster itself needs"


def pods_are_spread(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """One zone or one node that goes takes a part of the pods, and not all of them."""
    deployment = find_object(objects, "Deployment", RELEASE)
    if target.environment != "production" or deployment is None:
        return
    constraints = deployment["spec"]["template"]["spec"].get("topologySpreadConstraints") or []
    spread = {str(item.get("topologyKey")) for item in constraints if item.get("labelSelector")}
    for name in sorted(TOPOLOGIES - spread):
        yield f"{key(deployment)}: no topology spread over {name}: all pods may stand in one place"


def _tolerates_death(name: str, toleration: Mapping[str, Any]) -> Iterator[str]:
    taint, seconds = str(toleration.get("key") or ""), toleration.get("tolerationSeconds")
    if toleration.get("effect") in ("NoSchedule", "PreferNoSchedule"):
        return
    if not taint and seconds is None:
        yield f"{name}: a toleration of every taint keeps pods on nodes that are gone"
    elif (not taint or _GONE.match(taint)) and not 30 <= int(
        seconds if seconds is not None else -1
    ) <= 900:
        yield (
            f"{name}: the toleration of {taint or 'every taint'} for {'ever' if seconds is None else f'{seconds} s'}: "
            "pods leave a node that is gone after 30 s at least, and 900 s at most"
        )


def alerts_see(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """Prometheus asks often enough for rates over a minute."""
    if target.environment != "production":
        return
    for item in objects:
        endpoints = item["spec"].get("endpoints", []) if item["kind"] == "ServiceMonitor" else []
        for endpoint in endpoints:
            found = _SECONDS.fullmatch(str(endpoint.get("interval", "30s")))
            hours, minutes, seconds = (
                (int(part or 0) for part in found.groups()) if found else (1, 0, 0)
            )
            if 3600 * hours + 60 * minutes + seconds > MOST_SCRAPE_S:
                yield f"{key(item)}: interval {endpoint.get('interval')}: the alerts need a sample every {MOST_SCRAPE_S} s"
