"""What may be set for reloads. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.settings.kinds import Count, CountOrZero, Ratio, Seconds, SecondsOrZero, Share


@dataclass(frozen=True, slots=True, kw_only=True)
class CanarySettings:
    """`[reload.canary]`: what a reload brings is tried by some of the clients first. See docs/reload.md.

    The files that are read say it: of two reloads, the second goes by what it has found.

    Attributes:
        percent: Of a hundred clients, so many are answered by the new schema first; 0 is no canary. Clients are drawn
            by their principal's id, else as `override.anonymous_id` says, else by their address: the same ones in
            every worker and pod. `gateway reload --canary PERCENT` says it for one reload.
        window_s: How long both schemas are served. Every client has the new one after that.
        max_error_increase: By how much the share of the canary's operations that have errors may be above the share
            of the others'. Where it is more, all clients have the schema before again: at once where that is no
            chance (three standard errors), else at the end of the window.
        min_operations: Operations of the canary before it may return at once.
    """

    percent: Share = 0.0
    window_s: Seconds = 300.0
    max_error_increase: Ratio = 0.02
    min_operations: Count = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadSettings:
    """`[reload]`: another configuration and schema without a restart. See docs/reload.md.

    SIGHUP, `gateway reload` and `POST /admin/reload` reload in any case.

    Attributes:
        watch: Reload when the configuration, a schema file or Python of the project changes; it follows symbolic
            links, as Kubernetes' ConfigMaps have them.
        poll_interval_s: How often the files are looked at. What changes is read when it has stayed the same for
            that long: a file that is half written is not.
        warm_plans: Plans that are made for the new schema before it is served: those of the documents that were used
            last.
        prepare_timeout_s: How long the workers may take to build it. When one of them does not, none serves it.
        end_spread_s: Over how many seconds the subscriptions end that the new schema has made invalid, so that their
            clients do not come back all at once.
        canary: What is tried by some of the clients first.
    """

    watch: bool = False
    poll_interval_s: Seconds = 1.0
    warm_plans: CountOrZero = 500
    prepare_timeout_s: Seconds = 120.0
    end_spread_s: SecondsOrZero = 5.0
    canary: CanarySettings = field(default_factory=CanarySettings)
