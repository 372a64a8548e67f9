"""What may be set for reloads. Plain data."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.settings.kinds import CountOrZero, Seconds, SecondsOrZero


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadSettings:
    """`[reload]`: another configuration and schema without a restart. See docs/reload.md.

    SIGHUP, `gateway reload` and `POST /admin/reload` reload in any case.

    Attributes:
        watch: Reload when the configuration or a schema file changes; it follows symbolic links, as Kubernetes'
            ConfigMaps have them.
        poll_interval_s: How often the files are looked at. What changes is read when it has stayed the same for
            that long: a file that is half written is not.
        warm_plans: Plans that are made for the new schema before it is served: those of the documents that were used
            last.
        prepare_timeout_s: How long the workers may take to build it. When one of them does not, none serves it.
        end_spread_s: Over how many seconds the subscriptions end that the new schema has made invalid, so that their
            clients do not come back all at once.
    """

    watch: bool = False
    poll_interval_s: Seconds = 1.0
    warm_plans: CountOrZero = 500
    prepare_timeout_s: Seconds = 120.0
    end_spread_s: SecondsOrZero = 5.0
