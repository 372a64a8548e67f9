"""What a release works with: Helm, a cluster, figures, a clock, the audit log. It must decide nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.release import health
from gateway.release.audit import Audit
from gateway.release.cluster import Cluster
from gateway.release.helm import Helm
from gateway.release.images import ImageRegistry
from gateway.release.model import Target


@dataclass(frozen=True, slots=True)
class Tools:
    """What a release works with."""

    helm: Helm
    cluster: Cluster
    monitor: health.Monitor
    clock: health.Clock
    audit: Audit
    registry: ImageRegistry
    say: Callable[[str], None]

    def note(self, action: str, target: Target, outcome: str, **detail: Any) -> None:
        """Write what has become of an action; where the log cannot be written, it is said."""
        self.audit.write_after(self.say, action, target, outcome, **detail)
