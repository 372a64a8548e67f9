"""What each command of `gateway release` does; `cli` reads its options and hands them over.

It prints and asks; the decisions are made in `plans`, `guards`, `health` and `rollout`.
Exit codes: 0 done, 1 failed and rolled back, 3 refused.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import typer
from rich.console import Console

from gateway.release import approval, health, rollout, show, smoke_command
from gateway.release.audit import Audit, open_audit
from gateway.release.audit import verify as verify_audit
from gateway.release.cluster import Kubectl
from gateway.release.guards import check_names
from gateway.release.helm import find_helm
from gateway.release.images import ImageRegistry
from gateway.release.model import ChartError, ReleaseError, ReleasePlan, Target
from gateway.release.options import (
    Files,
    Refused,
    Wish,
    parse_image,
    parse_percent,
    parse_preview,
    resolve,
)
from gateway.release.plans import (
    Allowed,
    digest_of_plans,
    make_canary_plan,
    make_plan,
    make_rollback_plan,
    refused_plan,
)
from gateway.release.previews import delete_preview, expired
from gateway.release.tools import Tools
from gateway.release.values import Targets, find_chart, layer_values, load_targets

REFUSED = 3
console = Console(soft_wrap=True)


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """What the options ask for, with names resolved."""

    targets: tuple[Target, ...]
    environment: str
    make: Callable[[Target], ReleasePlan]
    tools: Tools
    canary_percent: int | None


def make_tools(targets: Targets, audit_log: Path) -> Tools:
    """The real tools: helm, kubectl, HTTP, the clock."""
    return Tools(
        helm=find_helm(),
        cluster=Kubectl(),
        monitor=health.Monitor(),
        clock=health.RealClock(),
        audit=open_audit(audit_log, os.environ),
        registry=ImageRegistry(targets.registry),
        say=lambda text: console.print(text, markup=False, highlight=False),
    )


def _request(where: Files, wish: Wish) -> ReleaseRequest:
    find_chart(where.chart)
    known = load_targets(where.chart, where.targets)
    percent, preview = parse_percent(wish.canary), parse_preview(wish.preview)
    sets = [*wish.sets, *parse_image(wish.image_tag, wish.image_digest)]
    try:
        places = resolve(known, wish.env, wish.region, wish.then)
    except Refused as exc:
        names = f"{','.join(wish.env)}/{','.join([*wish.region, *wish.then])}"
        open_audit(where.audit_log, os.environ).write(
            "refused", names, "refused", refusals=list(map(str, exc.refusals))
        )
        raise
    tools = make_tools(known, where.audit_log)
    allowed = Allowed(wish.delete, wish.first_install)

    def make(place: Target) -> ReleasePlan:
        try:
            values = layer_values(where.chart, place, wish.files, sets)
        except ChartError as exc:
            return refused_plan(where.chart, place, exc)
        return make_plan(tools, where.chart, place, values, allowed)

    targets = tuple(replace(place, preview=preview) for place in places)
    return ReleaseRequest(targets, wish.env[0], make, tools, percent)


def _plan_all(request: ReleaseRequest) -> list[ReleasePlan]:
    plans = []
    for place in request.targets:
        plan = request.make(place)
        if request.canary_percent is not None and not plan.refusals:
            canary = make_canary_plan(request.tools, plan, request.canary_percent)
            plan = replace(plan, refusals=canary.refusals, notes=canary.notes)
        show.show_plan(console, plan)
        plans.append(plan)
    refused = [plan for plan in plans if plan.refusals]
    for plan in refused:
        request.tools.audit.write(
            "refused", plan.target, "refused", refusals=list(map(str, plan.refusals))
        )
    if refused:
        raise Refused
    return plans


def _confirm(environment: str, digest: str, yes: bool, audit: Audit) -> None:
    """Production: the typed name or a token. Elsewhere a yes is enough, and may be given beforehand."""
    token = os.environ.get("GATEWAY_RELEASE_APPROVAL_TOKEN", "")
    if environment == "production":
        if token:
            key = os.environ.get("GATEWAY_RELEASE_APPROVAL_KEY", "")
            approval.check_token(token, key, environment, digest, time.time())
            name = approval.name_of(token)
            if audit.is_noted(name):
                raise ReleaseError("the approval token was used before; approve again")
            audit.write("approval", environment, "used", approval=name, digest=digest)
        elif sys.stdin.isatty():
            approval.confirm_typed(environment, input)
        else:
            raise ReleaseError(
                "production needs the environment's name typed, or GATEWAY_RELEASE_APPROVAL_TOKEN of this plan"
            )
    elif not yes and not typer.confirm(f"Apply to {environment}?"):
        raise ReleaseError("nothing was done")


def run_command(command: Callable[[], None]) -> None:
    """A command with its errors told and turned into exit codes."""
    try:
        command()
    except Refused as exc:
        show.show_refusals(console, exc.refusals)
        console.print("Nothing was changed.")
        raise typer.Exit(REFUSED) from exc
    except ReleaseError as exc:
        console.print(f"error: {exc}", markup=False, highlight=False)
        raise typer.Exit(1) from exc


def plan(where: Files, wish: Wish, digest_file: Path | None) -> None:
    """Show what a release would change, and what refuses it."""
    request = _request(where, wish)
    digest = digest_of_plans(_plan_all(request), request.canary_percent)
    console.print(f"plan {digest}")
    if digest_file is not None:
        digest_file.write_text(digest + "\n", encoding="utf-8")


def apply(where: Files, wish: Wish, yes: bool) -> None:
    """Plan, show, confirm, apply."""
    request = _request(where, wish)
    plans = _plan_all(request)
    digest = digest_of_plans(plans, request.canary_percent)
    console.print(f"plan {digest}")
    if not any(plan.changes for plan in plans):
        return
    _confirm(request.environment, digest, yes, request.tools.audit)
    rollout.roll_out(request.tools, plans, request.make, request.canary_percent)


def digest(where: Files, image: str, registry: str | None) -> None:
    """Print the digest of an image, and nothing else there: a script reads it."""
    try:
        host = registry or load_targets(find_chart(where.chart), where.targets).registry
        typer.echo(ImageRegistry(host).digest_of(image))
    except ReleaseError as exc:
        typer.echo(f"error: {exc}", err=True)
        raise typer.Exit(1) from exc


def approve(env: str, digest: str) -> None:
    """Print the token that approves a plan."""
    key = os.environ.get("GATEWAY_RELEASE_APPROVAL_KEY", "")
    typer.echo(approval.make_token(key, env, digest, time.time()))


def _place(where: Files, env: Sequence[str], region: Sequence[str]) -> tuple[Target, Tools]:
    known = load_targets(find_chart(where.chart), where.targets)
    place = resolve(known, env, region, [])[0]
    return place, make_tools(known, where.audit_log)


def rollback(
    where: Files, env: Sequence[str], region: Sequence[str], revision: int, yes: bool
) -> None:
    """Bring one region back to an earlier revision."""
    place, tools = _place(where, env, region)
    made = make_rollback_plan(tools, where.chart, place, revision)
    show.show_plan(console, made)
    if made.refusals:
        tools.audit.write("refused", place, "refused", refusals=list(map(str, made.refusals)))
        raise Refused
    digest = digest_of_plans([made], None)
    console.print(f"plan {digest}")
    _confirm(place.environment, digest, yes, tools.audit)
    rollout.roll_back(tools, made, revision)


def status(where: Files, env: Sequence[str]) -> None:
    """Every region of an environment, and exit code 1 when one is not healthy."""
    known = load_targets(find_chart(where.chart), where.targets)
    regions = known.regions(env[0]) if env else ()
    resolve(known, env, regions[:1] or ["-"], [])
    tools = make_tools(known, where.audit_log)
    rows = [_status_row(tools, known.targets[env[0], name]) for name in regions]
    show.show_status(console, rows)
    if any(row[3] != "healthy" for row in rows):
        raise typer.Exit(1)


def _status_row(tools: Tools, place: Target) -> tuple[str, str, str, str]:
    try:
        running = tools.helm.running(place)
        live = tools.cluster.live(place)
        problems = health.judge(tools.monitor.sample(place, live), place.gate)
    except ReleaseError as exc:
        return (str(place), "?", "?", str(exc))
    revision = f"{running.revision} {running.status}" if running else "none"
    pods = f"{live.ready}/{live.replicas}" if live else "none"
    return (str(place), revision, pods, "; ".join(problems) or "healthy")


def audit_verify(path: Path, head: str | None) -> None:
    """Say whether the audit log is whole, and its head."""
    lines, last = verify_audit(path, head)
    console.print(f"{lines} lines, each follows the one before it; head {last}", soft_wrap=True)
    if head is None:
        console.print(
            "whether lines were cut off its end is not known: give the head of an earlier day, or of `history`"
        )


def smoke(where: Files, env: Sequence[str], region: Sequence[str], config: Path | None) -> None:
    """Ask a region its smoke queries; with a configuration, suggest some for what those do not reach."""
    known = load_targets(find_chart(where.chart), where.targets)
    if config is None:
        smoke_command.ask_all(resolve(known, env, region, [])[0], typer.echo)
        return
    if unknown := [*check_names("environment", env, known.environments)] if env else []:
        raise Refused(unknown)
    places = [place for (name, _), place in known.targets.items() if name in env]
    queries = {query: None for place in places for query in place.gate.smoke_queries}
    smoke_command.suggest_for(config, list(queries), typer.echo)


def history(where: Files, env: Sequence[str], region: Sequence[str]) -> None:
    """The revisions of one region."""
    place, tools = _place(where, env, region)
    show.show_history(console, tools.helm.history(place))


def cleanup(where: Files, region: Sequence[str], preview: str | None, yes: bool) -> None:
    """Delete one preview of staging, or all whose time is over."""
    wanted = parse_preview(preview)
    place, tools = _place(where, ["staging"], region)
    found = tools.cluster.previews(place)
    ended = (
        [item for item in found if item.name == wanted] if wanted else expired(found, time.time())
    )
    for item in ended:
        console.print(
            f"{item.name}: namespace {item.namespace}, since {item.created:%Y-%m-%d %H:%M}"
        )
    if not ended:
        console.print("nothing to clean up")
        return
    if not yes and not typer.confirm(f"Delete {len(ended)} preview(s)?"):
        raise ReleaseError("nothing was done")
    for item in ended:
        delete_preview(tools, replace(place, preview=item.name))
