"""What is compared after the answers, for one revision: its sources, and when clients have too much to do for it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from graphql import GraphQLSchema

from gateway.app.config import Config
from gateway.app.worker import Worker
from gateway.graph.overrides import has_shadows, overrides_of, shadows_of
from gateway.telemetry.catalogue import SHADOW_COMPARISONS, SHADOWS_SHED
from gateway.telemetry.metrics import Sample
from gateway.upstream.client import Upstream
from gateway.upstream.settings import SourceSettings
from gateway.upstream.shadow import ShadowCalls

BUSY_PART = 2
"""From a half of what a worker takes on, what it does for clients is enough."""


def add_shadows(
    upstream: Upstream,
    schema: GraphQLSchema,
    config: Config,
    settings: dict[str, SourceSettings],
    worker: Worker,
) -> None:
    """Let the fields of a schema be compared, where it has any that are.

    Args:
        upstream: The sources of clients.
        schema: Of the revision.
        config: How it is served.
        settings: Of the sources, one worker's part.
        worker: Whose admission says when there is too much to do.
    """
    if not has_shadows(schema):
        return
    own = config.override.shadow.for_worker(config.server.workers)
    most = config.traffic_shaping.router.max_in_flight
    part = most // config.server.workers // BUSY_PART if most else None

    def is_busy(source: str) -> bool:
        admission = worker.admission
        is_full = part is not None and admission.in_flight > part
        waiting = any(one.places.pending for one in upstream.policies if one.name == source)
        return admission.is_overloaded or is_full or waiting

    apart = {name: own.of_source(each) for name, each in settings.items()}
    upstream.shadows = ShadowCalls(upstream.apart(apart), own, is_busy)


def take_shadows(
    schema: GraphQLSchema, before: GraphQLSchema, stepped: Collection[str | None]
) -> None:
    """Go on with the evidence of another schema, where the same is compared in the same way.

    Args:
        schema: That goes on.
        before: The other one.
        stepped: Labels that are on for other clients now: they need evidence of their own.
    """
    was = shadows_of(before)
    labels = overrides_of(schema)
    for coordinate, evidence in shadows_of(schema).items():
        known = was.get(coordinate)
        if known is None or known.fingerprint != evidence.fingerprint:
            continue
        if label_of(coordinate, labels) not in stepped:
            evidence.take(known)


def label_of(coordinate: str, labels: Mapping[str, str]) -> str | None:
    """The label of a field, or of a type by its fields."""
    whole = f"{coordinate}."
    return next((labels[at] for at in labels if at == coordinate or at.startswith(whole)), None)


def shadow_samples(schema: GraphQLSchema, upstream: Upstream) -> Iterator[Sample]:
    """What was compared and what was left out, for metrics."""
    for coordinate, evidence in shadows_of(schema).items():
        whole, failed = evidence.whole, sum(evidence.whole.errors.values())
        outcomes = {"match": whole.matches, "error": failed}
        outcomes["differ"] = whole.calls - whole.matches - failed
        for outcome, count in outcomes.items():
            yield SHADOW_COMPARISONS, (coordinate, outcome), count
    if upstream.shadows is not None:
        for reason, count in upstream.shadows.shed.items():
            yield SHADOWS_SHED, (reason,), count
