"""What may be set for plans, and for what requests share. Plain data."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.settings.kinds import (
    Bytes,
    Count,
    OperationName,
    PathBeside,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCacheSettings:
    """`[plan_cache]`: the cache of compiled plans.

    Attributes:
        max_entries: Plans per worker; the least recently used is evicted first.
        max_size_bytes: Memory of the plans per worker, documents included; the estimate is within a fifth.
        max_texts: Document texts that map to a plan; texts that differ in literals share a plan.
        max_rejected: Rejected documents to remember, separately, so that they cannot evict plans.
        warm: Files, or folders of `.graphql` files, whose operations are compiled before the worker
            is ready; relative to the configuration file.
    """

    max_entries: Count = 1_000
    max_size_bytes: Bytes = 256 * 1024 * 1024
    max_texts: Count = 4_000
    max_rejected: Count = 500
    warm: tuple[PathBeside, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DedupeSettings:
    """`[traffic_shaping.router.dedupe]`: equal operations in flight at the same time.

    Attributes:
        enabled: Whether equal operations in flight share one execution.
        except_operations: Names of operations that are never shared.
    """

    enabled: bool = True
    except_operations: tuple[OperationName, ...] = ()
