"""Do the pods that stay serve the files that a release has changed? Asked of Prometheus, within a bounded time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gateway.release.configured import pod_settings
from gateway.release.health import wait_for
from gateway.release.model import Object, Target
from gateway.release.served_schema import reloaded_schema
from gateway.release.tools import Tools

SERVES = 'gateway_revision_info{{job="gateway", schema{}"{}"}}'
REFUSALS = 'sum(gateway_reloads_total{job="gateway", result=~"refused|returned"})'


class ReloadWatch:
    """The reload of one region's pods, from before the files are changed.

    Args:
        tools: Figures and a clock.
        target: The region.
        before, after: What runs, and what is to.
        is_way_back: Whether refusals are about what is being undone.
    """

    def __init__(
        self,
        tools: Tools,
        target: Target,
        before: Sequence[Object],
        after: Sequence[Object],
        *,
        is_way_back: bool = False,
    ) -> None:
        self._tools = tools
        self._target = target
        self._wanted = reloaded_schema(before, after, target)
        canaries = [
            pod.config.reload.canary
            for pod in pod_settings(after, target.image_config)
            if pod.config is not None
        ]
        self._window_s = max((one.window_s for one in canaries if one.percent), default=0.0)
        is_counted = self._wanted is not None and not is_way_back
        self._refused = self._value(REFUSALS) if is_counted else math.inf

    def wait(self) -> str | None:
        """Wait until every pod serves the files. None when each does, else how far it came."""
        if self._wanted is None:
            return None
        if self._target.prometheus is None:
            self._tools.say(f"{self._target}: no Prometheus says whether pods serve the new schema")
            return None
        self._tools.say(f"{self._target}: waiting until every pod serves schema {self._wanted}")
        gate = self._target.gate
        return wait_for(self._look, gate.ready_timeout_s + self._window_s, gate, self._tools.clock)

    def _look(self) -> tuple[bool, str]:
        live = self._tools.cluster.live(self._target)
        pods = live.replicas if live is not None else 0
        serving = self._value(f"count({SERVES.format('=', self._wanted)})")
        others = self._value(f"count({SERVES.format('!=', self._wanted)})")
        if serving >= pods > 0 and not others:
            return True, ""
        if self._value(REFUSALS) > self._refused:
            return True, "a pod has refused the new schema, or gone back from it: its log says why"
        return False, f"{serving:.0f} of {pods} pods serve the new schema"

    def _value(self, query: str) -> float:
        """0 where there is no such series, or nobody to ask."""
        place = self._target.prometheus
        return self._tools.monitor.value(place, query, empty=0.0) if place is not None else 0.0
