"""What the cluster has now, read by kubectl, which knows the operator's login.

Reads, and deletes nothing but the namespace of a preview.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from gateway.release.manifests import images
from gateway.release.model import RELEASE, Live, ReleaseError, Target

PREVIEW_NAMESPACE = re.compile(r"^gateway-pr-[1-9][0-9]*$")


@dataclass(frozen=True, slots=True)
class Preview:
    """One pull request's environment. `created` is when it was first deployed."""

    name: str
    namespace: str
    created: datetime
    ttl_hours: float


class Cluster(Protocol):
    """What a release needs of the cluster beside Helm."""

    def live(self, target: Target, track: str = RELEASE) -> Live | None:
        """A Deployment of ours as it is now; None where there is none."""
        ...

    def previews(self, target: Target) -> list[Preview]:
        """The previews of the target's cluster."""
        ...

    def delete_namespace(self, target: Target) -> None:
        """Delete a preview's namespace. Errors: ReleaseError for any other namespace."""
        ...


class Kubectl:
    """`kubectl` with the context of the target."""

    def __init__(self, binary: str = "kubectl") -> None:
        self._binary = binary

    def __repr__(self) -> str:
        return f"Kubectl({self._binary!r})"

    def live(self, target: Target, track: str = RELEASE) -> Live | None:
        text = self._run(
            target, "--namespace", target.namespace, "get", "deployment", track,
            "--ignore-not-found", "--output", "json",
        )  # fmt: skip
        return parse_live(json.loads(text)) if text.strip() else None

    def previews(self, target: Target) -> list[Preview]:
        text = self._run(
            target, "get", "deployments", "--all-namespaces", "--selector", "preview,app.kubernetes.io/name=gateway",
            "--output", "json",
        )  # fmt: skip
        found = {preview.name: preview for preview in map(parse_preview, json.loads(text)["items"])}
        return [found[name] for name in sorted(found)]

    def delete_namespace(self, target: Target) -> None:
        if not PREVIEW_NAMESPACE.match(target.namespace):
            raise ReleaseError(f"{target.namespace} is not the namespace of a preview")
        self._run(
            target, "delete", "namespace", target.namespace, "--ignore-not-found", "--wait=false"
        )

    def _run(self, target: Target, *args: str) -> str:
        try:
            done = subprocess.run(  # noqa: S603 -- no shell, and the names were checked
                [self._binary, "--context", target.context, "--request-timeout=20s", *args],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
        except FileNotFoundError as exc:
            raise ReleaseError(
                "kubectl is not on PATH: what runs cannot be seen without it"
            ) from exc
        if done.returncode != 0:
            raise ReleaseError(f"kubectl at {target}: {done.stderr.strip() or done.returncode}")
        return done.stdout


def parse_live(item: dict[str, Any]) -> Live:
    """A Deployment's own word. Pods of an older template that are still there do not count as ready."""
    metadata, status = item["metadata"], item.get("status", {})
    updated = int(status.get("updatedReplicas", 0))
    older = int(status.get("replicas", 0)) - updated
    return Live(
        replicas=int(item["spec"].get("replicas", 1)),
        ready=min(updated, max(0, int(status.get("readyReplicas", 0)) - older)),
        observed=int(status.get("observedGeneration", 0)) >= int(metadata.get("generation", 0)),
        environment=metadata.get("labels", {}).get("environment"),
        region=metadata.get("labels", {}).get("region"),
        images=images([item]),
    )


def parse_preview(item: dict[str, Any]) -> Preview:
    metadata = item["metadata"]
    return Preview(
        name=metadata["labels"]["preview"],
        namespace=metadata["namespace"],
        created=datetime.fromisoformat(metadata["creationTimestamp"]),
        ttl_hours=float(metadata["labels"].get("ttl-hours", 0)),
    )
