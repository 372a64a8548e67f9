"""What exposes the gateway, or makes its objects miss one another: policies of what may stand in production.

As in `policies`: one function, one rule, words that name the object. Pure.
"""

# ruff: noqa: ARG001 -- the rules of one table share one signature
from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from gateway.release.images import full_name
from gateway.release.manifests import (
    autoscaler_of,
    containers,
    find_object,
    key,
    pod_specs,
)
from gateway.release.model import RELEASE, Object, Target
from gateway.release.reach import may_come
from gateway.release.secrets import find_secrets

# What pods are run with that the Pod Security Standard refuses, by annotations that are older than its fields.
_UNCONFINED = re.compile(r"(apparmor|seccomp)\.security\.(beta|alpha)\.kubernetes\.io/")


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
    """Images come from where targets.yaml says; a name without a host is that of its `registry`."""
    if not target.registries:
        return
    for name, spec in pod_specs(objects):
        for container in containers(spec):
            image = str(container["image"])
            repository = full_name(image, target.registry)
            if repository is None:
                yield f"{name}: image {image!r} is no name of an image: lower case, and no part that is empty or dots"
            elif not any(
                repository == allowed or repository.startswith(f"{allowed}/")
                for allowed in target.registries
            ):
                bare = f", which is {repository}," if not image.startswith(repository) else ""
                yield f"{name}: image {image!r}{bare} comes from none of {', '.join(target.registries)}"


# Seconds that a pod may give no answer before each probe acts: less, and one slow moment is an outage of every pod.
_LEAST_PATIENCE = {
    "livenessProbe": (10, "is killed"),
    "readinessProbe": (3, "is sent nothing more"),
    "startupProbe": (30, "is given up at its start"),
}


def patient_probes(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """A pod that is busy for a moment is neither killed nor left alone for it."""
    for name, spec in pod_specs(objects):
        for container in spec["containers"]:
            for kind, (least, what) in _LEAST_PATIENCE.items():
                probe = container.get(kind)
                if probe is None:
                    continue
                patience = int(probe.get("periodSeconds", 10)) * int(
                    probe.get("failureThreshold", 3)
                )
                if patience < least:
                    yield f"{name}: container {container['name']} {what} after {patience} s without an answer"


def confined_pods(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """No annotation of a pod takes its confinement away."""
    for item in objects:
        template = (item.get("spec") or {}).get("template") or {}
        for name, value in ((template.get("metadata") or {}).get("annotations") or {}).items():
            if _UNCONFINED.search(name) and not str(value).startswith(
                ("runtime/default", "localhost/")
            ):
                yield f"{key(item)}: the annotation {name} takes the pods' confinement away"


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
            yield from _strange_callers(item, target)
        if item["kind"] == "HTTPRoute":
            yield from _strange_parents(item, target)
    for name, spec in pod_specs(objects):
        for container in containers(spec):
            if container.get("imagePullPolicy") == "Never":
                yield f"{name}: pullPolicy Never: a new node never gets the image"


def _strange_parents(route: Object, target: Target) -> Iterator[str]:
    """A route is no way past the ingress: each parent is a listener that targets.yaml knows to have TLS."""
    for ref in (route.get("spec") or {}).get("parentRefs") or []:
        parts = (ref.get("namespace") or target.namespace, ref["name"], ref.get("sectionName"))
        if not all(parts):
            yield f"{key(route)}: its parent {ref['name']} has no sectionName: listeners without TLS serve it too"
        elif (parent := "/".join(map(str, parts))) not in target.listeners:
            yield f"{key(route)}: its parent {parent} is none of `listeners` in targets.yaml, which have TLS"


def _open_to_all(policy: Object) -> Iterator[str]:
    for rule in (policy.get("spec") or {}).get("ingress") or []:
        ports = ", ".join(str(port.get("port")) for port in rule.get("ports", [])) or "every port"
        if not rule.get("from"):
            yield f"{key(policy)}: {ports} is open to every pod of the cluster"


def _strange_callers(policy: Object, target: Target) -> Iterator[str]:
    """Whoever may connect is believed about clients' addresses: no namespace that anybody may start pods in."""
    for caller in sorted(may_come([policy]) or ()):
        namespace = caller.removeprefix("ingress/").partition(":")[0]
        if namespace not in ("*", *target.namespaces):
            yield (
                f"{key(policy)}: pods of namespace {namespace} may connect, which is none of `namespaces` in targets.yaml: "
                "what they say of a client's address is believed"
            )
