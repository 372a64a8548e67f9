"""What exposes the gateway, or makes its objects miss one another: policies of what may stand in production.

As in `policies`: one function, one rule, words that name the object. Pure.
"""

# ruff: noqa: ARG001 -- the rules of one table share one signature
from __future__ import annotations

import ipaddress
import math
import tomllib
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from gateway.release.manifests import (
    autoscaler_of,
    containers,
    find_object,
    key,
    pod_specs,
)
from gateway.release.model import RELEASE, Object, Target
from gateway.release.reach import egress, lets, parse_network
from gateway.release.secrets import find_secrets

# Settings that are for a developer's machine: key in gateway.toml → the value that may not be.
DEVELOPMENT: dict[str, Any] = {
    "errors.mask": False, "csrf.enabled": False, "telemetry.enabled": False, "telemetry.metrics.enabled": False,
}  # fmt: skip
# What ends in one of these changes what a request becomes on its way, out of the chart's sight.
REWRITES = (
    "-snippet", "/rewrite-target", "/permanent-redirect", "/temporal-redirect", "/app-root", "/server-alias",
)  # fmt: skip


def no_plain_secrets(objects: Sequence[Object], target: Target) -> Iterator[str]:
    yield from find_secrets(objects)


def selectors_match(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """Every selector finds pods of ours, and a pod says the place that it is in."""
    pods = {
        key(item): item["spec"]["template"].get("metadata", {}).get("labels") or {}
        for item in objects
        if item["kind"] == "Deployment" and "metadata" in item["spec"]["template"]
    }
    for name, have in pods.items():
        wanted = find_object(objects, *name.split("/"))["spec"]["selector"].get("matchLabels", {})  # type: ignore[index]
        if not wanted.items() <= have.items():
            yield f"{name}: its selector does not match its own pods"
        for what, value in (("environment", target.environment), ("region", target.region)):
            if have.get(what, value) != value:
                yield f"{name}: its pods say {what} {have[what]!r}, the target is {value!r}"
    for item in objects:
        chosen = _selector(item)
        if chosen and pods and not any(chosen.items() <= have.items() for have in pods.values()):
            yield f"{key(item)}: its selector matches no pod of this release"


def _selector(item: Object) -> dict[str, str]:
    spec = item.get("spec") or {}
    if item["kind"] == "Service":
        found = spec.get("selector")
    elif item["kind"] == "NetworkPolicy":
        found = spec.get("podSelector", {}).get("matchLabels")
    elif item["kind"] == "PodDisruptionBudget":
        found = spec.get("selector", {}).get("matchLabels")
    else:
        found = None
    return found or {}


def budget_keeps_half(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """What a node drain may take at once, of the fewest pods that there are: half at most."""
    budget = find_object(objects, "PodDisruptionBudget", RELEASE)
    deployment = find_object(objects, "Deployment", RELEASE)
    if budget is None or deployment is None:
        return
    scaler = autoscaler_of(objects, RELEASE)
    least = (
        scaler["spec"].get("minReplicas", 1) if scaler else deployment["spec"].get("replicas", 1)
    )
    given = budget["spec"].get("maxUnavailable", 0)
    # Kubernetes rounds a percentage up.
    taken = (
        math.ceil(int(given[:-1]) * int(least) / 100)
        if isinstance(given, str) and given.endswith("%")
        else int(given)
    )
    if taken * 2 > int(least):
        yield f"{key(budget)}: lets {taken} of {least} pods go at once, more than half"


def known_registries(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """Images come from where targets.yaml says; a name without a host is the cluster's default registry's."""
    if not target.registries:
        return
    for name, spec in pod_specs(objects):
        for container in containers(spec):
            image = str(container["image"])
            head, slash, _ = image.partition("/")
            if not (slash and ("." in head or ":" in head or head == "localhost")):
                continue
            repository = image.partition("@")[0]
            repository = (
                repository[: repository.rindex(":")]
                if ":" in repository.rpartition("/")[2]
                else repository
            )
            if not any(
                repository == allowed or repository.startswith(f"{allowed}/")
                for allowed in target.registries
            ):
                yield f"{name}: image {image!r} comes from none of {', '.join(target.registries)}"


def each_variable_once(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """The second of two equal names would win over what the chart sets for probes, ports and draining."""
    for name, spec in pod_specs(objects):
        for container in containers(spec):
            names = [variable["name"] for variable in container.get("env", [])]
            for twice in sorted({item for item in names if names.count(item) > 1}):
                yield f"{name}: {twice} is set twice"


def patient_liveness(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """A pod that is busy for a moment is not killed for it."""
    for name, spec in pod_specs(objects):
        for container in spec["containers"]:
            probe = container.get("livenessProbe") or {}
            patience = int(probe.get("periodSeconds", 10)) * int(probe.get("failureThreshold", 3))
            if patience < 10:
                yield f"{name}: container {container['name']} is killed after {patience} s without an answer"


def closed_production(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """Production is reached by its ingress over TLS, and by nothing else."""
    if target.environment != "production":
        return
    for item in objects:
        spec = item.get("spec") or {}
        if item["kind"] == "Service" and spec.get("type", "ClusterIP") != "ClusterIP":
            yield f"{key(item)}: type {spec['type']} is reached past the ingress"
        if item["kind"] == "Service" and spec.get("externalIPs"):
            yield f"{key(item)}: externalIPs are reached past the ingress"
        if item["kind"] == "Ingress" and spec and not spec.get("tls"):
            yield f"{key(item)}: no TLS in production"
        if item["kind"] == "NetworkPolicy":
            yield from _open_to_all(item)
        if item["kind"] in ("Ingress", "Service", "HTTPRoute"):
            for name in item["metadata"].get("annotations") or {}:
                if name.endswith(REWRITES):
                    yield f"{key(item)}: the annotation {name} changes requests on their way"
    for name, spec in pod_specs(objects):
        for container in containers(spec):
            if container.get("imagePullPolicy") == "Never":
                yield f"{name}: pullPolicy Never: a new node never gets the image"


def _open_to_all(policy: Object) -> Iterator[str]:
    for rule in (policy.get("spec") or {}).get("ingress") or []:
        ports = ", ".join(str(port.get("port")) for port in rule.get("ports", [])) or "every port"
        if not rule.get("from"):
            yield f"{key(policy)}: {ports} is open to every pod of the cluster"


def no_development(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """Settings of a developer's machine, in gateway.toml or as variables."""
    if target.environment != "production":
        return
    for name, settings in settings_of(objects):
        for path, bad in DEVELOPMENT.items():
            if _at(settings, path) is bad:
                yield f"{name}: {path} is {str(bad).lower()} in production"
        for policy in _at(settings, "cors.policies") or []:
            anyone = {"*", ".*", "^.*$", ".+"} & {
                *policy.get("origins", []),
                *policy.get("match_origins", []),
            }
            if anyone and policy.get("allow_credentials"):
                yield f"{name}: cors.policies lets pages of every origin use a user's credentials"


def reachable_sources(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """A source's URL is one, on a host that targets.yaml knows, at an address and port that pods may connect to."""
    rules = egress(objects)
    for name, settings in settings_of(objects):
        for source, table in (settings.get("sources") or {}).items():
            url = table.get("url") if isinstance(table, dict) else None
            if isinstance(url, str) and "${" not in url:
                for problem in _url_problems(url, target, rules):
                    yield f"{name}: sources.{source}.url {_shown(url)} {problem}"
            if isinstance(table, dict) and table.get("tls_verify") is False and _is_remote(target):
                yield f"{name}: sources.{source}.tls_verify is false: anybody between may answer for it"


def _is_remote(target: Target) -> bool:
    return target.environment != "dev"


def _shown(url: str) -> str:
    """A URL without what may be secret in it."""
    return repr(url.split("?")[0].rpartition("@")[2])


def _url_problems(url: str, target: Target, rules: set[Any]) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        yield "is not a URL"
        return
    if parts.scheme not in ("http", "https") or not host:
        yield "is not an http or https URL with a host"
        return
    if not _is_remote(target):
        return
    port = port or (443 if parts.scheme == "https" else 80)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    if host == "localhost" or (address and (address.is_loopback or address.is_unspecified)):
        yield "is the pod itself, where no source runs"
        return
    if target.source_hosts and not any(_fits(host, known) for known in target.source_hosts):
        yield f"is on none of the hosts that targets.yaml knows: {', '.join(target.source_hosts)}"
    if not rules:
        return
    if address is not None and not lets(rules, parse_network(host), port):
        yield "is where the NetworkPolicy lets no pod connect to"
    elif port not in {allowed for _, allowed in rules}:
        yield f"has port {port}, to which the NetworkPolicy lets no pod connect"


def _fits(host: str, known: str) -> bool:
    """`.example.com` is every name below it."""
    return host == known or (known.startswith(".") and host.endswith(known))


def settings_of(objects: Sequence[Object]) -> Iterator[tuple[str, dict[str, Any]]]:
    """gateway.toml of each ConfigMap, and the variables that lie over it, as tables."""
    for item in objects:
        text = item.get("data", {}).get("gateway.toml") if item["kind"] == "ConfigMap" else None
        if text is not None:
            try:
                yield key(item), tomllib.loads(text)
            except tomllib.TOMLDecodeError:
                continue  # said by `find_secrets`
    for name, spec in pod_specs(objects):
        tables: dict[str, Any] = {}
        for container in containers(spec):
            for variable in container.get("env", []):
                path = str(variable["name"]).removeprefix("GATEWAY_").lower().split("__")
                if variable["name"].startswith("GATEWAY_") and len(path) > 1:
                    _put(tables, path, variable.get("value"))
        yield name, tables


def _put(tables: dict[str, Any], path: Sequence[str], text: Any) -> None:
    *above, last = path
    for part in above:
        below = tables.get(part)
        tables[part] = below if isinstance(below, dict) else {}
        tables = tables[part]
    value = {"true": True, "1": True, "false": False, "0": False}.get(str(text).lower(), text)
    tables[last] = value


def _at(tables: Any, path: str) -> Any:
    for part in path.split("."):
        tables = tables.get(part) if isinstance(tables, dict) else None
    return tables
