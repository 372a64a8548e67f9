"""Plans of releases, canaries and ways back: rendered, compared with what runs, and judged.

It must change nothing in a cluster: `rollout` applies what was made here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.release.digests import by_digest, other_tags
from gateway.release.guards import check_canary, check_release
from gateway.release.manifests import diff_objects, images
from gateway.release.model import (
    ChartError,
    DeployedRelease,
    Facts,
    Refusal,
    ReleaseError,
    ReleasePlan,
    Target,
    digest_of,
)
from gateway.release.tools import Tools
from gateway.release.values import merge

# What does not stop the way back.
LET_BACK = (
    "PolicyBroken", "SecretExposed", "ReleasePending", "ResourceDeleted", "HostRemoved", "EgressRemoved",
    "IngressRemoved", "PortRemoved", "ImageMovable", "ImageUnasked",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the operator named: objects that may be deleted, and that nothing runs there yet."""

    delete: Collection[str] = ()
    first_install: bool = False


def make_plan(
    tools: Tools,
    chart: Path,
    target: Target,
    values: Mapping[str, Any],
    allowed: Allowed,
    kept: Collection[str] = (),
) -> ReleasePlan:
    """Render, look at what runs, compare, and judge. Changes nothing.

    Args:
        kept: Images that stay as the values name them; every other one is named by digest.

    Errors: ReleaseError when the cluster cannot be read; a chart that refuses is a refusal.
    """
    running = tools.helm.running(target)
    digests: dict[str, str] = {}
    tags: dict[str, str] = {}
    try:
        objects = tools.helm.render(chart, target, values)
        if target.check_images:
            tags = other_tags(tools.registry, chart, values)
            names = set(images(objects)) - set(kept)
            values, digests = by_digest(tools.registry, chart, values, names)
            objects = tools.helm.render(chart, target, values) if digests else objects
    except ChartError as exc:
        return refused_plan(chart, target, exc)
    facts = Facts(
        running=running,
        live=tools.cluster.live(target),
        elsewhere=tools.helm.elsewhere(target),
        images=tools.registry.problems(images(objects)) if target.check_images else {},
        digests=digests,
        other_tags=tags,
    )
    changes = diff_objects(running.objects if running else (), objects)
    refusals = check_release(
        objects, target, facts, delete=allowed.delete, first_install=allowed.first_install
    )
    return ReleasePlan(target, chart, values, objects, facts, changes, refusals)


def refused_plan(chart: Path, target: Target, why: ChartError) -> ReleasePlan:
    """The plan of values that the chart does not take: a refusal and nothing else."""
    refusal = Refusal(
        "ChartRefused",
        " ".join(str(why).split()),
        "been stopped half-way by the API server, or not at all",
    )
    return ReleasePlan(target, chart, {}, (), Facts(), (), (refusal,))


def make_canary_plan(tools: Tools, plan: ReleasePlan, percent: int) -> ReleasePlan:
    """The step before `plan`: what runs now, and beside it a few pods with the new image and config."""
    running = plan.facts.running
    new = {
        "enabled": True,
        "percent": percent,
        "image": {name: plan.values.get("image", {}).get(name, "") for name in ("tag", "digest")},
        "config": plan.values.get("config", {}),
    }
    values = merge(running.values if running else plan.values, {"canary": new})
    # What runs is left alone, also where an older release named it by its tag.
    kept = images(running.objects if running else ())
    canary = make_plan(tools, plan.chart, plan.target, values, Allowed(first_install=True), kept)
    more = tuple(check_canary(canary.objects, plan.target, canary.facts))
    return ReleasePlan(
        canary.target, canary.chart, canary.values, canary.objects, canary.facts, canary.changes,
        canary.refusals + more, _not_in_canary(running, plan.values),
    )  # fmt: skip


def _not_in_canary(running: DeployedRelease | None, values: Mapping[str, Any]) -> tuple[str, ...]:
    """What is new in a release beside what its canary has."""
    before = running.values if running else values
    in_canary = ("image", "config", "canary")
    found = [
        name
        for name in sorted({*before, *values} - set(in_canary))
        if before.get(name) != values.get(name)
    ]
    return (f"not in the canary, straight to every pod: {', '.join(found)}",) if found else ()


def make_rollback_plan(tools: Tools, chart: Path, target: Target, revision: int) -> ReleasePlan:
    """The plan that going back to a revision is, judged by the same guards but today's policies.

    Errors: ReleaseError when there is no such revision.
    """
    # Helm reads 0 as "the one before".
    wanted = tools.helm.running(target, revision) if revision > 0 else None
    if wanted is None:
        raise ReleaseError(
            f"{target} has no revision {revision}; `gateway release history` lists them"
        )
    running = tools.helm.running(target)
    facts = Facts(
        running=running,
        live=tools.cluster.live(target),
        images=tools.registry.problems(images(wanted.objects)) if target.check_images else {},
    )
    found = check_release(wanted.objects, target, facts)
    # What ran was good enough when it was released: an emergency is no time for new rules. What a
    # revision added since is named in the plan, and goes with it.
    kept = tuple(r for r in found if r.code not in LET_BACK)
    notes = tuple(f"not held against the way back: {r}" for r in found if r.code in LET_BACK)
    changes = diff_objects(running.objects if running else (), wanted.objects)
    return ReleasePlan(target, chart, wanted.values, wanted.objects, facts, changes, kept, notes)


def digest_of_plans(plans: Sequence[ReleasePlan], canary_percent: int | None) -> str:
    """What one approval covers: these plans in this order, after a canary of this share, or after none."""
    return digest_of([canary_percent, *(plan.digest for plan in plans)])
