"""The course of a release: plan, and region by region apply, watch, go on or roll back.

It decides the order of things; whether something may be done is decided by `guards`, whether a region
is healthy by `health`. Every action is in the audit log before it happens.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from gateway.release import health
from gateway.release.audit import Audit
from gateway.release.cluster import Cluster, Preview
from gateway.release.guards import check_canary, check_release
from gateway.release.helm import Helm
from gateway.release.manifests import diff_objects, images
from gateway.release.model import (
    RELEASE,
    ChartError,
    DeployedRelease,
    Facts,
    Refusal,
    ReleaseError,
    ReleasePlan,
    Target,
    digest_of,
)
from gateway.release.values import merge

CANARY = f"{RELEASE}-canary"
# What does not stop the way back.
LET_BACK = (
    "PolicyBroken", "SecretExposed", "ReleasePending", "ResourceDeleted", "HostRemoved", "EgressRemoved",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tools:
    """What a release works with. `check_images` maps each image to None or to what is wrong with it."""

    helm: Helm
    cluster: Cluster
    monitor: health.Monitor
    clock: health.Clock
    audit: Audit
    check_images: Callable[[Iterable[str]], Mapping[str, str | None]]
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the operator named: objects that may be deleted, and that nothing runs there yet."""

    delete: Collection[str] = ()
    first_install: bool = False


