"""What a release is made of, as data: targets, what runs, changes, refusals, plans.

Nothing here does I/O or decides anything.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gateway.errors import GatewayError

Object = dict[str, Any]
RELEASE = "gateway"


class ReleaseError(GatewayError):
    """A release could not be planned, applied or undone; the message says what was left how."""


class ChartError(ReleaseError):
    """The chart does not render: its schema or its templates refuse the values."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What must hold after a region was changed; the keys of `gate` in targets.yaml.

    Units: seconds, ratios of 1.
    """

    ready_timeout_s: float = 300
    bake_s: float = 60
    interval_s: float = 10
    bad_samples_allowed: int = 1
    max_error_ratio: float = 0.01
    max_p99_s: float = 1.0
    max_failed_ratio: float = 0.05
    min_requests: float = 50
    smoke_queries: tuple[str, ...] = ("{ __typename }",)


@dataclass(frozen=True, slots=True)
class Target:
    """One environment in one region: what a change is ever made to.

    Attributes:
        environment, region: Names in targets.yaml.
        context: The context of the kubeconfig.
        prometheus: Base URL of the region's Prometheus; None only outside production.
        smoke: URL of the GraphQL endpoint, from outside.
        preview: "pr-123" for the environment of one pull request.
        gate: What must hold after a change.
        check_images: Ask the registry whether images exist; off only in dev, where a laptop's cluster
            has images loaded by hand.
        hosts: Names that every region of the environment serves beside its own.
        registry: The registry that an image's name without a host means.
        registries: Where images may come from: hosts, perhaps with a path. Empty: anywhere.
        source_hosts: Hosts that sources, key sets, Redis, collectors and proxies may be on; `.example.com` is every
            name below it. Empty: any.
        annotations: Annotations, labels and tolerated taints that may stand beside those that are known; `name=value`:
            with that value.
        listeners: Listeners with TLS that a route may have as its parents: `namespace/gateway/listener`.
        namespaces: Namespaces whose pods may connect to the gateway's in production.
        proxies: Public networks whose proxies may be trusted: a CDN's, a load balancer's.
        image_config: The gateway.toml that the image has, as this checkout has it: what pods read where no other is
            mounted. "" outside production.
    """

    environment: str
    region: str
    context: str
    prometheus: str | None = None
    smoke: str | None = None
    preview: str = ""
    gate: Gate = field(default_factory=Gate)
    check_images: bool = True
    hosts: tuple[str, ...] = ()
    registry: str | None = None
    registries: tuple[str, ...] = ()
    source_hosts: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()
    listeners: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    image_config: str = field(default="", repr=False)

    @property
    def namespace(self) -> str:
        return f"gateway-{self.preview or self.environment}"

    def __str__(self) -> str:
        return "/".join(part for part in (self.environment, self.region, self.preview) if part)


@dataclass(frozen=True, slots=True)
class DeployedRelease:
    """A deployed revision, as Helm has it stored."""

    revision: int
    status: str
    objects: tuple[Object, ...]
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Live:
    """The Deployment as the cluster has it now.

    Attributes:
        replicas: Pods that are wanted.
        ready: Pods of the newest template that are ready.
        observed: Whether the status is about the newest template.
        environment, region: Its labels.
        images: What its pods run, which somebody may have changed by hand.
    """

    replicas: int
    ready: int
    observed: bool = True
    environment: str | None = None
    region: str | None = None
    images: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a plan is judged by beside its own objects.

    Attributes:
        running: The deployed revision; None where there is none.
        live: The live Deployment; None where there is none.
        elsewhere: Other namespaces of this cluster that hold a release of the same name and place.
        images: Each image → None when it exists, otherwise why that could not be confirmed.
        digests: Each image that was named by a tag → the digest by which it is released.
        other_tags: Each tag that stands beside the digest of another image → its own digest.
    """

    running: DeployedRelease | None = None
    live: Live | None = None
    elsewhere: tuple[str, ...] = ()
    images: Mapping[str, str | None] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    other_tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """One object that a release creates, changes or deletes. `diff` has unified diff lines."""

    verb: str
    key: str
    diff: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a release is not made.

    Attributes:
        code: The rule's name.
        reason: What is wrong.
        consequence: What would have happened.
    """

    code: str
    reason: str
    consequence: str

    def __str__(self) -> str:
        return f"{self.code}: {self.reason}. It would have {self.consequence}."


@dataclass(frozen=True, slots=True)
class ReleasePlan:
    """One release of one target: what would run, and what that changes. `notes`: what to know before an approval."""

    target: Target
    chart: Path
    values: Mapping[str, Any]
    objects: tuple[Object, ...]
    facts: Facts
    changes: tuple[Change, ...]
    refusals: tuple[Refusal, ...]
    notes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Names exactly this change to exactly this state, judged in this way: what an approval is given for."""
        revision = self.facts.running.revision if self.facts.running else 0
        place = [str(self.target), self.target.context, self.target.prometheus, self.target.smoke]
        return digest_of([place, asdict(self.target.gate), revision, list(self.objects)])


def digest_of(value: Any) -> str:
    """Thirty-two hex digits of a JSON value: nobody finds two values with one digest by trying."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
