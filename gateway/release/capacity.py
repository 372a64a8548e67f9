"""What a release takes of a pod's size and of the room above it: half at most, as of the pods themselves. Pure."""

# ruff: noqa: ARG001 -- the rules of one table share one signature
from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from gateway.release.configured import pod_settings
from gateway.release.manifests import autoscaler_of, containers, find_object, key, pod_specs
from gateway.release.model import RELEASE, Facts, Object, Refusal, Target

UNITS = {
    "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40,
}  # fmt: skip

# A worker of a small schema takes half of this.
LEAST_WORKER_BYTES = 96 * 2**20
# How long a pod that answers no more may go on being sent requests.
MOST_UNREADY_S = 60
# How long the load is low before pods are taken away.
LEAST_LULL_S = 60


def quantity(text: Any) -> float:
    """A Kubernetes quantity, `500m` or `1Gi`. Errors: ValueError."""
    given = str(text)
    digits = given.rstrip("mkKMGTi")
    return float(digits) * UNITS[given[len(digits) :]]


def nothing_shrunk(objects: Sequence[Object], target: Target, facts: Facts) -> Iterator[Refusal]:
    """Pods keep half of their CPU, memory and room for requests at least, and the autoscaler half of its maximum."""
    before = _sizes(facts.running.objects if facts.running else ())
    for what, after in _sizes(objects).items():
        if what in before and after * 2 < before[what]:
            yield Refusal(
                "CapacityHalved",
                f"{what} would fall from {before[what]:g} to {after:g}",
                f"left {target} with less than half of what it serves with; go down by half at most",
            )


def _sizes(objects: Sequence[Object]) -> dict[str, float]:
    found = {}
    scaler, deployment = (
        autoscaler_of(objects, RELEASE),
        find_object(objects, "Deployment", RELEASE),
    )
    if scaler is not None:
        found["the autoscaler's maximum"] = float(scaler["spec"]["maxReplicas"])
    for container in deployment["spec"]["template"]["spec"]["containers"] if deployment else ():
        if container["name"] == RELEASE:
            for kind, table in container.get("resources", {}).items():
                for resource, text in table.items():
                    found[f"a pod's {resource} ({kind})"] = quantity(text)
    return found | _rooms(objects)


def _rooms(objects: Sequence[Object]) -> dict[str, float]:
    """How much pods take on at once, by their settings; 0 is no number."""
    found: dict[str, float] = {}
    for pod in pod_settings(objects):
        if pod.name == f"Deployment/{RELEASE}" and pod.config is not None:
            found["server.max_connections"] = pod.config.server.max_connections
            found["max_in_flight"] = pod.config.traffic_shaping.router.max_in_flight
            for name, source in pod.config.sources.items():
                found[f"sources.{name}.max_concurrency"] = source.max_concurrency
    return {name: value for name, value in found.items() if value}


def pods_fit(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """A container asks for no more than its limit, and each worker has room."""
    for name, spec in pod_specs(objects):
        for container in containers(spec):
            sizes = container.get("resources", {})
            for resource, text in sizes.get("requests", {}).items():
                most = sizes.get("limits", {}).get(resource)
                if most is not None and quantity(text) > quantity(most):
                    yield f"{name}: container {container['name']} requests {text} of {resource}, over its limit {most}"
    for pod in pod_settings(objects, target.image_config):
        memory = pod.container.get("resources", {}).get("limits", {}).get("memory")
        workers = pod.config.server.workers if pod.config else 1
        if memory is not None and quantity(memory) < workers * LEAST_WORKER_BYTES:
            yield f"{pod.name}: {workers} workers in {memory}: each needs {LEAST_WORKER_BYTES // 2**20}Mi at least"


def impatient_readiness(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """A pod that does not answer is soon sent nothing more."""
    for name, spec in pod_specs(objects):
        for container in spec["containers"]:
            probe = container.get("readinessProbe") or {}
            patience = int(probe.get("periodSeconds", 10)) * int(probe.get("failureThreshold", 3))
            if patience > MOST_UNREADY_S:
                yield f"{name}: container {container['name']} is sent requests for {patience} s after its last answer"


def autoscaler_acts(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """Pods are added before those that are there turn requests away, and are not taken away at each lull."""
    scaler = autoscaler_of(objects, RELEASE)
    if target.environment != "production" or scaler is None:
        return
    spec, rooms = scaler["spec"], _rooms(objects)
    most = rooms.get("max_in_flight", rooms.get("server.max_connections", math.inf))
    for metric in spec.get("metrics", []):
        wanted = metric.get("pods", {}).get("target", {}).get("averageValue", 0)
        if quantity(wanted) >= most:
            yield (
                f"{key(scaler)}: pods are added from {wanted} requests in flight on, and a pod turns them away from {most:g} "
                "on: set autoscaling.inFlightPerPod below, or 0 to leave it out"
            )
    window = spec.get("behavior", {}).get("scaleDown", {}).get("stabilizationWindowSeconds", 300)
    if int(window) < LEAST_LULL_S:
        yield (
            f"{key(scaler)}: a lull of {window} s takes pods away that the next minute needs: "
            f"scaleDownStabilizationSeconds is {LEAST_LULL_S} at least"
        )