def make_plan(
    tools: Tools, chart: Path, target: Target, values: Mapping[str, Any], allowed: Allowed
) -> ReleasePlan:
    """Render, look at what runs, compare, and judge. Changes nothing.

    Errors: ReleaseError when the cluster cannot be read; a chart that refuses is a refusal.
    """
    running = tools.helm.running(target)
    try:
        objects = tools.helm.render(chart, target, values)
    except ChartError as exc:
        return refused_plan(chart, target, exc)
    facts = Facts(
        running=running,
        live=tools.cluster.live(target),
        elsewhere=tools.helm.elsewhere(target),
        images=tools.check_images(images(objects)) if target.check_images else {},
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
    canary = make_plan(tools, plan.chart, plan.target, values, Allowed(first_install=True))
    more = tuple(check_canary(canary.objects, plan.target, canary.facts))
    return ReleasePlan(
        canary.target, canary.chart, canary.values, canary.objects, canary.facts, canary.changes,
        canary.refusals + more,
    )  # fmt: skip


def digest_of_plans(plans: Sequence[ReleasePlan]) -> str:
    """What one approval covers: these plans in this order."""
    return digest_of([plan.digest for plan in plans])


def roll_out(
    tools: Tools,
    plans: Sequence[ReleasePlan],
    replan: Callable[[Target], ReleasePlan],
    canary_percent: int | None = None,
) -> None:
    """Apply plans one after another, each only when the one before is healthy.

    Args:
        replan: Makes the plan of a target anew: nothing is applied that was not shown.

    Errors: ReleaseError at the first region that fails; it was rolled back, later ones are untouched.
    """
    for number, plan in enumerate(plans):
        try:
            _check_unchanged(plan, replan(plan.target))
            note = f"{tools.audit.actor}: plan {digest_of_plans(plans)}"
            if canary_percent is not None:
                _try_canary(tools, plan, canary_percent, note)
                _check_same_objects(plan, replan(plan.target))
            _apply(tools, plan, note, partial(_problems, tools, plan.target))
        except ReleaseError as exc:
            rest = ", ".join(str(later.target) for later in plans[number + 1 :])
            raise ReleaseError(f"{exc}" + (f" Not touched: {rest}." if rest else "")) from exc


def _check_unchanged(shown: ReleasePlan, fresh: ReleasePlan) -> None:
    if fresh.refusals:
        raise ReleaseError(f"{shown.target}: refused now: {fresh.refusals[0]}")
    if fresh.digest != shown.digest:
        raise ReleaseError(
            f"{shown.target}: the cluster or the chart changed since the plan was shown; plan again."
        )


def _check_same_objects(shown: ReleasePlan, fresh: ReleasePlan) -> None:
    """After the canary the revision is another one; what is to be applied must not be."""
    if fresh.refusals or fresh.objects != shown.objects:
        raise ReleaseError(
            f"{shown.target}: the plan changed while the canary ran; the canary still runs."
        )


def _try_canary(tools: Tools, plan: ReleasePlan, percent: int, note: str) -> None:
    canary = make_canary_plan(tools, plan, percent)
    if canary.refusals:
        raise ReleaseError(f"{plan.target}: canary refused: {canary.refusals[0]}")
    tools.say(f"{plan.target}: canary for {percent} % of the traffic")
    _apply(tools, canary, note, partial(_canary_problems, tools, plan.target), track=CANARY)


def _apply(
    tools: Tools,
    plan: ReleasePlan,
    note: str,
    problems: Callable[[], list[str]],
    track: str = RELEASE,
) -> None:
    """Change one region and watch it. Errors: ReleaseError when it is not healthy; it was rolled back."""
    target = plan.target
    before = plan.facts.running
    tools.audit.write(
        "apply", target, "started", note=note, track=track,
        from_revision=before.revision if before else None,
        changes=[f"{change.verb} {change.key}" for change in plan.changes],
    )  # fmt: skip
    tools.say(f"{target}: applying {len(plan.changes)} change(s)")
    try:
        revision = tools.helm.apply(plan.chart, target, plan.values, note)
        tools.say(f"{target}: revision {revision}; waiting for pods")
        problem = health.wait_ready(
            lambda: tools.cluster.live(target, track), target.gate, tools.clock
        ) or health.watch(
            problems, target.gate, tools.clock, lambda text: tools.say(f"{target}: {text}")
        )
    except KeyboardInterrupt:
        problem = "interrupted"
    except Exception as exc:  # whatever it was, ours too: a changed region is never left unjudged
        problem = str(exc) if isinstance(exc, ReleaseError) else repr(exc)
    if problem is None:
        _note(tools, "apply", target, "healthy", revision=revision, track=track)
        tools.say(f"{target}: healthy at revision {revision}")
        return
    _note(tools, "apply", target, "failed", problem=problem, track=track)
    undone = undo(tools, target, before)
    raise ReleaseError(f"{target}: {problem}. {undone}")


def _note(tools: Tools, action: str, target: Target, outcome: str, **detail: Any) -> None:
    tools.audit.write_after(tools.say, action, target, outcome, **detail)


def _problems(tools: Tools, target: Target) -> list[str]:
    """What one sample says; a source of facts that does not answer is a problem too."""
    try:
        return health.judge(tools.monitor.sample(target, tools.cluster.live(target)), target.gate)
    except ReleaseError as exc:
        return [str(exc)]


def _canary_problems(tools: Tools, target: Target) -> list[str]:
    try:
        canary = tools.monitor.sample(target, tools.cluster.live(target, CANARY), "canary")
        stable = tools.monitor.sample(target, tools.cluster.live(target), "stable")
    except ReleaseError as exc:
        return [str(exc)]
    return health.compare(canary, stable, target.gate)


def undo(tools: Tools, target: Target, before: DeployedRelease | None) -> str:
    """Bring a region back to what ran before, and say how it stands.

    Errors: ReleaseError when that fails too; the message says what to do by hand.
    """
    good = None if before is None else _last_good(tools, target, before)
    _note(tools, "rollback", target, "started", to_revision=good)
    tools.say(f"{target}: rolling back to " + (f"revision {good}" if good else "nothing"))
    try:
        if good is None:
            tools.helm.uninstall(target)
            _note(tools, "rollback", target, "uninstalled")
            return "It was the first release there and has been uninstalled."
        tools.helm.rollback(target, good)
    except ReleaseError as exc:
        _note(tools, "rollback", target, "failed", problem=str(exc))
        raise ReleaseError(
            f"{target}: THE ROLLBACK FAILED: {exc}. By hand: "
            f"helm --kube-context {target.context} -n {target.namespace} rollback {RELEASE} {good or ''}"
        ) from exc
    problem = health.wait_ready(lambda: tools.cluster.live(target), target.gate, tools.clock)
    _note(tools, "rollback", target, "ready" if problem is None else "not ready", revision=good)
    state = "and is ready" if problem is None else f"but is NOT ready: {problem}"
    return f"Rolled back to revision {good} {state}."


def _last_good(tools: Tools, target: Target, before: DeployedRelease) -> int:
    """The revision to go back to: what ran, or the newest that ever ran when that one had failed."""
    if before.status == "deployed":
        return before.revision
    worked = [
        int(item["revision"])
        for item in tools.helm.history(target)
        if item["status"] in ("deployed", "superseded") and int(item["revision"]) <= before.revision
    ]
    return max(worked, default=before.revision)


def make_rollback_plan(tools: Tools, chart: Path, target: Target, revision: int) -> ReleasePlan:
    """The plan that going back to a revision is, judged by the same guards but today's policies.

    Errors: ReleaseError when there is no such revision.
    """
    wanted = tools.helm.running(target, revision)
    if wanted is None:
        raise ReleaseError(
            f"{target} has no revision {revision}; `gateway release history` lists them"
        )
    running = tools.helm.running(target)
    facts = Facts(
        running=running,
        live=tools.cluster.live(target),
        images=tools.check_images(images(wanted.objects)) if target.check_images else {},
    )
    found = check_release(wanted.objects, target, facts)
    # What ran was good enough when it was released: an emergency is no time for new rules. What a
    # revision added since is named in the plan, and goes with it.
    kept = tuple(r for r in found if r.code not in LET_BACK)
    changes = diff_objects(running.objects if running else (), wanted.objects)
    return ReleasePlan(target, chart, wanted.values, wanted.objects, facts, changes, kept)


def roll_back(tools: Tools, plan: ReleasePlan, revision: int) -> None:
    """Go back to a revision and watch it. Errors: ReleaseError when it is not healthy there."""
    target = plan.target
    tools.audit.write("rollback", target, "started", to_revision=revision, digest=plan.digest)
    tools.helm.rollback(target, revision)
    problem = health.wait_ready(
        lambda: tools.cluster.live(target), target.gate, tools.clock
    ) or health.watch(
        lambda: _problems(tools, target),
        target.gate,
        tools.clock,
        lambda text: tools.say(f"{target}: {text}"),
    )
    _note(tools, "rollback", target, "healthy" if problem is None else "failed", problem=problem)
    if problem is not None:
        raise ReleaseError(f"{target}: at revision {revision}, but not healthy: {problem}")
    tools.say(f"{target}: healthy, back at what revision {revision} was")


def expired(previews: Iterable[Preview], now_s: float) -> list[Preview]:
    """The previews whose time to live is over."""
    return [
        preview
        for preview in previews
        if now_s >= preview.created.timestamp() + preview.ttl_hours * 3600
    ]


def delete_preview(tools: Tools, target: Target) -> None:
    """Uninstall a preview and delete its namespace. Errors: ReleaseError; nothing else can be named here."""
    if not target.preview:
        raise ReleaseError(f"{target} is not a preview")
    tools.audit.write("cleanup", target, "started", namespace=target.namespace)
    if tools.helm.running(target) is not None:
        tools.helm.uninstall(target)
    tools.cluster.delete_namespace(target)
    _note(tools, "cleanup", target, "deleted", namespace=target.namespace)
    tools.say(f"{target}: deleted with its namespace {target.namespace}")
