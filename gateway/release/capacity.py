"""What a release takes of a pod's size and of the room above it: half at most, as of the pods themselves. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gateway.release.manifests import autoscaler_of, find_object
from gateway.release.model import RELEASE, Facts, Object, Refusal, Target

UNITS = {
    "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40,
}  # fmt: skip


def quantity(text: Any) -> float:
    """A Kubernetes quantity, `500m` or `1Gi`. Errors: ValueError."""
    given = str(text)
    digits = given.rstrip("mkKMGTi")
    return float(digits) * UNITS[given[len(digits) :]]


def nothing_shrunk(objects: Sequence[Object], target: Target, facts: Facts) -> Iterator[Refusal]:
    """Pods keep half of their CPU and memory at least, and the autoscaler half of its maximum."""
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
    return found
